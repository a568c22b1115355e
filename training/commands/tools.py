"""`tools`: find llama.cpp's converter and quantizer, or build them."""
from __future__ import annotations

from training import tools
from training.commands import Subcommands, declare

ORDER = 60


def add(commands: Subcommands) -> None:
    tools.add_arguments(declare(commands, "tools", tools.main, "Find llama.cpp's converter and quantizer, or build them.", "--build"))
