"""`python -m curation import`: a folder, an archive, a git address or a file of rows, all by one verb."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from curation import at_hand, formats
from curation.commands import Subcommands, add_user, declare, workspace
from curation.errors import BadRow, BadValue, NotFound
from curation.pairs import rows
from curation.sourcing import git, sources
from curation.sourcing.sources import ImportReport

KINDS = ("folder", "archive", "git", "rows")
_ARCHIVES = (".tar", ".zip", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2")
_ROWS = (".jsonl.gz", ".json.gz", ".csv.gz", ".tsv.gz", ".jsonl.zst", ".json.zst", ".csv.zst", ".parquet")
_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh")


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "import", run,
        "Bring in C code or training rows. A folder, an archive (.zip, .tar, .tar.gz, .tar.xz, .tar.bz2) or a git address becomes a "
        "source; a file of rows (Alpaca, ShareGPT, chat messages, question and answer, preference pairs, exports of "
        "labeling tools; JSON, JSON Lines, CSV, "
        "Parquet; .gz, .zst) goes to the review queue. "
        "What cannot be taken is listed with its reason, and the rest goes on.",
        "import datasets/demo/src --name demo", "import libuv-1.44.2.tar.gz",
        "import https://github.com/libuv/libuv.git --revision v1.44.2",
        "import alpaca_zh.jsonl --lang zh",
    )
    command.add_argument("what", help="folder, archive, git address or file of rows")
    command.add_argument("--as", dest="kind", choices=KINDS, help="what it is (default: told by itself)")
    command.add_argument("--name", help="the source's name (default: made of the folder's, archive's or repository's)")
    command.add_argument("--revision", help="git: branch, tag or commit (default: the remote's HEAD)")
    command.add_argument("--format", choices=sorted(formats.all_formats()), help="rows: the format (default: told by the keys)")
    command.add_argument("--lang", choices=["en", "zh"], help="rows: the language of all of them (default: told for each)")
    command.add_argument("--skip-bad", action="store_true", help="rows: take the good rows although some are bad (default: take none)")
    command.add_argument("--seed", type=int, default=0, help="rows: draws the position of preference answers (default 0)")
    add_user(command)


def run(given: argparse.Namespace) -> int:
    given.what = str(at_hand(given.what, given.home)) if "://" not in given.what else given.what
    kind = given.kind or kind_of(given.what)
    work = workspace(given)
    if kind == "rows":
        return _rows(given)
    if kind == "folder":
        report = sources.import_folder(work.store, work.settings, work.actor, given.what, given.name, from_shell=True)
    elif kind == "archive":
        path = Path(given.what)
        if not path.is_file():
            raise NotFound(kind="file", name=given.what)
        report = sources.import_archive(work.store, work.settings, work.actor, path, path.name, given.name)
    else:
        report = sources.import_git(work.store, work.settings, work.actor, given.what, given.name, given.revision, from_shell=True)
    _say(report)
    return 0


def kind_of(what: str) -> str:
    """Raises BadValue when it is neither a path nor a git address."""
    path = Path(what)
    if path.is_dir():
        return "folder"
    if path.is_file():
        with open(path, "rb") as file:
            start = file.read(512)
        if path.name.lower().endswith(_ROWS):
            return "rows"
        return "archive" if start.startswith(_PACKED) or start[257:262] == b"ustar" or path.suffix in _ARCHIVES else "rows"
    try:
        git.check_url(what)
    except BadValue:
        raise BadValue(field="what", value=what, why="is no folder, file or git address", todo="Check the path.") from None
    return "git"


def _say(report: ImportReport) -> None:
    removed = f", {report.removed} gone" if report.removed else ""
    print(f"{report.source}: {report.added} files added, {report.unchanged} unchanged{removed}; {report.bytes:,} bytes; "
          f"{len(report.problems)} problems")
    for problem in report.problems:
        print(f"  {problem.path}: {problem.why} [{problem.code}]", file=sys.stderr)


def _rows(given: argparse.Namespace) -> int:
    work = workspace(given)
    report = rows.import_rows(
        work.store, work.settings, work.actor, given.what, format=given.format, lang=given.lang, seed=given.seed, skip_bad=given.skip_bad,
        from_shell=True,
    )
    print(f"{Path(given.what).name}: {report.added} rows added, {report.known} known; format {report.format or 'none'}; "
          f"{len(report.problems)} problems")
    for problem in report.problems:
        print(f"  {BadRow.text.format(**problem.params)}", file=sys.stderr)
    for key, count in report.unread.items():
        print(f"  the key {key!r} was not read ({count} rows)", file=sys.stderr)
    if report.held:
        todo = f"mend the {len(report.problems)} rows above, or take the {report.held} good ones with --skip-bad"
        print(f"Nothing was written: {todo}.", file=sys.stderr)
    return 2 if report.held or not report.format else 0
