"""Which lines does a report's table have, and how is a figure written? For the page, the Markdown and the CSV."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from training.report.building import AFTER, BEFORE, FORMAT, Figure

RATES = ("parse_rate", "stop_rate", "hallucinated", "repeated")


def older(evaluation: dict[str, Any]) -> bool:
    """Whether the report was written before format 2: its intervals are over rows, and it has no verdict, slices or baselines."""
    return evaluation["format"] < FORMAT


def figures_of(task: dict[str, Any], who: str) -> Iterator[tuple[str, str, Figure | None]]:
    """(field, figure, figure's value or None) of one task and model, in the order of the tables. field "" is the whole answer."""
    figures = task["figures"][who]
    if task["answered"]:
        yield from (("", name, figures.get(name)) for name in ("score", "all_right", *RATES) if name in figures)
        for field, values in figures["fields"].items():
            yield from ((field, name, value) for name, value in values.items() if name not in ("metric", "confusion"))
    yield from (("", name, figures[name]) for name in ("tokens", "seconds", "surprise") if name in figures)


def table(evaluation: dict[str, Any], task: str) -> list[dict[str, Any]]:
    """One task as rows {"field", "figure", <who>: figure or None, ...}: what the page and the Markdown show."""
    about = evaluation["tasks"][task]
    columns = {who: {(field, name): value for field, name, value in figures_of(about, who)} for who in evaluation["models"]}
    return [{"field": field, "figure": name, **{who: values[field, name] for who, values in columns.items()}}
            for field, name in columns[AFTER]]


def shown(figure: Figure | None) -> str:
    """A figure with its interval as people read it: 0.710 (0.640–0.780); 0.710 (too few) without one; "-" for none."""
    if figure is None:
        return "-"
    return f"{figure['value']:.3f} " + ("(too few)" if figure["low"] is None else f"({figure['low']:.3f}–{figure['high']:.3f})")


def headline(evaluation: dict[str, Any]) -> list[str]:
    """One line for all tasks and one a task: score before and after."""
    who = [name for name in (BEFORE, AFTER) if name in evaluation["models"]]
    lines = ["all tasks: score " + " -> ".join(shown(evaluation["overall"][name]["score"]) for name in who)]
    if evaluation["change"]:
        lines[0] += f", change {shown(evaluation['change']['score'])}"
    for task, about in evaluation["tasks"].items():
        lines.append(f"{task}: score " + " -> ".join(shown(about["figures"][name]["score"]) for name in who)
                     + (f", {about['won']} won, {about['lost']} lost of {about['answered']}" if BEFORE in who else ""))
    return lines
