"""The report as Markdown and CSV."""
from __future__ import annotations

import csv
import io
from pathlib import Path

from training import report


def test_markdown_and_csv_hold_the_verdict_and_every_table(run: Path) -> None:
    text = (run / "02-evaluate" / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Before and after\n\n**Do not ship.**")
    for part in ("| parse_rate | tuned | no | 0.967 | 0.980 |", "| baseline: majority |", "## Slices", "| source | libuv | 30 | 5 |",
                 "said by the tuned model (across)", "hallucinated"):
        assert part in text
    rows = list(csv.DictReader(io.StringIO((run / "02-evaluate" / "report.csv").read_text(encoding="utf-8"))))
    assert {"overall", "change", "evaluation", "slice:source", "baseline", "gate"} <= {row["table"] for row in rows}


def test_a_figure_without_an_interval_says_so() -> None:
    assert report.shown({"value": 1.0, "low": None, "high": None, "why": "too_few"}) == "1.000 (too few)"
    assert report.shown(None) == "-"
