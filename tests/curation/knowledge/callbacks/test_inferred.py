"""What is known of a callback that no row speaks about, and where nothing is."""
from __future__ import annotations

from curation.csource import build_index
from curation.knowledge.callbacks.inferred import Inferred, inference_of
from curation.knowledge.matching import corpus_of

_KERNEL = "#include <linux/module.h>\n"


def _found(text: str) -> dict[str, Inferred]:
    return {one.callback: one for one in inference_of(corpus_of(build_index([("a.c", text)], jobs=0))).all(None)}


def test_of_an_api_that_nobody_knows_nothing_is_said() -> None:
    one = _found(_KERNEL + "static void go(void *p) { }\nvoid m(void) { vendor_hook(go); }\n")["go"]
    assert (one.via, one.runs_in, one.may_sleep, one.sure) == ("vendor_hook", None, None, False)


def test_the_name_of_an_api_is_a_guess_and_called_so() -> None:
    one = _found(_KERNEL + "static void go(void *p) { }\nvoid m(void) { vendor_request_irq(3, go); }\n")["go"]
    assert (one.runs_in, one.may_sleep, one.sure) == ("hardirq", False, False)


def test_a_callback_that_is_called_before_its_function_returns_runs_there_and_then() -> None:
    text = _KERNEL + "static void go(int n) { }\nstatic void each(void (*f)(int)) { f(1); }\nvoid m(void) { each(go); }\n"
    one = _found(text)["go"]
    assert one.at_once and one.chain[-1:] == ("each",)


def test_a_body_that_sleeps_runs_where_sleeping_is_right() -> None:
    one = _found(_KERNEL + "static void go(void *p) { msleep(5); }\nvoid m(void) { vendor_hook(go); }\n")["go"]
    assert (one.runs_in, one.may_sleep, one.sure) == ("process", True, True)


def test_behind_a_cast_macro_the_outer_function_registers() -> None:
    one = _found("#include <stdio.h>\nstatic void go(void *p) { }\nvoid m(void *w) { own_register(w, OWN_CAST(go)); }\n")["go"]
    assert one.via == "own_register"
