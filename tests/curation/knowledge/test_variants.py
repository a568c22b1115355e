"""A row's facts change with what stands near the registration."""

from __future__ import annotations

from typing import Any

import pytest

from curation.csource import build_index
from curation.knowledge import Row
from curation.tasks.callback_timing import propose

CHIP = """#include <linux/gpio/driver.h>
static int level(struct gpio_chip *c, unsigned int n)
{
	return 0;
}
static void init(struct gpio_chip *c)
{
	c->get = level;
	%s
}
"""


def answer(text: str) -> tuple[Any, Any]:
    [proposal] = propose(build_index([("a.c", text)]))
    return proposal.answer["context"], proposal.answer["may_sleep"]


def test_a_gpio_chip_that_can_sleep_is_read_where_sleeping_is_right() -> None:
    assert answer(CHIP % "c->can_sleep = true;") == ("process", True)
    assert answer(CHIP % "c->can_sleep = false;") == ("atomic", False)
    assert answer(CHIP % "") == ("atomic", False)


def test_the_braces_around_a_field_tell_of_its_own_object_only() -> None:
    text = """#include <net/netfilter/nfnetlink.h>
static int get(struct sk_buff *s) { return 0; }
static int put(struct sk_buff *s) { return 0; }
static const struct nfnl_callback table[] = {
	[0] = { .call = get, .type = NFNL_CB_RCU, },
	[1] = { .call = put, .type = NFNL_CB_MUTEX, },
};
"""
    found = {p.function: p.answer["may_sleep"] for p in propose(build_index([("a.c", text)]))}
    assert found == {"get": False, "put": True}


@pytest.mark.parametrize("variant", [{}, {"arg": 1}, {"matches": "x"}, {"file_matches": "x", "object_matches": "y"}, {"file_matches": "("}])
def test_a_variant_that_looks_at_nothing_or_at_two_things_is_refused(variant: dict[str, Any]) -> None:
    words = {"en": "it happens", "zh": "发生时"}
    with pytest.raises(ValueError):
        Row.model_validate(
            {
                "id": "demo.x",
                "kind": "function",
                "names": ["x"],
                "handler_arg": 0,
                "trigger": words,
                "source": "x(3)",
                "subsystem": "libc",
                "platform": "posix",
                "variants": [variant],
            }
        )


def test_a_row_for_all_fields_speaks_only_for_those_without_a_row_of_their_own() -> None:
    text = """#include <linux/usb/serial.h>
static int opened(struct usb_serial_port *p) { return 0; }
static int wrote(struct usb_serial_port *p) { return 0; }
static struct usb_serial_driver d = { .open = opened, .write = wrote };
"""
    found = {p.function: (p.answer["context"], p.answer["may_sleep"]) for p in propose(build_index([("a.c", text)]))}
    assert found == {"opened": ("process", True), "wrote": ("atomic", False)}


def test_a_function_that_only_a_macro_s_body_hands_on_is_proposed_where_the_macro_is_used() -> None:
    text = """#include <stdlib.h>
static int by_size(const void *a, const void *b) { return 0; }
#define SORT(what) sort_table(what, 8, by_size)
static void sort_table(void *t, int n, int (*less)(const void *, const void *)) { less(t, t); }
void f(void *t) { SORT(t); }
"""
    found = {p.function: (p.answer["context"], p.answer["registered_via"]) for p in propose(build_index([("a.c", text)]))}
    assert found == {"by_size": ("sync", "sort_table")}


SEQUENCE = """#include <linux/seq_file.h>
static void *first(struct seq_file *m)
{
	%s
	return m->private;
}
static void *my_start(struct seq_file *m, loff_t *pos)
{
	return first(m);
}
static int my_show(struct seq_file *m, void *v)
{
	return 0;
}
static const struct seq_operations ops = { .start = my_start, .show = my_show };
"""


@pytest.mark.parametrize(("lock", "told"), [("read_lock(&my_lock);", ("atomic", False)), ("mutex_lock(&my_lock);", ("process", True))])
def test_a_lock_that_a_helper_of_start_leaves_held_is_held_while_the_sequence_is_shown(lock: str, told: tuple[str, bool]) -> None:
    found = {p.function: (p.answer["context"], p.answer["may_sleep"]) for p in propose(build_index([("a.c", SEQUENCE % lock)]))}
    assert found["my_show"] == told
