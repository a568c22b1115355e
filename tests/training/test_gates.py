"""training/gates.py: what is shipped and what is not, gate by gate, on made reports."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from curation.errors import remade_reason
from tests.training.report_fixture import made_report
from training import gates
from training.gates import Gates, judge, refusals

LENIENT = Gates(min_parse_rate=0.9, min_stop_rate=0.9)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return made_report()


def _report(made: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(made), **changes}


def _of(verdict: dict[str, Any], name: str, subject: str | None = None) -> dict[str, Any]:
    return next(g for g in verdict["gates"] if g["name"] == name and subject in (None, g["subject"]))


def test_a_good_model_ships_with_the_types_that_passed(made: dict[str, Any]) -> None:
    verdict = judge(made, LENIENT)
    assert verdict["ship"] and verdict["types"] == {"Q8_0": True, "Q4_K_M": True, "Q4_0": False}
    assert refusals(verdict) == []  # Q4_0 alone is left out
    assert all(gate["reason"] is None for gate in verdict["gates"] if gate["passed"])


def test_each_gate_that_fails_says_why_with_its_figures(made: dict[str, Any]) -> None:
    verdict = judge(made, Gates())
    assert not verdict["ship"]
    parse = _of(verdict, "parse_rate", "tuned")
    assert (parse["passed"], parse["limit"]) == (False, 0.98) and parse["value"] == pytest.approx(58 / 60)
    assert str(remade_reason(parse["reason"])) == "of tuned's answers 96.7% can be parsed, less than 98.0%"


@pytest.mark.parametrize(("low", "passed"), [(0.001, True), (0.0, False), (-0.1, False)])
def test_the_gain_counts_by_its_lower_bound(made: dict[str, Any], low: float, passed: bool) -> None:
    change = {**made["change"], "score": {"value": 0.3, "low": low, "high": 0.6}}
    verdict = judge(_report(made, change=change), LENIENT)
    assert (_of(verdict, "gain")["passed"], verdict["ship"]) == (passed, passed)


def test_a_gain_over_too_few_groups_is_not_shown(made: dict[str, Any]) -> None:
    change = {**made["change"], "score": {"value": 0.9, "low": None, "high": None, "why": "too_few"}}
    verdict = judge(_report(made, change=change, groups=3), LENIENT)
    assert not verdict["ship"] and "(3)" in str(remade_reason(_of(verdict, "gain")["reason"]))


def test_without_a_base_there_is_no_gain_to_judge_and_that_refuses_nothing(made: dict[str, Any]) -> None:
    verdict = judge(_report(made, change=None), LENIENT)
    assert _of(verdict, "gain")["passed"] is None and _of(verdict, "gain")["reason"] and verdict["ship"]


@pytest.mark.parametrize(("rows", "change", "passed"), [(20, -0.031, False), (20, -0.03, True), (19, -0.5, None), (200, 0.4, True)])
def test_a_slice_with_enough_rows_may_not_fall(made: dict[str, Any], rows: int, change: float, passed: bool | None) -> None:
    figure = {"value": change, "low": None, "high": None}
    part = {"by": "source", "value": "libuv", "rows": rows, "groups": 9, "scores": {}, "change": figure}
    verdict = judge(_report(made, slices=[part]), LENIENT)
    assert _of(verdict, "slice")["passed"] is passed and verdict["ship"] is (passed is not False)
    if passed is False:
        assert _of(verdict, "slice")["subject"] == "source libuv"


@pytest.mark.parametrize(("student", "teacher", "passed"), [(0.57, 0.6, True), (0.56, 0.6, False), (0.5, 0.0, None)])
def test_a_student_reaches_its_teacher(made: dict[str, Any], student: float, teacher: float, passed: bool | None) -> None:
    def score(value: float) -> dict[str, Any]:
        return {**made["overall"]["tuned"], "score": {"value": value, "low": None, "high": None}}

    models = {who: made["models"][who] for who in ("base", "tuned")} | {"teacher": {"role": "teacher"}}
    found = _report(made, models=models, overall={**made["overall"], "tuned": score(student), "teacher": score(teacher)})
    verdict = judge(found, LENIENT)
    assert _of(verdict, "student")["passed"] is passed and verdict["ship"] is (passed is not False)


def test_where_no_quantized_file_passes_nothing_ships(made: dict[str, Any]) -> None:
    models = {who: made["models"][who] for who in ("base", "tuned", "Q4_0")}
    verdict = judge(_report(made, models=models), LENIENT)
    assert not verdict["ship"] and [gate["subject"] for gate in refusals(verdict)] == ["Q4_0"]


@pytest.mark.parametrize(("reads_code", "value", "passed"), [(False, 0.0, False), (False, 0.01, True), (True, -0.5, None)])
def test_only_a_baseline_that_does_not_read_the_code_must_be_beaten(made: dict[str, Any], reads_code: bool, value: float,
                                                                    passed: bool | None) -> None:
    one = {**made["baselines"]["majority"], "reads_code": reads_code, "change": {"value": value, "low": None, "high": None}}
    verdict = judge(_report(made, baselines={"majority": one}), LENIENT)
    assert [g["passed"] for g in verdict["gates"] if g["name"] == "baseline"] == ([] if passed is None else [passed])
    assert verdict["ship"] is (passed is not False)


def test_a_gate_that_is_null_is_off(made: dict[str, Any]) -> None:
    off = Gates(min_gain=None, max_slice_drop=None, min_parse_rate=None, min_stop_rate=None, min_student_share=None,
                min_quantized_share=None, above_baselines=False)
    assert judge(made, off) == {"ship": True, "gates": [], "types": {"Q8_0": True, "Q4_K_M": True, "Q4_0": True}}


def test_a_model_without_a_verdict_is_refused_in_words() -> None:
    assert str(remade_reason(gates.not_evaluated()["reason"])) == "it was not evaluated on the test split"
