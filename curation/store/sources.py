"""Which sources were imported, and which files do they hold?

>>> put(store, SourceRow(name="demo", origin="/srv/demo", ...), [FileRow(path="a.c", sha256=..., bytes=12, ...)])
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import func, select

from curation.store.engine import Store, now
from curation.store.tables import source_files, sources


@dataclass(frozen=True)
class FileRow:
    """path: relative to the source, `/`. sha256: of the bytes as imported. encoding, lines: None when it could not be decoded.
    problem: JSON (errors.reason_record) of why it gives no facts; None: none."""

    path: str
    sha256: str
    bytes: int
    encoding: str | None
    lines: int | None
    problem: str | None


@dataclass(frozen=True)
class SourceRow:
    """origin: folder, archive name or git URL without credentials. revision: git commit, else None. files, bytes: totals."""

    name: str
    origin: str
    revision: str | None
    created_at: str
    created_by: str
    files: int = 0
    bytes: int = 0
    problems: int = 0


def put(store: Store, name: str, origin: str, revision: str | None, created_by: str, files: Iterable[FileRow]) -> None:
    """Makes the source, or brings it to these very files. One transaction: all of it or nothing is seen."""
    wanted = {f.path: f for f in files}
    with store.write() as db:
        made = sources.update().where(sources.c.name == name).values(origin=origin, revision=revision)
        if not db.execute(made).rowcount:
            db.execute(sources.insert().values(name=name, origin=origin, revision=revision, created_at=now(), created_by=created_by))
        mine = source_files.c.source == name
        known = {row.path: FileRow(*row) for row in db.execute(select(*_FILE).where(mine))}
        changed = [path for path in known if wanted.get(path) != known[path]]
        for start in range(0, len(changed), 500):
            db.execute(source_files.delete().where(mine, source_files.c.path.in_(changed[start:start + 500])))
        new = [{"source": name, **asdict(f)} for path, f in wanted.items() if known.get(path) != f]
        if new:
            db.execute(source_files.insert(), new)


_FILE = [source_files.c[name] for name in FileRow.__dataclass_fields__]


def all_sources(store: Store) -> list[SourceRow]:
    """Every source with its totals, by name."""
    totals = (
        select(
            source_files.c.source, func.count().label("files"), func.sum(source_files.c.bytes).label("bytes"),
            func.count(source_files.c.problem).label("problems"),
        ).group_by(source_files.c.source).subquery()
    )
    query = (
        select(sources, totals.c.files, totals.c.bytes, totals.c.problems)
        .join(totals, totals.c.source == sources.c.name, isouter=True).order_by(sources.c.name)
    )
    with store.read() as db:
        return [
            SourceRow(r.name, r.origin, r.revision, r.created_at, r.created_by, r.files or 0, int(r.bytes or 0), r.problems or 0)
            for r in db.execute(query)
        ]


def origin_of(store: Store, name: str) -> str | None:
    """Where a source came from; None when there is no such source."""
    with store.read() as db:
        return db.execute(select(sources.c.origin).where(sources.c.name == name)).scalar()


def files(store: Store, source: str) -> list[FileRow]:
    """The files of a source by path; [] when there is no such source."""
    with store.read() as db:
        return [FileRow(*row) for row in db.execute(select(*_FILE).where(source_files.c.source == source).order_by(source_files.c.path))]


def file(store: Store, source: str, path: str) -> FileRow | None:
    with store.read() as db:
        row = db.execute(select(*_FILE).where(source_files.c.source == source, source_files.c.path == path)).first()
    return None if row is None else FileRow(*row)
