"""Names and types of interfaces say where a callback runs, where nothing else does."""
from __future__ import annotations

import pytest

from curation.csource import build_index
from curation.knowledge.callbacks.conventions import (
    begins_or_ends,
    of_api,
    of_field,
    of_shares,
    of_signature,
    of_user_api,
    serves_container,
    walks_at_once,
)


@pytest.mark.parametrize(("said", "wanted"), [
    (of_api("foo_request_irq"), ("hardirq", False)),
    (of_api("foo_tasklet_setup"), ("softirq", False)),
    (of_api("foo_begin"), None),
    (of_field("isr"), ("hardirq", False)),
    (of_field("work_func"), ("process", True)),
    (of_field("name"), None),
    (of_user_api("on_exit"), ("exit", True)),
    (of_user_api("start_thread"), ("thread", True)),
    (of_user_api("list_foreach"), ("sync", True)),
    (of_user_api("add_timeout"), ("eventloop", False)),
])
def test_a_name_says_where_it_calls_back_or_nothing(said: object, wanted: object) -> None:
    assert said == wanted


@pytest.mark.parametrize(("head", "wanted"), [
    ("static irqreturn_t f(int irq, void *d)", ("hardirq", False)),
    ("static void f(struct work_struct *w)", ("process", True)),
    ("static void f(struct timer_list *t)", ("softirq", False)),
    ("static int f(void *d)", None),
])
def test_a_function_of_an_interfaces_own_types_runs_where_the_interface_calls(head: str, wanted: object) -> None:
    [function] = build_index([("a.c", head + " { }\n")], jobs=0).functions("f")
    assert of_signature(function) == wanted


def test_a_function_that_compares_or_frees_by_its_name_or_its_interfaces_serves_a_container() -> None:
    index = build_index([("a.c", "int name_cmp(void *a, void *b) { return 0; }\nint run(void *a, int n) { return n; }\n")], jobs=0)
    compare, run = index.functions("name_cmp")[0], index.functions("run")[0]
    assert serves_container(compare, "sort") and serves_container(run, "free_fn")
    assert not serves_container(run, "handler")


def test_a_third_of_a_loop_makes_a_function_the_loops_and_a_thread_needs_most() -> None:
    assert of_shares({"eventloop": 0.4, "sync": 0.6}) == "eventloop"
    assert of_shares({"thread": 0.4, "sync": 0.6}) == "sync"
    assert of_shares({"thread": 0.8, "sync": 0.2}) == "thread"


def test_walking_beginning_and_ending_are_seen_in_names() -> None:
    assert walks_at_once("xa_for_each_marked") and not walks_at_once("register_handler")
    assert begins_or_ends("device_init") and not begins_or_ends("on_data")
