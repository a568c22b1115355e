"""Callbacks are found where they are given to an API that a row knows, by whatever way they get there."""
from __future__ import annotations

import pytest

from curation.csource import build_index
from curation.knowledge.callbacks.registrations import registrations
from curation.knowledge.matching import corpus_of

_HEAD = "#include <linux/interrupt.h>\nstatic irqreturn_t go(int irq, void *d) { return IRQ_HANDLED; }\n"


def _found(text: str) -> list[tuple[str, str, int, str | None]]:
    return [(r.callback, r.via, r.place.line, r.runs_in) for r in registrations(corpus_of(build_index([("a.c", text)], jobs=0)))]


@pytest.mark.parametrize("body", [
    "void m(int n) { request_irq(n, go, 0, \"x\", 0); }",
    "void m(int n) { irq_handler_t h = go; request_irq(n, h, 0, \"x\", 0); }",
    "void m(int n) { request_irq(n, n ? go : 0, 0, \"x\", 0); }",
])
def test_an_argument_is_followed_to_the_function_that_it_is(body: str) -> None:
    assert _found(_HEAD + body) == [("go", "request_irq", 3, "hardirq")]


def test_a_wrappers_caller_registers_what_it_hands_on() -> None:
    text = _HEAD + "static void wrap(int n, irq_handler_t h) { request_irq(n, h, 0, \"x\", 0); }\nvoid m(void) { wrap(1, go); }\n"
    assert _found(text) == [("go", "wrap", 4, "hardirq")]


def test_a_pasted_name_and_a_field_of_a_known_struct_are_registrations() -> None:
    text = ("#include <linux/device.h>\nstatic ssize_t mode_show(struct device *d, struct device_attribute *a, char *b) { return 0; }\n"
            "static DEVICE_ATTR_RO(mode);\nstatic int p(struct platform_device *d) { return 0; }\n"
            "static struct platform_driver drv = { .probe = p };\n")
    assert [(callback, via) for callback, via, _, _ in _found(text)] == [("mode_show", "DEVICE_ATTR_RO"), ("p", "platform_driver.probe")]


def test_a_constant_is_no_callback() -> None:
    assert _found(_HEAD + "void m(int n) { request_irq(n, NULL, 0, \"x\", 0); }\n") == []


def test_a_cast_by_a_macro_that_is_not_here_is_looked_through() -> None:
    text = ("#include <glib.h>\nstatic void on_close(void *w, void *d) { }\n"
            "void build(void *w) { g_signal_connect(w, \"close\", G_CALLBACK(on_close), 0); }\n")
    assert _found(text) == [("on_close", "g_signal_connect", 3, "sync")]
