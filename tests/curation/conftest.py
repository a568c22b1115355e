"""Fixtures: a store on SQLite and on a throw-away PostgreSQL, people, and items of every kind.

`store` runs a test over both databases, `sqlite_store` over SQLite alone. PostgreSQL is taken from the machine (pg_ctl on PATH or below
/usr/lib/postgresql); where there is none the test is skipped with the reason, and fails when CI is set.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field
from sqlalchemy import create_engine, text

from curation.model import Actor, Flag, Item, Lang, Model, Target, stable_id
from curation.store import Store, open_store
from curation.tasks import Task, all_tasks
from tests.patience import PATIENCE_S

WANG = Actor(name="wang", role="annotator")
MEI = Actor(name="mei", role="annotator")
REVA = Actor(name="reva", role="reviewer")
ZOE = Actor(name="zoe", role="reviewer")
LEAD = Actor(name="local", role="lead")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of an empty database on a server that lives as long as the test session."""
    pg_ctl = _pg_ctl()
    if pg_ctl is None:
        why = "no PostgreSQL server (pg_ctl) on this machine: install the package postgresql"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    home = Path(tempfile.mkdtemp(prefix="flowsight-pg-"))
    as_whom: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(home, "postgres", "postgres")
        as_whom = ["runuser", "-u", "postgres", "--"]
    data = home / "data"

    def pg(*args: str) -> None:
        subprocess.run([*as_whom, str(pg_ctl), "-D", str(data), "-s", *args], check=True, cwd=home, timeout=PATIENCE_S)

    pg("initdb", "-o", "--no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C")
    quick = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB"
    try:
        pg("start", "-w", "-l", str(home / "log"), "-o", f"-k {home} -c listen_addresses='' {quick}")
        yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        pg("stop", "-m", "immediate")
        shutil.rmtree(home, ignore_errors=True)


def _pg_ctl() -> Path | None:
    on_path = shutil.which("pg_ctl")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1] if found else None


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, one of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text("DROP SCHEMA public CASCADE"))
        db.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield opened
    opened.close()


def site(n: int, *, task: str = "function_pointer", source: str = "lib", file: str = "a.c", answer: Any = None, **proposal: Any) -> Item:
    """A site with a proposal; `n` makes it different from others."""
    payload = {
        "task": task, "file": file, "line": n + 1, "column": 3, "function": "run", "expression": f"ops->call{n}",
        "answer": {"targets": [{"name": f"target_{n}", "file": file, "line": 1}]} if answer is None else answer,
        **proposal,
    }
    return Item(
        id=stable_id(task, source, file, n), task=task, origin="site", source=source, file=file, line=n + 1, payload=payload,
        excerpt=f"ops->call{n}();", group=f"{source}/{file}",
    )


def pair(n: int, *, lang: Lang = "en", flags: tuple[str, ...] = (), output: str | None = None) -> Item:
    payload = {"instruction": f"What does call {n} reach?", "input": f"ops->call{n}();", "output": output or f"It reaches target_{n}."}
    return Item(
        id=stable_id("pair", lang, n), task="self_instruct", origin="generated", lang=lang, payload=payload, group=f"seed-{n % 7}",
        flags=[Flag(filter=name) for name in flags],
    )


def two_answers(n: int, *, shown_first: str = "a") -> Item:
    payload = {"prompt": f"Explain call {n}.", "a": f"first answer {n}", "b": f"second answer {n}", "shown_first": shown_first, "seed": n}
    return Item(id=stable_id("preference", n), task="preference", origin="imported", lang="en", payload=payload, group=f"p{n}")


@pytest.fixture
def op() -> Callable[[], str]:
    """A new operation id at each call."""
    made = iter(range(10**9))
    return lambda: f"op-{next(made)}"


class ToyAnswer(Model):
    """A small answer with one scored set, two scored values, one of which can say none, external and incomplete."""

    targets: list[Target] = Field(default=[], json_schema_extra={"metric": "set", "key": "name"})
    may_sleep: bool | None = Field(default=None, json_schema_extra={"metric": "accuracy"})
    completeness: Literal["complete", "incomplete", "external", "none"] = Field(
        default="complete", json_schema_extra={"metric": "accuracy"}
    )


@pytest.fixture
def toy_task(monkeypatch: pytest.MonkeyPatch) -> Task:
    """A site task of the name "function_pointer" in the place of the real one, so that these tests stand by themselves."""
    toy = Task(name="function_pointer", kind="site", Answer=ToyAnswer, render=lambda *_: None, goal=(2000, 5000))
    monkeypatch.setitem(all_tasks(), toy.name, toy)
    return toy
