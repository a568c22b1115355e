"""training/metrics.py: scores of rows and their figures."""
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import metrics as figures_of
from training.metrics import difference, failures, invented, mean, over_tasks, parse, rate, repeats, row_score, score_row, summarize

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
    grouped = {"phases": {"trigger": [3, 9]}}  # the same by phase, as rows state it
    assert score_row(metrics, gold, grouped)["phases"] == {"tp": 1, "fp": 1, "fn": 1, "score": 0.5}
    assert score_row(metrics, {"phases": {"bind": [3], "trigger": [9]}}, gold)["phases"]["score"] == 1
    assert score_row(metrics, gold, {"phases": {"trigger": 9, "x": {"y": None}}})["phases"]["tp"] == 1


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
        rows.append(_row(parsed, score_row(SET, _targets(*gold), parsed), f"g{len(rows)}"))
    return rows


def _row(parsed: Any, scores: dict[str, Any], group: str, **more: Any) -> dict[str, Any]:
    return {"parsed": parsed, "scores": scores, "group": group, "ended": "stop", "repeated": False, "hallucinated": [], **more}


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
    rows = [_row({}, score_row(metrics, {"context": g}, {"context": s}), "one file") for g, s in pairs]
    context = summarize(metrics, rows, seed=1)["fields"]["context"]
    assert context["confusion"] == {"gold": ['"hardirq"', '"process"', '"softirq"'], "said": ['"hardirq"', '"process"', '"softirq"'],
                                    "counts": [[1, 1, 0], [0, 1, 0], [0, 1, 0]]}
    assert context["accuracy"] == {"value": 0.5, "low": None, "high": None, "why": "too_few"}
    assert context["accuracy"]["value"] == 1 / 2
    assert context["macro_f1"]["value"] == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)


def test_a_class_that_a_resample_lacks_does_not_widen_the_interval_of_perfect_answers() -> None:
    rows = [_row({}, score_row({"c": {"metric": "accuracy"}}, {"c": v}, {"c": v}), f"g{i}") for i, v in enumerate("abbbbb")]
    assert summarize({"c": {"metric": "accuracy"}}, rows, seed=1)["fields"]["c"]["macro_f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}


@settings(max_examples=30)
@given(st.lists(st.tuples(NAMES, st.none() | NAMES), min_size=1, max_size=30), st.integers(0, 5))
def test_figures_lie_in_0_to_1_and_do_not_change_with_the_clock(pairs: list, seed: int) -> None:
    figures = summarize(SET, _rows(pairs), seed)
    assert figures == summarize(SET, _rows(pairs), seed)
    for figure in [figures["parse_rate"], figures["all_right"], *[v for k, v in figures["fields"]["targets"].items() if k != "metric"]]:
        assert 0 <= figure["value"] <= 1
        if figure["low"] is not None:
            assert 0 <= figure["low"] <= figure["high"] <= 1
    assert (figures["all_right"]["low"] is None) == (len(pairs) < figures_of.MIN_GROUPS)
    assert figures["parse_rate"]["low"] <= figures["parse_rate"]["value"] <= figures["parse_rate"]["high"]
    json.dumps(figures)


def test_no_rows_give_no_figures_rather_than_zeros() -> None:
    figures = summarize(SET, [], seed=1)
    assert figures["n"] == 0
    assert figures["parse_rate"] is None
    assert figures["fields"]["targets"]["f1"] is None


def test_an_interval_narrows_with_more_rows_and_a_paired_difference_knows_its_sign() -> None:
    few, many = (summarize(SET, _rows([(["a"], ["a"]), (["a"], ["b"])] * k), 3)["fields"]["targets"]["macro_f1"] for k in (5, 200))
    assert many["high"] - many["low"] < few["high"] - few["low"]
    change = difference([0.0] * 20 + [1.0] * 5, [1.0] * 25, [str(i) for i in range(25)], seed=3)
    assert change is not None and change["value"] == 0.8 and change["low"] > 0


def test_rows_of_one_group_count_as_one_draw() -> None:
    """Ten groups of which each is all right or all wrong: ten times the rows tell no more, where a bootstrap over rows would think so."""
    values = [float(i % 2) for i in range(10)]
    one, many = (mean(values * k, [str(i) for i in range(10)] * k, 3) for k in (1, 10))
    assert one == many
    alone = mean(values * 10, [str(i) for i in range(100)], 3)
    assert one is not None and alone is not None and alone["high"] - alone["low"] < 0.4 * (one["high"] - one["low"])
    # by hand: the mean of ten fair coins has a standard deviation of 0.158, so 95 % lie in 0.5 ± 0.31
    assert (one["low"], one["high"]) == (pytest.approx(0.2, abs=0.05), pytest.approx(0.8, abs=0.05))


def test_two_right_rows_are_too_few_for_an_interval() -> None:
    assert mean([1.0, 1.0], ["a", "b"], 1) == {"value": 1.0, "low": None, "high": None, "why": "too_few"}
    assert mean([], [], 1) is None


@pytest.mark.parametrize(("hits", "n", "low", "high"), [
    (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (98, 100, 0.9300, 0.9945), (1, 1, 0.2065, 1.0),
])
def test_a_rate_has_wilsons_interval(hits: int, n: int, low: float, high: float) -> None:
    """Against published tables of Wilson's score interval (Brown, Cai and DasGupta 2001, eq. 4), 95 %."""
    found = rate([True] * hits + [False] * (n - hits))
    assert found is not None and found["value"] == hits / n
    assert (found["low"], found["high"]) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_no_rows_have_no_rate() -> None:
    assert rate([]) is None


def test_the_mean_over_tasks_does_not_count_rows() -> None:
    found = over_tasks([1.0] * 30 + [0.0], ["large"] * 30 + ["small"], [f"g{i}" for i in range(31)], 1)
    assert found is not None and found["value"] == 0.5


CHAIN = {"chain": {"metric": "sequence"}}


@pytest.mark.parametrize(("gold", "said", "tp", "score"), [
    (["a", "b", "c"], ["a", "b", "c"], 3, 1.0), (["a", "b", "c"], ["c", "b", "a"], 1, 1 / 3),
    (["a", "b", "c", "d"], ["a", "x", "c", "d"], 3, 0.75), (["a", "b"], ["a", "a", "b", "b"], 2, 2 / 3),
    ([], [], 1, 1.0), (["a"], [], 0, 0.0),
])
def test_a_chain_is_compared_by_its_longest_common_subsequence(gold: list[str], said: list[str], tp: int, score: float) -> None:
    found = score_row(CHAIN, {"chain": gold}, {"chain": said})["chain"]
    assert (found["tp"], found["score"]) == (tp, pytest.approx(score))
    assert found["fp"] == max(1, len(said)) - tp and found["fn"] == max(1, len(gold)) - tp


NAMED = {"targets": {"metric": "set", "key": "name", "names": True}, "handler": {"metric": "accuracy", "names": True}}


def test_a_name_that_is_not_in_the_prompt_as_a_word_is_invented() -> None:
    prompt = "static int dev_read(void); ops.read = dev_read; runner(dev);"
    said = {"targets": [{"name": "dev_read"}, {"name": "dev_write"}, "run", {"name": "dev_write"}], "handler": None}
    assert invented(NAMED, said, prompt) == ["dev_write", "run"]
    assert invented(NAMED, {"targets": [{"name": 3}, {"nom": "x"}], "handler": "dev"}, prompt) == ["x"]
    assert invented(NAMED, None, prompt) == [] == invented({"targets": {"metric": "set", "key": "name"}}, said, prompt)


def test_an_answer_that_goes_in_circles_is_told_from_a_list() -> None:
    assert repeats('{"chain":["a",' + '"again",' * 4)
    assert not repeats('{"targets":[' + ",".join(f'{{"name":"dev_{i}"}}' for i in range(50)) + "]}")
    assert not repeats("") and not repeats("aaaa" * 3)


SLEEP = {"may_sleep": {"metric": "accuracy", "costly": [True, False]}}


def test_said_may_sleep_but_is_atomic_is_told_apart() -> None:
    pairs = [(False, True), (False, False), (True, False), (False, None)]
    rows = [_row({}, score_row(SLEEP, {"may_sleep": g}, {"may_sleep": s}), "g") for g, s in pairs]
    costly = summarize(SLEEP, rows, 1)["fields"]["may_sleep"]["costly"]
    assert costly["value"] == pytest.approx(1 / 3)  # of three that are atomic one was said to sleep; the reverse is no such error
    assert ["costly" in failures(SLEEP, row) for row in rows] == [True, False, False, False]


@pytest.mark.parametrize(("more", "codes"), [
    ({"ended": "prompt"}, ["no_room", "not_parsed"]), ({"ended": "length", "repeated": True}, ["cut_off", "repeated", "not_parsed"]),
    ({"parsed": {}, "hallucinated": ["x"]}, ["hallucinated", "missed", "extra"]),
])
def test_each_kind_of_failure_has_its_code(more: dict[str, Any], codes: list[str]) -> None:
    row = {**_row(None, score_row(SET, _targets("a"), more.get("parsed")), "g"), **more}
    assert failures(SET, row) == codes


def test_a_right_answer_has_no_failure() -> None:
    assert failures(SET, _row(_targets("a"), score_row(SET, _targets("a"), _targets("a")), "g")) == []
