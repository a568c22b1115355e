"""Proposals that a program may confirm: the rules, and that what they confirm can be told from a person's word."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from curation.labeling import sure
from curation.model import Item, Proposal
from curation.sourcing.propose import propose_texts
from curation.store import Store, items
from curation.tasks import get_task
from tests.curation.conftest import LEAD

ONE_TABLE = "struct ops { int (*open)(int); };\nstatic int my_open(int n) { return n; }\nstatic const struct ops my = { my_open };\n"
CALL = "int go(void) { return my.open(1); }\n"


def _proposal(text: str) -> Proposal:
    return next(iter(propose_texts([("a.c", text)], ["function_pointer"])))


def test_a_site_with_all_its_targets_in_sight_is_sure() -> None:
    assert get_task("function_pointer").sure(_proposal(ONE_TABLE + CALL)) == "flow"


@pytest.mark.parametrize("change", [
    lambda p: p.answer.update(completeness="incomplete"),
    lambda p: p.answer.update(targets=[]),
    lambda p: p.answer["targets"][0].update(file=None),
    lambda p: p.extra.update(step="same_signature"),
    lambda p: p.extra.update(openings=[{"kind": "open_many"}]),
])
def test_a_site_with_anything_open_is_not_sure(change: Callable[[Proposal], None]) -> None:
    proposal = _proposal(ONE_TABLE + CALL)
    change(proposal)
    assert get_task("function_pointer").sure(proposal) is None


def test_what_a_rule_confirms_says_so(store: Store) -> None:
    proposal = _proposal(ONE_TABLE + CALL)
    site = Item(id="s1", task="function_pointer", origin="site", source="x", file="a.c", line=4,
                payload=proposal.model_dump(mode="json"), group="x/a.c")
    items.add(store, [site])
    assert sure.confirm_sure(store, LEAD) == {"function_pointer": 1}
    [said] = items.annotations(store, ["s1"])["s1"]
    assert (said.action, said.reason) == ("confirm", "rule: flow")
    assert sure.confirm_sure(store, LEAD) == {}
