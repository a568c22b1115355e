"""What is read of an index ends with it."""
from __future__ import annotations

import gc
import weakref

from curation.csource import build_index
from curation.sourcing.propose import propose_index

TEXT = "static int go(void *p)\n{\n\treturn 0;\n}\n\nvoid start(pthread_t *t)\n{\n\tpthread_create(t, 0, go, 0);\n}\n"


def test_nothing_keeps_an_index_that_nobody_uses_any_more() -> None:
    index = build_index([("a.c", TEXT)])
    assert [p.task for p in propose_index(index, ["callback_timing"])] == ["callback_timing"]
    ended = weakref.ref(index)
    del index
    gc.collect()
    assert ended() is None
