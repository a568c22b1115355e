"""docs/training.md, and the README's lines that take too long to run: the real parsers take every command, and no command is left out."""
from __future__ import annotations

import argparse
import re
import shlex

import pytest

import curation.__main__
import training.__main__
from tests.copy_of_project import ROOT
from training import config
from training.gates import Gates

GUIDE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PARSERS = {"training": training.__main__.parser, "curation": curation.__main__.parser}


def _lines(text: str) -> list[str]:
    return [line for block in re.findall(r"```sh(?: long)?\n(.*?)```", text, re.S) for line in block.strip().splitlines()]


COMMANDS = [line for line in [*_lines(GUIDE), *_lines(README)] if " -m " in line]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_parser_takes_the_command(line: str) -> None:
    python, _, program, *arguments = shlex.split(line)
    assert python.endswith("python")
    try:
        assert callable(PARSERS[program]().parse_args(arguments).run)
    except SystemExit:
        pytest.fail(f"refused: {line}")


def _subcommands(parser: argparse.ArgumentParser) -> set[str]:
    return {name for action in parser._actions if isinstance(action, argparse._SubParsersAction) for name in action.choices}


def test_the_guide_has_every_command_stage_and_gate() -> None:
    assert _subcommands(training.__main__.parser()) == {shlex.split(line)[3] for line in _lines(GUIDE)}
    stages = set(re.findall(r"^\| `(\w+)` \| [a-z]", GUIDE.partition("## The stages")[2].partition("## The gates")[0], re.M))
    stages |= set(re.findall(r"^\| `(\w+)` \| F16", GUIDE, re.M))
    assert stages == {config.FIRST, *config.ORDER}
    for name, field in Gates.model_fields.items():
        assert f"`{name}`" in GUIDE or f"`{name}`:" in GUIDE, name
        assert str(field.default).lower() in GUIDE.partition("## The gates")[2], name
