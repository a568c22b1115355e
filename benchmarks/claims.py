"""Do many people who ask for the next item at the same time get one each, also when some of them die with an item before them?

Every process is one person who claims the next item and labels it, until nothing is left. A share of the claims ends with a death: the
process goes without a word, and another one takes its place. Counted: items labeled twice (two people on one slot), items nobody labeled,
and how long after the end of its lease an item of the dead came to somebody else.

    python -m benchmarks.claims --processes 20 --items 400 --dying 0.1 --lease-s 2
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

from benchmarks.concurrent_saves import site
from curation.model import Actor
from curation.store import Store, claims, items, open_store, queues

ASKED: dict[str, Any] = {"tasks": ["function_pointer"], "status": "open"}


def person(url: str, who: str, dying: float, lease_s: float, told: Any) -> None:
    store, actor, chance = open_store(url), Actor(name=who, role="annotator"), random.Random(who)
    while left(store):
        began = time.perf_counter()
        item_id = claims.claim_next(store, user=who, lease_s=lease_s, **ASKED)
        if item_id is None:
            time.sleep(0.05)  # what is left is before somebody else
            continue
        told.put(("claimed", item_id, time.time(), time.perf_counter() - began))
        if chance.random() < dying:
            told.put(("died", item_id, time.time(), 0.0))
            told.close()
            told.join_thread()
            os._exit(9)
        items.annotate(store, item_id=item_id, actor=actor, op_id=uuid.uuid4().hex, action="none")
    store.close()


def left(store: Store) -> int:
    return queues.counts(store).get(("function_pointer", "open"), 0)


def measure(url: str, processes: int, number: int, dying: float, lease_s: float) -> dict[str, Any]:
    store = open_store(url)
    made = [site(n, uuid.uuid4().hex) for n in range(number)]
    items.add(store, made)
    store.close()
    fork = multiprocessing.get_context("fork")  # no store is open here: each process opens its own
    told: Any = fork.Queue()
    heard: list[tuple[str, str, float, float]] = []
    names = iter(range(10**9))

    def start() -> Any:
        one = fork.Process(target=person, args=(url, f"user{next(names)}", dying, lease_s, told))
        one.start()
        return one

    people = [start() for _ in range(processes)]
    while any(one.is_alive() for one in people) or not told.empty():
        while not told.empty():
            heard.append(told.get())
        people = [start() if one.exitcode == 9 else one for one in people]
        time.sleep(0.02)
    store = open_store(url)
    given = items.annotations(store, [item.id for item in made])
    store.close()
    waited = sorted(seconds for what, _, _, seconds in heard if what == "claimed")
    died = [(item_id, at) for what, item_id, at, _ in heard if what == "died"]
    again = [
        min((t for what, other, t, _ in heard if what == "claimed" and other == item_id and t > at), default=float("inf")) - at - lease_s
        for item_id, at in died
    ]
    return {
        "store": url.partition(":")[0], "processes": processes, "items": number, "lease_s": lease_s, "load": round(os.getloadavg()[0], 1),
        "claims": len(waited), "died": len(died), "labeled_twice": sum(len(g) > 1 for g in given.values()),
        "not_labeled": sum(not g for g in given.values()), "reclaimed_after_lease_s_max": round(max(again, default=0.0), 2),
        "p50_ms": round(1000 * waited[len(waited) // 2], 1), "p99_ms": round(1000 * waited[int(0.99 * len(waited))], 1),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--processes", type=int, default=20)
    asked.add_argument("--items", type=int, default=400)
    asked.add_argument("--dying", type=float, default=0.1, help="share of the claims that end with a death")
    asked.add_argument("--lease-s", type=float, default=2.0)
    asked.add_argument("--store", help="URL of an empty database (default: a new SQLite file)")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{Path(folder) / 'store.sqlite'}"
        print(json.dumps(measure(url, given.processes, given.items, given.dying, given.lease_s)))


if __name__ == "__main__":
    main()
