"""Do many people who save at the same time lose anything, and how long does one of them wait?

Every process is one person with a store of its own, who labels every item once through the label service: PROCESSES times SAVES saves
arrive as fast as they can (or with a pause between two saves, as people do). Afterwards the store is read: a save that was acknowledged
and is not there is lost, one that is there twice is doubled.

    python -m benchmarks.concurrent_saves --processes 20 --saves 100
    python -m benchmarks.concurrent_saves --processes 20 --saves 100 --store postgresql+psycopg://me@/empty --pause-s 0.3
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from curation.labeling import label
from curation.model import Actor, Item, stable_id
from curation.store import items, open_store


def site(n: int, run: str) -> Item:
    payload = {"task": "function_pointer", "file": "a.c", "line": n + 1, "column": 3, "function": "run", "expression": f"ops->call{n}",
               "answer": {"targets": [{"name": f"target_{n}", "file": "a.c", "line": 1}], "completeness": "complete"}}
    return Item(id=stable_id(run, n), task="function_pointer", origin="site", source="lib", file="a.c", line=n + 1, payload=payload,
                excerpt=f"ops->call{n}();", group="lib/a.c")


def person(url: str, who: int, ids: list[str], pause_s: float, start: Any, told: Any) -> None:
    store, actor = open_store(url), Actor(name=f"user{who}", role="annotator")
    order = random.Random(who).sample(ids, len(ids))
    waited, acknowledged, errors = [], [], []
    start.wait()
    for item_id in order:
        op_id = uuid.uuid4().hex
        began = time.perf_counter()
        try:
            label.save(store, actor, item_id, op_id, "none")
        except Exception as err:  # noqa: BLE001 - counted and shown
            errors.append(f"{type(err).__name__}: {err}")
        else:
            acknowledged.append(op_id)
        waited.append(time.perf_counter() - began)
        time.sleep(pause_s * random.Random(op_id).uniform(0.5, 1.5))
    store.close()
    told.put((waited, acknowledged, errors))


def measure(url: str, processes: int, saves: int, pause_s: float) -> dict[str, Any]:
    store = open_store(url)
    made = [site(n, uuid.uuid4().hex) for n in range(saves)]
    items.add(store, made)
    store.close()
    fork = multiprocessing.get_context("fork")  # no store is open here: each process opens its own
    start, told = fork.Barrier(processes + 1), fork.Queue()
    ids = [item.id for item in made]
    people = [fork.Process(target=person, args=(url, who, ids, pause_s, start, told)) for who in range(processes)]
    for each in people:
        each.start()
    start.wait()
    began = time.perf_counter()
    answers = [told.get() for _ in people]
    took = time.perf_counter() - began
    for each in people:
        each.join()
    store = open_store(url)
    kept = [a.op_id for given in items.annotations(store, ids).values() for a in given]
    store.close()
    waited = sorted(seconds for answer in answers for seconds in answer[0])
    acknowledged = {op_id for answer in answers for op_id in answer[1]}
    errors = [error for answer in answers for error in answer[2]]

    def at(share: float) -> float:
        return round(1000 * waited[min(len(waited) - 1, int(share * len(waited)))], 1)

    return {
        "store": url.partition(":")[0], "processes": processes, "saves": len(waited), "pause_s": pause_s,
        "load": round(os.getloadavg()[0], 1),
        "lost": len(acknowledged - set(kept)), "doubled": len(kept) - len(set(kept)), "errors": len(errors), "first_error": errors[:1],
        "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0), "saves_per_s": round(len(waited) / took, 1),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--processes", type=int, default=20)
    asked.add_argument("--saves", type=int, default=100, help="a process")
    asked.add_argument("--pause-s", type=float, default=0.0, help="between two saves of one process, give or take a half")
    asked.add_argument("--store", help="URL of an empty database (default: a new SQLite file)")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{Path(folder) / 'store.sqlite'}"
        print(json.dumps(measure(url, given.processes, given.saves, given.pause_s)))


if __name__ == "__main__":
    main()
