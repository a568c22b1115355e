"""How does C code come in, and how is it read again? From a folder on this machine, an archive, or a git address.

>>> report = import_folder(store, settings, actor, Path("/srv/libuv/src"), name="libuv")
>>> report.added, report.unchanged, [p.path for p in report.problems]
(112, 0, ['unix/fifo.c'])

Files are taken by the names that propose and index go by (csource/sources/files.py), and those that are only ever read into others
("ops.def"); what is passed over though it holds C code by its name, and each #include that no file answers, is told. Their bytes go to
content-addressed blobs as they come; the source and its list of files become visible in one transaction at the end, so an import that
fails leaves nothing behind on any screen. Importing a source again brings it to the new state: unchanged files are told by their hash;
files that are gone leave the tree (what was labeled in them is kept with its excerpt).

Not covered: assembler (.S), and generated files that a build would make.
"""
from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from curation.csource.sources.decode import Undecodable, decode
from curation.csource.sources.files import C_SUFFIXES, INCLUDED_SUFFIXES, is_near_c
from curation.csource.sources.inclusions import IncludePaths, Unanswered, includes_of, quoted_of, unanswered
from curation.errors import BadValue, NotAllowed, NotFound, Reason, UserError, reason_record, remade_reason
from curation.model import Actor, canonical_json
from curation.people.access import require
from curation.people.users import needs_sign_in
from curation.settings import Settings
from curation.sourcing import blobs
from curation.sourcing.archives import Limits, Member, Problem, printable, read_members, safe_path, too_large, unsafe
from curation.sourcing.git import clone_as_tar, without_credentials
from curation.store import Store
from curation.store import sources as rows
from curation.store.sources import SourceRow

SUFFIXES = (*C_SUFFIXES, *INCLUDED_SUFFIXES)
LONGEST_LINE = 100_000  # characters; hand-written C has none, and editors and parsers choke on more
PASSED_OVER = frozenset({".git", ".hg", ".svn"})
Wanted = Callable[[str], bool]


class NothingToImport(UserError):
    code = "nothing_to_import"
    text = "{where} holds no file ending in {suffixes}. Give the folder or archive that has the C code in it."


@dataclass(frozen=True)
class ImportReport:
    """added: files that are new or have new bytes. removed: files the source had before and now has not. bytes: of all its files
    together. problems: files not taken, or taken but giving no facts. passed_over: files that hold C code by their names and are not read.
    unanswered: #includes that no file of the source answers."""

    source: str
    added: int
    unchanged: int
    removed: int
    bytes: int
    problems: list[Problem] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)


@dataclass(frozen=True)
class FileEntry:
    """One file of a source. lines, encoding: None when it could not be decoded. problem: why it gives no facts; None: none."""

    path: str
    bytes: int
    lines: int | None
    encoding: str | None
    sha256: str
    problem: Problem | None


@dataclass(frozen=True)
class SourceText:
    path: str
    text: str
    encoding: str
    sha256: str


@dataclass(frozen=True)
class Hit:
    """line: 1-based. text: that line, stripped, cut to 300 characters."""

    path: str
    line: int
    text: str


def import_folder(
    store: Store, settings: Settings, actor: Actor, path: Path | str, name: str | None = None, *,
    suffixes: tuple[str, ...] = SUFFIXES, from_shell: bool = False,
) -> ImportReport:
    """Imports the C files below a folder of this machine; links are not followed.

    name: None: the folder's. from_shell: the caller has this machine's shell, so settings.import_roots bind nothing.
    Raises NotFound, NotAllowed (no lead; a folder outside import_roots), NothingToImport."""
    require(actor, "lead", action="import sources")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise NotFound(kind="folder", name=str(path))
    folder = folder.resolve()
    if not from_shell:
        check_root(store, settings, actor, folder)
    return _import(store, settings, actor, name or _free_name(store, folder.name, str(folder)), str(folder), None,
                   _Names(suffixes), lambda wanted: _folder_files(folder, settings.max_file_bytes, wanted))


def import_archive(
    store: Store, settings: Settings, actor: Actor, packed: IO[bytes] | Path | str, filename: str, name: str | None = None, *,
    suffixes: tuple[str, ...] = SUFFIXES, limits: Limits | None = None,
) -> ImportReport:
    """Imports the C files of a .zip, .tar, .tar.gz, .tar.xz or .tar.bz2. packed: a seekable binary stream, or the file's path.

    name: None: the file's name without its ending. Raises BrokenArchive (and then nothing is imported), NothingToImport."""
    require(actor, "lead", action="import sources")
    filename = printable(Path(filename).name)
    source = name or _free_name(store, re.sub(r"(\.tar)?\.\w+$", "", filename), filename)
    limits = limits or Limits(file_bytes=settings.max_file_bytes)
    with open(packed, "rb") if isinstance(packed, (str, Path)) else nullcontext(packed) as stream:
        return _import(store, settings, actor, source, filename, None, _Names(suffixes),
                       lambda wanted: read_members(stream, filename, limits, wanted))


def import_git(
    store: Store, settings: Settings, actor: Actor, url: str, name: str | None = None, revision: str | None = None, *,
    suffixes: tuple[str, ...] = SUFFIXES, from_shell: bool = False, timeout_s: float = 600.0,
) -> ImportReport:
    """Imports one state of a git repository (https, ssh, git, file), without its history and submodules.

    revision: branch, tag or commit; None: the remote's HEAD. The stored origin has no user or password in it. Raises GitFailed."""
    require(actor, "lead", action="import sources")
    if url.startswith("file:") and not from_shell:
        check_root(store, settings, actor, Path(unquote(re.sub("^file:/*", "/", url))).resolve())  # git decodes %2e%2e too
    origin = without_credentials(url)
    source = name or _free_name(store, re.sub(r"\.git/*$|/+$", "", origin).rsplit("/", 1)[-1].rsplit(":", 1)[-1], origin)
    with clone_as_tar(url, revision, settings.cache_dir, timeout_s) as (packed, commit):
        return _import(store, settings, actor, source, origin, commit, _Names(suffixes),
                       lambda wanted: read_members(packed, origin, Limits(file_bytes=settings.max_file_bytes), wanted))


def check_root(store: Store, settings: Settings, actor: Actor, path: Path) -> None:
    """A page may read this machine's folders only below settings.import_roots, unless the one local user sits at it.

    Raises NotAllowed."""
    if needs_sign_in(store, True) and not any(path.is_relative_to(root.resolve()) for root in settings.import_roots):
        action = Reason("import_path", "import {path} (it is not below any of import_roots in flowsight.toml)", path=path)
        raise NotAllowed(user=actor.name, role=actor.role, action=action)


def list_sources(store: Store) -> list[SourceRow]:
    """Every source with its totals, by name."""
    return rows.all_sources(store)


def tree(store: Store, source: str) -> list[FileEntry]:
    """The files of a source by path. Raises NotFound."""
    _known(store, source)
    return [FileEntry(r.path, r.bytes, r.lines, r.encoding, r.sha256, _problem(r)) for r in rows.files(store, source)]


def read_text(store: Store, settings: Settings, source: str, path: str) -> SourceText:
    """A file's decoded text, with `\\n` line ends. Raises NotFound, and BadValue for a file that could not be decoded."""
    row = rows.file(store, source, path)
    if row is None:
        raise NotFound(kind="source file", name=f"{source}/{path}")
    problem = _problem(row)
    if problem is not None or row.encoding is None:
        why = Reason("not_decoded", "could not be decoded")
        why = Reason("cannot_be_shown", "cannot be shown: {why}", why=problem.why) if problem else why
        raise BadValue(field="file", value=f"{source}/{path}", why=why, todo=Reason("other_file", "Choose another file."))
    return _text(settings, row)


def texts(store: Store, settings: Settings, source: str) -> Iterator[SourceText]:
    """The decoded text of every file without a problem, by path. Raises NotFound."""
    _known(store, source)
    for row in rows.files(store, source):
        if row.problem is None and row.encoding is not None:
            yield _text(settings, row)


def search(store: Store, settings: Settings, source: str, query: str, limit: int = 100) -> list[Hit]:
    """The first lines that hold `query` as plain text, case ignored when the query is all lower case. "" finds nothing."""
    found: list[Hit] = []
    if not query.strip():
        return found
    fold = query == query.lower()
    for file in texts(store, settings, source):
        if query not in (file.text.lower() if fold else file.text):
            continue
        for number, line in enumerate(file.text.split("\n"), 1):
            if query in (line.lower() if fold else line):
                found.append(Hit(file.path, number, line.strip()[:300]))
                if len(found) >= limit:
                    return found
    return found


def _import(
    store: Store, settings: Settings, actor: Actor, source: str, origin: str, revision: str | None, names: _Names,
    found: Callable[[Wanted], Iterable[Member | Problem]],
) -> ImportReport:
    check_name(source)
    files: dict[str, rows.FileRow] = {}
    problems: list[Problem] = []
    includes: dict[str, tuple[list[tuple[int, str]], list[tuple[int, str]]]] = {}  # of each file: in quotes, in the place of code
    for each in found(names):
        if isinstance(each, Member) and each.path in files:
            each = Problem(each.path, Reason("twice", "the archive holds this name twice; the first one was taken"))
        if isinstance(each, Problem):
            problems.append(each)
            continue
        row, text = _file_row(settings, each)
        files[each.path] = row
        includes[each.path] = quoted_of(text), includes_of(text)
        if (problem := _problem(row)) is not None:
            problems.append(problem)
    if not files and not problems:
        raise NothingToImport(where=origin, suffixes=", ".join(names.suffixes))
    before = {row.path: row.sha256 for row in rows.files(store, source)}
    rows.put(store, source, origin, revision, actor.name, files.values())
    paths = IncludePaths(sorted(files))
    unchanged = sum(before.get(path) == row.sha256 for path, row in files.items())
    return ImportReport(
        source, added=len(files) - unchanged, unchanged=unchanged, removed=len(before.keys() - files.keys()),
        bytes=sum(row.bytes for row in files.values()), problems=sorted(problems, key=lambda p: (p.path, p.code)),
        passed_over=sorted(names.passed_over),
        unanswered=[one for file in sorted(includes) for one in unanswered(paths, file, *includes[file])],
    )


class _Names:
    """Which names are wanted; those that are not, and hold C code by their looks, are noted."""

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        self.suffixes = suffixes
        self.passed_over: set[str] = set()

    def __call__(self, path: str) -> bool:
        if path.lower().endswith(self.suffixes):
            return True
        if is_near_c(path):
            self.passed_over.add(printable(path))
        return False


def _file_row(settings: Settings, member: Member) -> tuple[rows.FileRow, str]:
    """The row, and the text; "" where it cannot be decoded."""
    sha256 = blobs.put(settings.blobs_dir, member.data)
    size = len(member.data)
    try:
        decoded = decode(member.data)
    except Undecodable as err:
        return rows.FileRow(member.path, sha256, size, None, None, _kept(Reason("undecodable", "{why}", why=err.params["why"]))), ""
    lines = decoded.text.split("\n")
    longest = max(map(len, lines))
    problem = None
    if longest > LONGEST_LINE:
        problem = _kept(Reason("long_line", "a line of {longest} characters (more than {most}); such generated text gives no sites",
                               longest=longest, most=LONGEST_LINE))
    return rows.FileRow(member.path, sha256, size, decoded.encoding, len(lines) - (lines[-1] == ""), problem), decoded.text


def _folder_files(folder: Path, most_bytes: int, wanted: Wanted) -> Iterator[Member | Problem]:
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(d for d in folders if d not in PASSED_OVER)
        for name in sorted(names):
            full = Path(place) / name
            relative = full.relative_to(folder).as_posix()
            if wanted(relative):
                yield _folder_file(full, relative, most_bytes)


def _folder_file(full: Path, relative: str, most_bytes: int) -> Member | Problem:
    path = printable(relative)
    try:
        mode = full.lstat().st_mode
        safe = relative if safe_path(relative) == relative else None
        if (problem := unsafe(relative, safe, stat.S_ISREG(mode), stat.S_ISLNK(mode))) is not None:
            return problem
        with open(os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as err:
        return Problem(path, Reason("unreadable", "{said}", said=err.strerror or str(err)))
    if len(data) > most_bytes:
        return too_large(path, most_bytes)
    return Member(path, data)


def check_name(name: str) -> None:
    """Raises BadValue for a name that a source cannot have."""
    if not re.fullmatch(r"\w[\w.+-]{0,99}", name):
        rule = Reason("source_name_rule", "Use 1 to 100 letters, digits, dots, dashes and underscores, a letter or digit first.")
        raise BadValue(field="name", value=name, why=Reason("no_source_name", "is no name for a source"), todo=rule)


def _free_name(store: Store, wanted: str, origin: str) -> str:
    """A name made of the origin's own: the same for the same origin, a numbered one when another origin has it."""
    base = re.sub(r"[^\w.+-]+", "-", printable(wanted)).strip("-.+")[:80] or "source"
    name, number = base, 1
    while (known := rows.origin_of(store, name)) is not None and known != origin:
        number += 1
        name = f"{base}-{number}"
    return name


def _known(store: Store, source: str) -> None:
    if rows.origin_of(store, source) is None:
        raise NotFound(kind="source", name=source)


def _problem(row: rows.FileRow) -> Problem | None:
    if row.problem is None:
        return None
    kept = json.loads(row.problem)
    if "why" in kept:  # written before reasons could be translated
        return Problem(row.path, Reason(kept["code"], "{why}", why=kept["why"]))
    return Problem(row.path, remade_reason(kept))


def _kept(why: Reason) -> str:
    return canonical_json(reason_record(why))


def _text(settings: Settings, row: rows.FileRow) -> SourceText:
    decoded = decode(blobs.get(settings.blobs_dir, row.sha256))
    return SourceText(row.path, decoded.text, decoded.encoding, row.sha256)
