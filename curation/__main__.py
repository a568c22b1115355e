"""The command line of curation: `python -m curation COMMAND --help` says what a command does, with examples.

>>> python -m curation import datasets/demo/src --name demo

Exit codes: 0 done; 2 an error that the user can mend, said in one line on standard error, or wrong usage; 130 interrupted.
"""
from __future__ import annotations

import argparse
import os
import sys

from curation import __version__, command
from curation.commands import explain, export, freeze, generate, imports, index, knowledge, propose, review, sample, search, sources, users
from curation.errors import UserError


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=command("curation"), description="From C sources to a frozen dataset: bring code in, propose, label and review, freeze.",
        epilog=f"`{command('curation')} COMMAND --help` says what a command does, with examples.",
    )
    top.add_argument("--version", action="version", version=f"FlowSight Workbench {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for entry in (imports, sample, sources, index, knowledge, search, propose, explain, generate, review, freeze, export, users):
        entry.add(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a text or a path may hold what the terminal's encoding cannot write
    given = parser().parse_args(argv)
    try:
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


if __name__ == "__main__":
    sys.exit(main())
