from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.knowledge.callbacks.blocking import SLEEPS, lock_of
from curation.knowledge.callbacks.bodies import read_body

LOCKED = """f(struct d *d)
{
	mutex_lock(&d->m);
	spin_lock_irqsave(&d->s, flags);
	if (!d->ready) {
		spin_unlock_irqrestore(&d->s, flags);
		return -1;
	}
	d->ops->kick(d);
	spin_unlock_irqrestore(&d->s, flags);
	d->ops->rest(d);
}"""


def test_a_lock_given_back_on_a_way_that_leaves_is_still_held_after_it() -> None:
    body = read_body(LOCKED, 1)
    assert body.held_at(9) and not body.held_at(11) and not body.held_at(3)


def test_the_first_thing_that_may_sleep_is_told_with_its_line() -> None:
    assert read_body(LOCKED, 1).sleeps == ("mutex_lock", 3)


def test_what_stands_under_a_lock_neither_sleeps_nor_asks_for_atomic_memory() -> None:
    body = read_body("f(void)\n{\n\tspin_lock(&l);\n\tg(GFP_ATOMIC);\n\tmsleep(1);\n\tspin_unlock(&l);\n}", 1)
    assert (body.sleeps, body.atomic) == (None, None)
    assert read_body("f(void)\n{\n\tg(GFP_ATOMIC);\n}", 1).atomic == ("GFP_ATOMIC", 3)


def test_words_in_comments_and_strings_say_nothing() -> None:
    assert read_body('f(void)\n{\n\t/* mutex_lock(&m) */ log("msleep(1)"); // spin_lock(\n}', 1).sleeps is None


def test_a_variable_named_like_a_function_that_sleeps_is_no_call() -> None:
    assert read_body("f(int down)\n{\n\tif (!down && (x))\n\t\tg();\n}", 1).sleeps is None


def test_a_function_that_ends_with_its_lock_held_keeps_it_and_its_partner_releases_it() -> None:
    first, last = read_body("f(void)\n{\n\trcu_read_lock();\n\treturn p;\n}", 1), read_body("f(void)\n{\n\trcu_read_unlock();\n}", 1)
    assert (first.keeps, first.releases, last.keeps, last.releases) == (True, False, False, True)
    assert not read_body(LOCKED, 1).keeps and not read_body(LOCKED, 1).releases


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("spin_lock_irqsave", ("spin", 1)),
        ("raw_spin_unlock", ("spin", -1)),
        ("write_lock_bh", ("spin", 1)),
        ("folio_lruvec_lock_irq", ("spin", 1)),
        ("folio_lruvec_unlock_irq", ("spin", -1)),
        ("local_bh_disable", ("bh", 1)),
        ("mutex_lock", None),
        ("down_read", None),
        ("lock_sock", None),
        ("spin_lock_init", None),
    ],
)
def test_the_name_of_a_lock_says_whether_anybody_may_sleep_under_it(name: str, lock: tuple[str, int] | None) -> None:
    assert lock_of(name) == lock


def test_functions_that_only_sound_like_sleeping_do_not_sleep() -> None:
    assert not [n for n in ("schedule_work", "mutex_unlock", "downgrade_write", "wait_queue_head") if SLEEPS.match(n)]


@given(st.text(alphabet="{}();\n abc_lockspinreturngoto", max_size=400))
def test_any_text_is_read_without_a_fault_and_spans_are_in_order(text: str) -> None:
    body = read_body(text, 1)
    assert all(first <= last for first, last in body.held)
