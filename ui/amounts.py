"""How are bytes, seconds and figures with intervals written for people?"""
from __future__ import annotations

from typing import Any

from ui.text import t


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 1 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 90:
        return t("train.duration_s", seconds=whole)
    minutes = round(whole / 60)
    return t("train.duration_min", minutes=minutes) if minutes < 90 else t("train.duration_h", hours=minutes // 60, minutes=minutes % 60)

def size(count: int) -> str:
    """Bytes as people read them: 1,006,880 → 1.0 MB."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def figure_word(figure: dict[str, Any] | None) -> str:
    """A figure with its interval: 0.710 (0.640–0.780); without one where there are too few rows to say how sure it is."""
    if figure is None:
        return "–"
    sure = f"{figure['low']:.3f}–{figure['high']:.3f}" if figure["low"] is not None else t("report.too_few")
    return f"{figure['value']:.3f} ({sure})"
