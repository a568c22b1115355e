"""Rows speak about code of their own platform, and two places mean the same object where their paths do."""
from __future__ import annotations

import pytest

from curation.csource import build_index
from curation.knowledge.matching import Corpus, corpus_of

_DRIVER = """#include <linux/workqueue.h>
struct foo { struct work_struct work; };
static void a(struct foo *dev) { INIT_WORK(&dev->work, go); }
static void b(struct foo *priv) { struct work_struct *w = &priv->work; schedule_work(w); }
static struct work_struct alone;
static void c(void) { schedule_work(&alone); }
"""


def _corpus(*texts: tuple[str, str]) -> Corpus:
    return corpus_of(build_index(list(texts), jobs=0))


@pytest.mark.parametrize(("text", "platform"), [
    ("#include <linux/module.h>\n", "linux"),
    ("#include <stdio.h>\n", "user"),
    ("int f(void) { printk(\"x\"); }\n", "linux"),
    ("int main(void) { return 0; }\n", "user"),
    ("int x;\n", None),
])
def test_a_file_is_of_the_kernel_or_of_a_program(text: str, platform: str | None) -> None:
    assert _corpus(("a.c", text)).platform("a.c") == platform


def test_a_row_says_nothing_of_another_platform_or_of_a_files_own_function() -> None:
    call = "void m(void *b) { schedule_work(b); }\n"
    corpus = _corpus(
        ("k.c", "#include <linux/workqueue.h>\n" + call), ("u.c", "#include <stdio.h>\n" + call),
        ("own/o.c", "#include <linux/workqueue.h>\nstatic void schedule_work(void *b) { }\n" + call))
    found = {c.file: [row.id for row in corpus.rows_for_call(c)] for c in corpus.index.calls()}
    assert found["k.c"] and found["u.c"] == found["own/o.c"] == []


def test_the_same_member_of_the_same_struct_is_the_same_object_under_any_name() -> None:
    corpus = _corpus(("a.c", _DRIVER))
    keys = [corpus.object_key(c.args[0].operands, c.file, c.function) for c in corpus.index.calls("a.c") if c.callee_name != "go"]
    assert keys == ["foo.work", "foo.work", "alone"]
