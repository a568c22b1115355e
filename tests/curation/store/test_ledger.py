from concurrent.futures import ThreadPoolExecutor

import pytest

from curation.model import Flag, Item
from curation.store import items, ledger

ASK = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def test_a_request_is_claimed_once_whoever_asks(store):
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: ledger.claim(store, "c", 0, ASK), range(24)))
    assert len([c for c in claims if c]) == 1


@pytest.mark.parametrize(("end", "again"), [("failed", True), ("lost", False), ("answered", False), (None, False)])
def test_only_what_surely_failed_may_be_sent_again(store, end, again):
    call = ledger.claim(store, "c", 0, ASK)
    if end == "answered":
        ledger.answered(store, call, "text", 3, 4)
    elif end:
        ledger.ended(store, call, end, "why")
    assert (ledger.claim(store, "c", 0, ASK) == call) is again


def test_another_ordinal_is_another_request_and_the_next_one_is_known(store):
    assert ledger.next_ordinal(store, "c") == 0
    assert ledger.claim(store, "c", 0, ASK) and ledger.claim(store, "c", 5, ASK)
    assert ledger.next_ordinal(store, "c") == 6
    assert ledger.next_ordinal(store, "other") == 0


def test_the_counts_are_those_of_one_campaign_with_odd_characters_in_its_name(store):
    first = ledger.claim(store, "50%_a", 0, ASK)
    ledger.answered(store, first, "prose\0", 10, 20)
    ledger.unreadable(store, first, "no pair in it")
    ledger.ended(store, ledger.claim(store, "50%_a", 1, ASK), "failed", "it answered 500")
    ledger.answered(store, ledger.claim(store, "50xya", 0, {**ASK, "seed": 1}), "text", 1, 1)
    pair = {"instruction": "i", "input": "", "output": "o"}
    items.add(store, [
        Item(id=f"i{n}", task="self_instruct", origin="generated", payload=pair, group="g", meta={"campaign": name},
             flags=[Flag(filter="length")] if n == 0 else [])
        for n, name in enumerate(["50%_a", "50%_a", "50xya"])
    ])
    counts = ledger.counts(store, "50%_a")
    assert (counts.answered, counts.failed, counts.unread, counts.rows, counts.flagged) == (1, 1, 1, 2, 1)
    assert (counts.prompt_tokens, counts.completion_tokens) == (10, 20)
    assert counts.last_problem in ("it answered 500", "no pair in it")
    assert set(ledger.campaigns(store)) == {"50xya", "50%_a"}


def test_what_was_asked_and_answered_can_be_read_back(store):
    ledger.answered(store, ledger.claim(store, "c", 0, ASK), "回答", None, None)
    [call] = ledger.calls(store, "c", "answered")
    assert (call.request, call.response, call.prompt_tokens) == (ASK, "回答", None)
    assert list(ledger.calls(store, "c", "failed")) == []
