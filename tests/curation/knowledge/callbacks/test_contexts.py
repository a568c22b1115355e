"""A function runs where its callers do, and under the locks that they hold."""
from __future__ import annotations

from curation.csource import build_index
from curation.knowledge.callbacks.callers import callers_of
from curation.knowledge.callbacks.contexts import Contexts, together
from curation.knowledge.matching import Corpus, corpus_of

_TEXT = """#include <linux/interrupt.h>
struct ops { void (*each)(int); };
static void only(int n) { n++; }
static void leaf(int n) { n++; }
static void callee(int n) { leaf(n); }
static struct ops o = { callee };
static void through(struct ops *p) { p->each(1); }
static irqreturn_t go(int irq, void *d) { leaf(1); only(1); return IRQ_HANDLED; }
static void locked(struct dev *d)
{
	mutex_lock(&d->m);
	spin_lock(&d->s);
	under(1);
	spin_unlock(&d->s);
}
static void under(int n) { }
void m(int n) { request_irq(n, go, 0, "x", 0); through(&o); }
"""


def _corpus() -> Corpus:
    return corpus_of(build_index([("a.c", _TEXT)], jobs=0))


def test_callers_are_found_by_name_and_through_pointers() -> None:
    callers = callers_of(_corpus())
    assert sorted(site.function for site in callers.by_name("a.c", "leaf")) == ["callee", "go"]
    assert [(site.function, site.line) for site in callers.through_pointers("a.c", "callee")] == [("through", 7)]


def test_what_an_interrupt_handler_calls_runs_in_the_interrupt() -> None:
    contexts = Contexts(_corpus())
    assert contexts.of("a.c", "go") == ("hardirq", False)
    assert contexts.of("a.c", "only") == ("hardirq", False)
    assert contexts.of("a.c", "leaf") == ("atomic", False)  # it is called from elsewhere, too


def test_what_is_called_under_a_lock_is_atomic_whoever_holds_it() -> None:
    contexts = Contexts(_corpus())
    assert contexts.held("a.c", "locked", 13) and not contexts.held("a.c", "locked", 11)
    assert contexts.of("a.c", "under") == ("atomic", False)
    assert contexts.of("a.c", "locked") == ("process", True)


def test_contexts_that_differ_are_the_strictest() -> None:
    assert together([]) is None
    assert together([("process", True), ("hardirq", False)]) == ("atomic", False)
    assert together([("process", True), ("process", None)]) == ("process", None)
