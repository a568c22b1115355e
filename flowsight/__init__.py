"""The program `flowsight`: `flowsight run` serves the app, `flowsight curation` and `flowsight training` are the two command lines.

>>> flowsight run --port 8600
>>> flowsight curation propose DIR --task all

An installed copy holds the house (app.py, curation/, training/, ui/, pages/, datasets/) in its folder `house/`; in a checkout the house is
the folder above. Nothing but this launcher knows the difference, and no name of the house but `flowsight` stands in site-packages.
"""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOUSE = HERE / "house" if (HERE / "house" / "app.py").is_file() else HERE.parent


def main(argv: list[str] | None = None) -> int:
    """Exit codes: those of the command; 2 for wrong usage."""
    sys.path.insert(0, str(HOUSE))  # not appended: another distribution may have a `training` or a `ui` of its own
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["curation"]:
        from curation.__main__ import main as curation

        return curation(words[1:])
    if words[:1] == ["training"]:
        from training.__main__ import main as training

        return training(words[1:])
    given = _parser().parse_args(words)
    return _serve(given.host, given.port)


def _parser() -> argparse.ArgumentParser:
    from curation import __version__

    top = argparse.ArgumentParser(prog="flowsight", description="FlowSight Workbench: training data for models of C, and their training.")
    top.add_argument("--version", action="version", version=f"flowsight {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve the app", description="Serve the app. FLOWSIGHT_HOME names the workspace.")
    run.add_argument("--host", default="127.0.0.1", help="the address to serve (default 127.0.0.1: this machine alone)")
    run.add_argument("--port", type=int, default=8501, help="default 8501")
    commands.add_parser("curation", help="from C sources to a frozen dataset; `flowsight curation --help`", add_help=False)
    commands.add_parser("training", help="from a frozen dataset to a packaged model; `flowsight training --help`", add_help=False)
    return top


def _serve(host: str, port: int) -> int:
    """Becomes Streamlit's server, in the house's folder: its .streamlit/config.toml counts, not one of the folder we were started in."""
    if home := os.environ.get("FLOWSIGHT_HOME"):
        os.environ["FLOWSIGHT_HOME"] = str(Path(home).absolute())
    os.chdir(HOUSE)
    words = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", host, "--server.port", str(port)]
    sys.stdout.flush()
    os.execv(sys.executable, words)
    return 0
