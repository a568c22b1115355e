"""A store of any age, or none, becomes one that this program knows; what is not a store of ours is left as it is.

`schemas/` holds what main created at each version that it ever had, as SQL: version 1 is that of 03c7ee8, 2 bba55f7, 3 54a5f68, 4 9269a05,
5 4d35613.
"""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from curation.store import Store, items, knowledge, migrations, open_store, queues, tables
from curation.store.engine import StoreFailed
from curation.store.migrations import STEPS, NotAStore, Step, StoreTooNew, migrate
from curation.store.opening import connected
from tests.curation.conftest import WANG, site, two_answers

SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = range(1, 6)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    made = connected(store_url)
    yield made
    made.dispose()


def run(db: Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(text(statement))


def make(engine: Engine, version: int, rows: str = "") -> None:
    """The store as main made it at that version, with rows."""
    with engine.begin() as db:
        run(db, (SCHEMAS / f"v{version}_{engine.dialect.name}.sql").read_text())
        run(db, rows)


def schema(engine: Engine) -> dict[str, Any]:
    """Every table with its columns in order, keys, constraints and indexes, as the database tells them."""
    seen = inspect(engine)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(table)],
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "references": sorted((k["constrained_columns"], k["referred_table"]) for k in seen.get_foreign_keys(table)),
            "once": sorted((u["name"], u["column_names"]) for u in seen.get_unique_constraints(table)),
            "indexes": sorted((i["name"], i["column_names"], bool(i["unique"])) for i in seen.get_indexes(table)),
        }
        for table in sorted(seen.get_table_names())
    }


def version_of(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.execute(text("SELECT version FROM schema_version")).scalar_one())


@pytest.fixture
def wanted(engine: Engine) -> dict[str, Any]:
    """What tables.py says, made by itself in an empty database, which is empty again afterwards."""
    tables.metadata.create_all(engine)
    found = schema(engine)
    tables.metadata.drop_all(engine)
    return found


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [step.name[:5] for step in STEPS] == [f"m{n:03d}_" for n in range(1, len(STEPS) + 1)]


def test_a_step_looks_at_no_table_of_today() -> None:
    for path in Path(migrations.__file__).parent.glob("m*.py"):
        assert "curation" not in path.read_text(encoding="utf-8"), f"{path.name} imports what changes"


def test_an_empty_database_becomes_what_the_tables_say(engine: Engine, store_url: str, wanted: dict[str, Any]) -> None:
    open_store(store_url).close()
    assert schema(engine) == wanted
    assert version_of(engine) == len(STEPS)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_every_version_becomes_what_the_tables_say(
    engine: Engine, store_url: str, wanted: dict[str, Any], version: int
) -> None:
    make(engine, version)
    open_store(store_url).close()
    assert schema(engine) == wanted
    assert version_of(engine) == len(STEPS)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_steps_up_to_a_version_make_the_schema_that_main_had_then(version: int) -> None:
    then, stepped = create_engine("sqlite://"), create_engine("sqlite://")
    make(then, version)
    with stepped.begin() as db:
        for step in STEPS[:version]:
            step.apply(db)
    assert schema(stepped) == schema(then)


ROWS = """INSERT INTO users (name, role, lang, created_at) VALUES ('wang', 'annotator', 'en', '2026-11-21T00:00:00.000Z');
INSERT INTO items (id, task, origin, source, file, line, payload, excerpt, group_key, flags, meta, seq, created_at) VALUES
  ('i1', 'function_pointer', 'site', 'lib', 'a.c', 7, '{"column": 17, "score": 0.5, "answer": {}}', '', 'a.c', '[]', '{}', 1, 't'),
  ('i2', 'function_pointer', 'site', 'lib', 'a.c', 9, '{"answer": {}}', '', 'a.c', '[]', '{}', 2, 't'),
  ('i3', 'preference', 'imported', NULL, NULL, NULL, '{"prompt": "p", "a": "x", "b": "y"}', '', 'p', '[]', '{}', 3, 't');
INSERT INTO annotations (item_id, "user", role, op_id, action, explanation, created_at) VALUES
  ('i1', 'wang', 'annotator', 'o1', 'none', '{}', 't'), ('i2', 'wang', 'annotator', 'o2', 'skip', '{}', 't');
INSERT INTO drafts (item_id, "user", fields, saved_at) VALUES ('i3', 'wang', '{"choice": "a"}', 't');
"""
STATES = """INSERT INTO item_states (item_id, task, source, seq, score, status, answers) VALUES
  ('i1', 'function_pointer', 'lib', 1, 0.5, 'disputed', 1), ('i2', 'function_pointer', 'lib', 2, 0, 'open', 0),
  ('i3', 'preference', NULL, 3, 0, 'open', 0);
"""
STATES_WITH_COLUMN = """INSERT INTO item_states (item_id, task, source, seq, score, site_column, status, answers) VALUES
  ('i1', 'function_pointer', 'lib', 1, 0.5, 17, 'answered', 1), ('i2', 'function_pointer', 'lib', 2, 0, 1, 'skipped', 0),
  ('i3', 'preference', NULL, 3, 0, 1, 'open', 0);
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_what_people_did_in_a_store_of_every_version_is_kept_and_goes_on(engine: Engine, store_url: str, version: int) -> None:
    make(engine, version, ROWS + ("" if version == 1 else STATES if version < 4 else STATES_WITH_COLUMN))
    store = open_store(store_url)
    assert [a.action for given in items.annotations(store, ["i1", "i2", "i3"]).values() for a in given] == ["none", "skip"]
    assert items.draft(store, "i3", "wang") == {"choice": "a"}
    assert queues.counts(store) == {("function_pointer", "answered"): 1, ("function_pointer", "skipped"): 1, ("preference", "open"): 1}
    assert [(mark["column"], mark["status"]) for mark in queues.marks(store, "lib", "a.c")] == [(17, "answered"), (1, "skipped")]
    assert items.add(store, [site(1), two_answers(1)]) == (2, 0)
    assert items.annotate(store, item_id="i2", actor=WANG, op_id="o3", action="none").id > 2
    assert knowledge.latest(store) == []
    store.close()


def test_a_column_that_is_added_tomorrow_does_not_break_what_was_made_before(engine: Engine, store_url: str) -> None:
    def adds(db: Connection) -> None:
        db.execute(text("ALTER TABLE items ADD COLUMN difficulty INTEGER"))

    tomorrow = [*STEPS, Step("m999_difficulty", adds)]
    make(engine, 2, ROWS + STATES)
    store = Store(engine)
    migrate(store, tomorrow)
    assert "difficulty" in {c["name"] for c in inspect(engine).get_columns("items")}
    assert version_of(engine) == len(tomorrow)
    migrate(store, tomorrow)  # is there already


def test_a_store_of_a_newer_program_is_refused_by_name_and_left_as_it_is(engine: Engine, store_url: str) -> None:
    open_store(store_url).close()
    newer = len(STEPS) + 1
    with engine.begin() as db:
        db.execute(text(f"UPDATE schema_version SET version = {newer}"))
    with pytest.raises(StoreTooNew) as refused:
        open_store(store_url)
    assert refused.value.params == {"where": Store(engine).where, "version": newer, "known": len(STEPS)}
    assert version_of(engine) == newer


def test_a_password_is_no_part_of_what_an_error_says(sqlite_store: Store) -> None:
    sqlite_store.engine.dispose()
    sqlite_store.engine = create_engine("postgresql+psycopg://ann:secret@db.example/x")
    assert "secret" not in sqlite_store.where and "db.example" in sqlite_store.where


def test_an_interrupted_migration_leaves_the_store_as_it_was(engine: Engine, store_url: str) -> None:
    make(engine, 1, ROWS)
    before = schema(engine)

    def fails(db: Connection) -> None:
        db.execute(text("CREATE TABLE half_done (n INTEGER)"))
        raise RuntimeError("power cut")

    store = Store(connected(store_url))
    with pytest.raises(RuntimeError):
        migrate(store, [*STEPS, Step("m999_fails", fails)])
    store.close()
    assert schema(engine) == before and version_of(engine) == 1


def test_a_database_of_another_program_is_left_as_it_is(engine: Engine, store_url: str) -> None:
    with engine.begin() as db:
        db.execute(text("CREATE TABLE users (id INTEGER, email TEXT)"))
    before = schema(engine)
    with pytest.raises(NotAStore, match="users"):
        open_store(store_url)
    assert schema(engine) == before


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    file.write_bytes(b"int main(void) { return 0; }\n" * 200)
    with pytest.raises(NotAStore, match="store.sqlite"):
        open_store(f"sqlite:///{file}")
    assert file.read_bytes() == b"int main(void) { return 0; }\n" * 200


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreFailed, match="home"):
        open_store(f"sqlite:///{tmp_path / 'home' / 'store.sqlite'}")


def test_an_old_store_that_is_opened_many_times_at_once_is_brought_up_once(engine: Engine, store_url: str) -> None:
    make(engine, 1, ROWS)
    with ThreadPoolExecutor(4) as pool:  # each has a connection of its own, as processes have
        stores = list(pool.map(open_store, [store_url] * 4))
    assert [queues.counts(store)[("function_pointer", "answered")] for store in stores] == [1, 1, 1, 1]
    for store in stores:
        store.close()
