"""The command line of training: `python -m training COMMAND --help` says what a command does, with an example.

>>> python -m training train tiny --data datasets/flow/v0001 --follow

Each command is a file in training/commands/.
"""
from __future__ import annotations

import argparse
import os
import sys

from curation import __version__, command
from curation.errors import UserError
from training.commands import modules


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done; 2 an error that is told, wrong usage included; `status` and `--follow`: 3 when the run failed or died."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a text or a path may hold what the terminal's encoding cannot write
    try:
        given = parser().parse_args(argv)
        return int(given.run(given))
    except UserError as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as err:  # no right, no room: of the machine, not a defect
        print(f"error: {err.filename or given.command}: {err.strerror or err}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog=command("training"), description="From a frozen dataset to a packaged model.")
    top.add_argument("--version", action="version", version=f"FlowSight Workbench {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in modules():
        module.add(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
