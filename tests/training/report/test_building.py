"""What the report holds: figures, slices, baselines, failures and their examples."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.report_fixture import METRICS, ROLES, evaluation_of, made_report
from training import report
from training.gates import Gates


def test_the_report_holds_what_its_description_names(run: Path) -> None:
    found = evaluation_of(run)
    assert set(found) == {"format", "seed", "rows", "test_rows", "groups", "chosen", "asked", "models", "verdict", "overall", "change",
                          "tasks", "slices", "baselines", "failures", "examples", "files"}
    assert (found["format"], found["rows"], found["test_rows"], found["groups"]) == (2, 60, 64, 10)
    assert list(found["models"]) == list(found["overall"]) == list(ROLES) and set(found["tasks"]) == set(METRICS)
    for key in found:
        assert key in (report.__doc__ or "")


def test_the_headline_counts_tasks_and_not_rows_and_the_gain_is_paired(run: Path) -> None:
    found = evaluation_of(run)
    of_tasks = [about["figures"]["tuned"]["score"]["value"] for about in found["tasks"].values()]
    assert found["overall"]["tuned"]["score"]["value"] == pytest.approx(sum(of_tasks) / 3)
    gain = found["overall"]["tuned"]["score"]["value"] - found["overall"]["base"]["score"]["value"]
    assert found["change"]["score"]["value"] == pytest.approx(gain) and found["change"]["score"]["low"] > 0.5
    assert found["change"]["won"] + found["change"]["lost"] + found["change"]["same"] == 60


def test_every_kind_of_failure_has_its_rows_and_examples(run: Path) -> None:
    found = evaluation_of(run)
    kinds = {"no_room", "cut_off", "repeated", "not_parsed", "hallucinated", "costly", "wrong_class", "missed", "extra"}
    assert set(found["failures"]["tuned"]) == kinds and {e["result"] for e in found["examples"]} == kinds | {"won", "lost"}
    one = next(e for e in found["examples"] if e["result"] == "hallucinated")
    assert one["tuned"]["text"] == '{"targets":[{"name":"invented_name"}]}'
    assert (one["source"], one["file"], one["line"], one["item"]) == ("hiredis", "src/test-dev0.c", 10, "item000")  # back to labeling


def test_slices_have_their_rows_and_their_change(run: Path) -> None:
    slices = {(s["by"], s["value"]): s for s in evaluation_of(run)["slices"]}
    assert slices["source", "libuv"]["rows"] == slices["source", "hiredis"]["rows"] == 30
    assert slices["lang", "zh"]["rows"] == 12 and slices["kind", "table"]["rows"] == 20 and slices["difficulty", "1"]["rows"] == 15
    assert [s["value"] for key, s in slices.items() if key[0] == "length"] == ["≤180", "181–320", ">320"]
    assert slices["source", "libuv"]["change"]["value"] > 0.5 and list(slices["source", "libuv"]["scores"]) == list(ROLES)


def test_baselines_stand_beside_the_models(run: Path) -> None:
    found = evaluation_of(run)["baselines"]
    assert 0 < found["majority"]["score"]["value"] < 1 and found["majority"]["change"]["value"] > 0
    assert set(found["majority"]["tasks"]) == set(METRICS) and found["first_candidate"]["skipped"] == "no_first_candidate"


def test_few_groups_leave_no_gain_to_believe() -> None:
    found = made_report(4)
    assert found["change"]["score"]["low"] is None and not found["verdict"]["ship"]
    assert next(g for g in found["verdict"]["gates"] if g["name"] == "gain")["reason"]["reason"] == "gate_too_few"


def test_a_lenient_lead_ships_what_passes() -> None:
    found = made_report(limits=Gates(min_parse_rate=0.9, min_stop_rate=0.9))
    assert found["verdict"]["ship"] and found["verdict"]["types"] == {"Q8_0": True, "Q4_K_M": True, "Q4_0": False}
