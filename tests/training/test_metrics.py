"""training/metrics.py: scores of rows and their figures."""
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.metrics import difference, parse, row_score, score_row, summarize

SET = {"targets": {"metric": "set", "key": "name"}}
NAMES = st.lists(st.sampled_from("abcdef"), max_size=5)


def _targets(*names: str) -> dict[str, Any]:
    return {"targets": [{"name": n, "file": "x.c"} for n in names]}


@pytest.mark.parametrize(("text", "found"), [
    ('{"a": 1}\n\nbecause', {"a": 1}),
    ('Sure: ```json\n{"a": {"b": []}}\n```', {"a": {"b": []}}),
    ('if (x) { y(); }\n{"a": 2} {"a": 3}', {"a": 2}),
    ('The answer: {"a": 1}', {"a": 1}),
    ('[{"a": 1}]', {"a": 1}),
    ('{"a": [1, 2', None),
    ('{"a": [{"b": 1}, {"c": 2}', None),
    ('{"a": {"b": 1}, oops}\n{"a": 2}', {"a": 2}),
    ("[1, 2]", None),
    ("", None),
    ('{"a":' * 100_000, None),
])
def test_the_first_whole_json_object_is_the_answer(text: str, found: object) -> None:
    assert parse(text) == found


def test_sets_are_compared_by_their_key_and_ignore_order_and_repeats() -> None:
    said = {"targets": [{"name": "b"}, {"name": "a", "file": "other.c"}, {"name": "b"}]}
    assert score_row(SET, _targets("a", "b"), said)["targets"] == {"tp": 2, "fp": 0, "fn": 0, "score": 1.0}


def test_several_keys_are_compared_together() -> None:
    metrics = {"phases": {"metric": "set", "key": ["phase", "line"]}}
    gold = {"phases": [{"phase": "bind", "line": 3, "text": "x"}, {"phase": "trigger", "line": 9}]}
    said = {"phases": [{"phase": "trigger", "line": 3}, {"phase": "trigger", "line": 9}]}
    assert score_row(metrics, gold, said)["phases"] == {"tp": 1, "fp": 1, "fn": 1, "score": 0.5}


def test_bare_names_are_taken_for_elements() -> None:
    assert score_row(SET, _targets("a"), {"targets": ["a"]})["targets"]["score"] == 1
    assert score_row(SET, _targets("a"), {"targets": "a"})["targets"]["score"] == 1
    assert score_row(SET, _targets("a"), {"targets": [{"nom": "a"}]})["targets"] == {"tp": 0, "fp": 1, "fn": 1, "score": 0}


@pytest.mark.parametrize(("gold", "said", "score"), [
    (_targets(), _targets(), 1), (_targets(), {}, 1), (_targets(), None, 0), (_targets(), _targets("a"), 0), (_targets("a"), _targets(), 0),
])
def test_empty_against_empty_is_right_and_unparsed_is_not_empty(gold: dict, said: dict | None, score: float) -> None:
    assert score_row(SET, gold, said)["targets"]["score"] == score


def test_accuracy_tells_true_from_one_and_takes_an_absent_key_for_null() -> None:
    metrics = {"may_sleep": {"metric": "accuracy"}}
    assert score_row(metrics, {"may_sleep": True}, {"may_sleep": 1})["may_sleep"]["score"] == 0
    assert score_row(metrics, {"may_sleep": None}, {})["may_sleep"]["score"] == 1
    assert score_row(metrics, {"may_sleep": None}, None)["may_sleep"]["score"] == 0


def test_a_row_without_metrics_has_no_score() -> None:
    assert row_score(score_row({}, {}, None)) is None


@given(NAMES, NAMES)
def test_swapping_gold_and_answer_swaps_misses_and_false_hits(gold: list[str], said: list[str]) -> None:
    one, other = (score_row(SET, _targets(*a), _targets(*b))["targets"] for a, b in ((gold, said), (said, gold)))
    assert (one["tp"], one["fp"], one["fn"], one["score"]) == (other["tp"], other["fn"], other["fp"], other["score"])
    assert (one["score"] == 1) == (set(gold) == set(said))


def _rows(pairs: list[tuple[list[str], list[str] | None]]) -> list[dict[str, Any]]:
    rows = []
    for gold, said in pairs:
        parsed = None if said is None else _targets(*said)
        rows.append({"parsed": parsed, "scores": score_row(SET, _targets(*gold), parsed)})
    return rows


def test_figures_by_hand() -> None:
    figures = summarize(SET, _rows([(["a", "b"], ["a"]), (["c"], ["c", "d"]), (["e"], None), ([], [])]), seed=1)
    targets = figures["fields"]["targets"]
    assert figures["n"] == 4
    assert figures["parse_rate"]["value"] == 3 / 4
    assert figures["all_right"]["value"] == 1 / 4
    assert targets["precision"]["value"] == pytest.approx(3 / 4)  # a, c, none; d is false
    assert targets["recall"]["value"] == pytest.approx(3 / 5)     # b and e are missed
    assert targets["f1"]["value"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 2))
    assert targets["macro_f1"]["value"] == pytest.approx((2 / 3 + 2 / 3 + 0 + 1) / 4)


def test_macro_f1_of_classes_by_hand() -> None:
    metrics = {"context": {"metric": "accuracy"}}
    pairs = [("hardirq", "hardirq"), ("hardirq", "process"), ("process", "process"), ("softirq", "process")]
    rows = [{"parsed": {}, "scores": score_row(metrics, {"context": g}, {"context": s})} for g, s in pairs]
    context = summarize(metrics, rows, seed=1)["fields"]["context"]
    assert context["accuracy"]["value"] == 1 / 2
    assert context["macro_f1"]["value"] == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)


def test_a_class_that_a_resample_lacks_does_not_widen_the_interval_of_perfect_answers() -> None:
    rows = [{"parsed": {}, "scores": score_row({"c": {"metric": "accuracy"}}, {"c": v}, {"c": v})} for v in ("a", "b", "b", "b")]
    assert summarize({"c": {"metric": "accuracy"}}, rows, seed=1)["fields"]["c"]["macro_f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(NAMES, st.none() | NAMES), min_size=1, max_size=30), st.integers(0, 5))
def test_figures_lie_in_0_to_1_and_do_not_change_with_the_clock(pairs: list, seed: int) -> None:
    figures = summarize(SET, _rows(pairs), seed)
    assert figures == summarize(SET, _rows(pairs), seed)
    for figure in [figures["parse_rate"], figures["all_right"], *[v for k, v in figures["fields"]["targets"].items() if k != "metric"]]:
        assert 0 <= figure["low"] <= figure["high"] <= 1
        assert 0 <= figure["value"] <= 1
    json.dumps(figures)


def test_no_rows_give_no_figures_rather_than_zeros() -> None:
    figures = summarize(SET, [], seed=1)
    assert figures["n"] == 0
    assert figures["parse_rate"] is None
    assert figures["fields"]["targets"]["f1"] is None


def test_an_interval_narrows_with_more_rows_and_a_paired_difference_knows_its_sign() -> None:
    few, many = (summarize(SET, _rows([(["a"], ["a"]), (["a"], ["b"])] * k), 3)["fields"]["targets"]["macro_f1"] for k in (5, 200))
    assert many["high"] - many["low"] < few["high"] - few["low"]
    change = difference([0.0] * 20 + [1.0] * 5, [1.0] * 25, seed=3)
    assert change is not None and change["value"] == 0.8 and change["low"] > 0
