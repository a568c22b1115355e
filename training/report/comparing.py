"""How do several runs differ: settings, figures, and the paired difference over the test rows that both answered?"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training import run_settings
from training.report.building import AFTER, paired
from training.report.reading import read, samples


def compare(run_dirs: Sequence[Path]) -> dict[str, Any]:
    """Runs side by side: {"runs": [{"run", "dataset", "format", "ship", "score", "gain", "models": {who: {"score", "parse_rate", "bytes",
    "rows_per_s"}}, "tasks": {task: figure of the tuned model}}], "settings": [{"key", "values": one a run, null where it is not set}] that
    differ, "pairs": [{"before", "after", "rows", "score", "score_rows": figures, "won", "lost", "same"}] of each run against the first,
    over the test rows that both answered and that ask the same; rows 0 where there is none}.

    Runs of format 1 have figures by task alone. Raises NotFound for a run without a complete evaluation."""
    found = [read(run_dir) for run_dir in run_dirs]
    answered = [_tuned_rows(run_dir) for run_dir in run_dirs]
    return {
        "runs": [_side(one) for one in found], "settings": _differing(run_dirs),
        "pairs": [{"before": found[0]["run"], "after": one["run"], **_same_rows(answered[0], rows, found[0]["evaluation"]["seed"])}
                  for one, rows in zip(found[1:], answered[1:], strict=True)],
    }


def _side(found: dict[str, Any]) -> dict[str, Any]:
    evaluation = found["evaluation"]
    overall, about = evaluation.get("overall", {}), evaluation["models"]
    return {
        "run": found["run"], "dataset": found["dataset"]["label"], "format": evaluation["format"],
        "ship": (evaluation.get("verdict") or {}).get("ship"), "score": overall.get(AFTER, {}).get("score"),
        "gain": (evaluation.get("change") or {}).get("score"),
        "models": {who: {"score": of["score"], "parse_rate": of["parse_rate"], "bytes": about[who]["bytes"],
                         "rows_per_s": about[who]["rows_per_s"]} for who, of in overall.items()},
        "tasks": {task: of["figures"][AFTER]["score"] for task, of in evaluation["tasks"].items()},
    }


def _tuned_rows(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Row id -> the tuned model's scored answer."""
    return {row["id"]: row["answers"][AFTER] for row in samples(run_dir) if row["answers"][AFTER]["scores"]}


def _same_rows(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]], seed: int) -> dict[str, Any]:
    """The paired difference. Two rows are the same where id, right answer and group are."""
    ids = [i for i in before if i in after and all(before[i][key] == after[i][key] for key in ("task", "gold", "group"))]
    return {"rows": len(ids), **paired([before[i] for i in ids], [after[i] for i in ids], seed)}


def _differing(run_dirs: Sequence[Path]) -> list[dict[str, Any]]:
    settings = {str(i): run_settings.settings_in(run_dir) for i, run_dir in enumerate(run_dirs)}  # two folders may have one name
    return [{"key": key, "values": list(row.values())} for key, row in run_settings.differing(settings).items()]
