"""Who asks first writes first, whoever dies or waits too long."""
from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from curation.store import Store, items
from curation.store.engine import StoreFailed
from curation.store.turns import TurnNotCome, WriteTurns
from tests.curation.conftest import site

HOLD = """import sys, time
from pathlib import Path
from curation.store.turns import WriteTurns
with WriteTurns(Path(sys.argv[1])).turn():
    print("writing", flush=True)
    time.sleep(600)
"""


def waiters(turns: WriteTurns) -> int:
    """How many wait for one of the line's two locks, as the kernel tells in /proc/locks."""
    numbers = {f":{file.stat().st_ino}" for file in turns.files}
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return sum(any(field.endswith(number) for number in numbers) for line in waiting for field in line)


def until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        time.sleep(0.005)


def test_who_asks_first_writes_first_among_processes(tmp_path: Path) -> None:
    """Each line of its own stands for a process: flock knows no difference."""
    wrote: list[int] = []

    def write(who: int) -> None:
        with WriteTurns(tmp_path / "s").turn():
            wrote.append(who)

    first = WriteTurns(tmp_path / "s")
    people = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    with first.turn():
        for n, one in enumerate(people, start=1):
            one.start()
            until(lambda n=n: waiters(first) == n)
    for one in people:
        one.join()
    assert wrote == list(range(8))


def test_who_asks_first_writes_first_among_threads(tmp_path: Path) -> None:
    wrote: list[int] = []
    turns = WriteTurns(tmp_path / "s")

    def write(who: int) -> None:
        with turns.turn():
            wrote.append(who)

    people = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    with turns.turn():
        for n, one in enumerate(people, start=2):
            one.start()
            until(lambda n=n: len(turns._line) == n)
    for one in people:
        one.join()
    assert wrote == list(range(8))


def test_a_process_that_is_killed_while_it_writes_gives_way(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "writing\n"
    with pytest.raises(TurnNotCome), WriteTurns(tmp_path / "s", wait_s=0.05).turn():
        pass
    holder.send_signal(signal.SIGKILL)
    with WriteTurns(tmp_path / "s", wait_s=600).turn():
        holder.wait()
    holder.stdout.close()


def test_who_waited_too_long_is_told_and_holds_up_nobody(tmp_path: Path) -> None:
    mine, impatient = WriteTurns(tmp_path / "s"), WriteTurns(tmp_path / "s", wait_s=0.02)
    with mine.turn():
        for _ in range(3):
            with pytest.raises(TurnNotCome), impatient.turn():
                pass
        with pytest.raises(TurnNotCome), WriteTurns(tmp_path / "s", wait_s=0).turn():
            pass
    with WriteTurns(tmp_path / "s", wait_s=600).turn():
        pass
    until(lambda: waiters(mine) == 0)  # nobody is left who waits for nothing


def test_a_store_says_that_others_write_and_goes_on_afterwards(sqlite_store: Store) -> None:
    assert sqlite_store._turns is not None
    others = WriteTurns(Path(str(sqlite_store.engine.url.database)))
    sqlite_store._turns.wait_s = 0.02
    with others.turn(), pytest.raises(StoreFailed, match="others have been writing"):
        items.add(sqlite_store, [site(1)])
    sqlite_store._turns.wait_s = 600
    assert items.add(sqlite_store, [site(1)]) == (1, 0)


def test_what_was_saved_outlasts_a_power_cut(sqlite_store: Store) -> None:
    with sqlite_store.read() as db:
        assert db.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL: every commit is on the disk before it is acknowledged
