"""May this model be shipped? Each gate looks at one figure of the evaluation and says yes, no, or that it cannot judge. No torch.

A gate that says no refuses the bundle; one that cannot judge (no base to compare with, no teacher) is told and refuses nothing. A
quantized file is judged by itself: one that fails is not shipped, the others may be. Gates compare what was measured and not its
interval, except the gain, whose lower bound must be above the limit: with too few groups for an interval it is not shown.

>>> verdict = judge(evaluation, Gates())
>>> verdict["ship"], [gate["name"] for gate in verdict["gates"] if gate["passed"] is False]
(False, ['gain'])
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from curation.errors import Reason, reason_record
from curation.model import Model
from training.report import AFTER, BEFORE

Gate = dict[str, Any]


class Gates(Model):
    """What a model must reach to be shipped. null switches a gate off. Scores are 0 to 1."""

    min_gain: float | None = Field(default=0.0, description="the paired gain's lower bound must be above this")
    max_slice_drop: float | None = Field(default=0.03, ge=0, description="no source, language, length, difficulty or kind may lose more")
    min_slice_rows: int = Field(default=20, ge=1, description="a slice with fewer rows is not judged")
    min_parse_rate: float | None = Field(default=0.98, ge=0, le=1, description="answers that can be parsed")
    min_stop_rate: float | None = Field(default=0.98, ge=0, le=1, description="answers that end by themselves")
    min_student_share: float | None = Field(default=0.95, ge=0, description="a student's score over its tuned teacher's")
    min_quantized_share: float | None = Field(default=0.97, ge=0, description="a quantized file's score over that of F16")
    above_baselines: bool = Field(default=True, description="above every baseline that does not read the code")


def judge(evaluation: dict[str, Any], gates: Gates) -> dict[str, Any]:
    """The verdict of a report of format 2: {"ship", "gates": [{"name", "subject", "passed", "value", "limit", "reason"}], "types": {type:
    passed}}. ship: no gate of the model itself says no, and where quantized files were evaluated one of them passed."""
    of_model = [*_gain(evaluation, gates), *_rates(evaluation, gates, AFTER), *_slices(evaluation, gates), *_student(evaluation, gates),
                *_baselines(evaluation, gates)]
    of_type = {who: judge_type(evaluation, gates, who) for who, about in evaluation["models"].items() if about["role"] == "quantized"}
    types = {who: all(gate["passed"] is not False for gate in judged) for who, judged in of_type.items()}
    ship = all(gate["passed"] is not False for gate in of_model) and (not types or any(types.values()))
    return {"ship": ship, "gates": of_model + [gate for judged in of_type.values() for gate in judged], "types": types}


def judge_type(evaluation: dict[str, Any], gates: Gates, who: str) -> list[Gate]:
    """The gates of one quantized file; of the report its overall figures alone are read."""
    return [*_quantized(evaluation, gates, who), *_rates(evaluation, gates, who)]


def refusals(verdict: dict[str, Any]) -> list[Gate]:
    """The gates that refuse the bundle: those of the model that say no, and those of the types where none of them passed."""
    types = verdict["types"]
    none_passed = types and not any(types.values())
    return [gate for gate in verdict["gates"] if gate["passed"] is False and (none_passed or gate["subject"] not in types)]


def not_evaluated() -> Gate:
    """The gate that refuses a model without a verdict."""
    return _gate("evaluated", None, False, None, None, Reason("gate_not_evaluated", "it was not evaluated on the test split"))


def _gate(name: str, subject: str | None, passed: bool | None, value: float | None, limit: float | None, reason: Reason | None) -> Gate:
    return {"name": name, "subject": subject, "passed": passed, "value": value, "limit": limit,
            "reason": reason_record(reason) if reason is not None and passed is not True else None}


def _gain(evaluation: dict[str, Any], gates: Gates) -> Iterator[Gate]:
    if gates.min_gain is None:
        return
    change = evaluation["change"] and evaluation["change"]["score"]
    if not change:
        why = Reason("gate_no_base", "there is no untuned model, or no scored row, to compare with")
        yield _gate("gain", None, None, None, gates.min_gain, why)
    elif change["low"] is None:
        why = Reason("gate_too_few", "the test rows come from too few groups ({groups}) to say how sure the gain is",
                     groups=evaluation["groups"])
        yield _gate("gain", None, False, None, gates.min_gain, why)
    else:
        why = Reason("gate_gain", "the gain is {value:+.3f}, and its 95 % interval begins at {low:+.3f}, not above {limit:+.3f}",
                     value=change["value"], low=change["low"], limit=gates.min_gain)
        yield _gate("gain", None, change["low"] > gates.min_gain, change["low"], gates.min_gain, why)


def _rates(evaluation: dict[str, Any], gates: Gates, who: str) -> Iterator[Gate]:
    for name, limit in (("parse_rate", gates.min_parse_rate), ("stop_rate", gates.min_stop_rate)):
        rate = evaluation["overall"][who][name]
        if limit is not None and rate is not None:
            why = (Reason("gate_parse", "of {who}'s answers {value:.1%} can be parsed, less than {limit:.1%}", who=who, value=rate["value"],
                          limit=limit) if name == "parse_rate" else
                   Reason("gate_stop", "of {who}'s answers {value:.1%} end by themselves, less than {limit:.1%}", who=who,
                          value=rate["value"], limit=limit))
            yield _gate(name, who, rate["value"] >= limit, rate["value"], limit, why)


def _slices(evaluation: dict[str, Any], gates: Gates) -> Iterator[Gate]:
    """One gate for all slices: the one that lost most decides, and is named."""
    if gates.max_slice_drop is None or BEFORE not in evaluation["models"]:
        return
    judged = [part for part in evaluation["slices"] if part["rows"] >= gates.min_slice_rows and part["change"]]
    if not judged:
        why = Reason("gate_no_slice", "no slice has {rows} rows", rows=gates.min_slice_rows)
        yield _gate("slice", None, None, None, -gates.max_slice_drop, why)
        return
    worst = min(judged, key=lambda part: part["change"]["value"])
    value = worst["change"]["value"]
    why = Reason("gate_slice", "{by} {value} changed by {change:+.3f} over {rows} rows", by=worst["by"], value=worst["value"],
                 change=value, rows=worst["rows"])
    yield _gate("slice", f"{worst['by']} {worst['value']}", value >= -gates.max_slice_drop, value, -gates.max_slice_drop, why)


def _student(evaluation: dict[str, Any], gates: Gates) -> Iterator[Gate]:
    if gates.min_student_share is not None and "teacher" in evaluation["models"]:
        share = _share(evaluation, AFTER, "teacher")
        yield _shared("student", "teacher", share, gates.min_student_share, Reason(
            "gate_student", "the student reaches {value} of its teacher's score, less than {limit:.0%}", value=_percent(share),
            limit=gates.min_student_share))


def _quantized(evaluation: dict[str, Any], gates: Gates, who: str) -> Iterator[Gate]:
    if gates.min_quantized_share is not None:
        share = _share(evaluation, who, AFTER)
        yield _shared("quantized", who, share, gates.min_quantized_share, Reason(
            "gate_quantized", "{type} reaches {value} of the score of F16, less than {limit:.0%}", type=who, value=_percent(share),
            limit=gates.min_quantized_share))


def _shared(name: str, subject: str, share: float | None, limit: float, low: Reason) -> Gate:
    if share is None:
        why = Reason("gate_no_score", "the model it is compared with scores 0, or no row is scored")
        return _gate(name, subject, None, None, limit, why)
    return _gate(name, subject, share >= limit, share, limit, low)


def _share(evaluation: dict[str, Any], who: str, of: str) -> float | None:
    score, whole = (evaluation["overall"][name]["score"] for name in (who, of))
    return score["value"] / whole["value"] if score and whole and whole["value"] > 0 else None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _baselines(evaluation: dict[str, Any], gates: Gates) -> Iterator[Gate]:
    for name, of in evaluation["baselines"].items() if gates.above_baselines else ():
        if of["change"] and not of["reads_code"]:
            value = of["change"]["value"]
            why = Reason("gate_baseline", "the score is {value:+.3f} against the baseline {name}, which does not read the code",
                         value=value, name=name)
            yield _gate("baseline", name, value > 0, value, 0.0, why)
