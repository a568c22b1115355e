"""The report as files for people and spreadsheets: Markdown and CSV. What models said is fenced, and cells are escaped."""
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from curation.errors import remade_reason
from training.report.building import AFTER, BEFORE, Figure
from training.report.tables import RATES, figures_of, older, shown, table


def csv_text(evaluation: dict[str, Any], quantized: dict[str, Any] | None = None) -> str:
    """Every figure a line: table, task, model, field, figure, value, low, high, n."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["table", "task", "model", "field", "figure", "value", "low", "high", "n"])

    def figure(kind: str, task: str, who: str, field: str, name: str, value: Figure | None, n: int) -> None:
        if value is not None:
            write([kind, task, who, field, name, value["value"], value["low"], value["high"], n])

    for who, of in evaluation.get("overall", {}).items():
        for name, value in of.items():
            figure("overall", "", who, "", name, value if name != "n" else None, of["n"])
    if evaluation.get("change"):
        for name in ("score", "score_rows"):
            figure("change", "", AFTER, "", name, evaluation["change"][name], evaluation["overall"][AFTER]["n"])
    for task, about in evaluation["tasks"].items():
        for who in evaluation["models"]:
            for field, name, value in figures_of(about, who):
                figure("evaluation", task, who, field, name, value, about["rows"] if name == "surprise" else about["answered"])
        for name in ("won", "lost", "same"):
            write(["evaluation", task, AFTER, "", name, about[name], "", "", about["answered"]])
    for part in evaluation.get("slices", []):
        for who, value in part["scores"].items():
            figure(f"slice:{part['by']}", "", who, part["value"], "score_rows", value, part["rows"])
        figure(f"slice:{part['by']}", "", AFTER, part["value"], "change", part["change"], part["rows"])
    for name, of in evaluation.get("baselines", {}).items():
        for kind in ("score", "score_rows", "change"):
            figure("baseline", "", name, "", kind, of[kind], evaluation["overall"][AFTER]["n"])
    for gate in (evaluation.get("verdict") or {}).get("gates", []):
        write(["gate", "", gate["subject"] or "", gate["name"], "passed", gate["passed"], gate["value"], gate["limit"], ""])
    for file in (quantized or {}).get("files", []):
        for name in ("bytes", "kl_mean", "kl_max", "same_best", "same_answers"):
            write(["quantized", "", file["type"], file["file"], name, file[name], "", "", file["positions"]])
    return out.getvalue()


def markdown(evaluation: dict[str, Any], quantized: dict[str, Any] | None = None, about: dict[str, Any] | None = None) -> str:
    """The report as a Markdown file. `about`: what `read` gives (run, dataset), None inside the evaluate stage."""
    lines = ["# Before and after", ""]
    if about:
        lines += [f"Run {_cell(about['run'])}, dataset {_cell(about['dataset']['label'])} (`{about['dataset']['hash']}`).", ""]
    if older(evaluation):
        lines += ["This report was written by an older version: its intervals are over rows, not groups, and it has no verdict, slices "
                  "or baselines. Evaluate the run again to have them.", ""]
    else:
        lines += [*_verdict_lines(evaluation), *_overall_lines(evaluation)]
    lines += [f"{evaluation['rows']} of the {evaluation['test_rows']} rows of the frozen test split, answered greedily by each model from "
              f"the prompt alone. Intervals are 95 %: bootstraps over {'rows' if older(evaluation) else 'groups'} (seed "
              f"{evaluation['seed']}), Wilson's for rates; \"too few\" groups have none. An empty set against an empty set is right; an "
              "answer that cannot be parsed is wrong. surprise: nats a token of the right completion, lower is better.", ""]
    if left_out := evaluation.get("asked", {}).get("not_asked"):
        lines += [f"Not asked, since a type that is preferred to it passed its gates: {', '.join(map(_cell, left_out))}.", ""]
    for task, found in evaluation["tasks"].items():
        lines += [f"## {_cell(task)}", "", *_task_lines(evaluation, task, found), ""]
    if evaluation.get("slices"):
        lines += ["## Slices", "", *_slice_lines(evaluation), ""]
    if quantized:
        lines += ["## Quantized files", "", *_quantized_lines(quantized), ""]
    if evaluation["examples"]:
        lines += ["## Examples", ""]
        for result in dict.fromkeys(e["result"] for e in evaluation["examples"]):
            for example in [e for e in evaluation["examples"] if e["result"] == result][:5 if result in ("won", "lost") else 2]:
                lines += _example_lines(example, [who for who in evaluation["models"] if who in (BEFORE, AFTER)])
    return "\n".join(lines).rstrip() + "\n"


def _verdict_lines(evaluation: dict[str, Any]) -> Iterator[str]:
    verdict = evaluation["verdict"]
    if verdict is None:
        return
    yield "**Ship.**" if verdict["ship"] else "**Do not ship.**"
    yield ""
    yield from _row("gate", "of", "passed", "value", "limit", "why")
    yield from _row(*["---"] * 6)
    for gate in verdict["gates"]:
        passed = {True: "yes", False: "no", None: "not judged"}[gate["passed"]]
        why = remade_reason(gate["reason"]) if gate["reason"] else ""
        yield from _row(gate["name"], gate["subject"] or "", passed, _number(gate["value"]), _number(gate["limit"]), why)
    yield ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _overall_lines(evaluation: dict[str, Any]) -> Iterator[str]:
    yield "## All tasks"
    yield ""
    yield "score: the mean over tasks of a task's score. change: tuned minus this one, over the same rows."
    yield ""
    names = ("score", "score_rows", *RATES)
    yield from _row("", *names, "change", "bytes", "rows/s")
    yield from _row(*["---"] * (len(names) + 4))
    for who, of in evaluation["overall"].items():
        change = evaluation["change"]["score"] if who == BEFORE else None
        about = evaluation["models"][who]
        size = f"{about['bytes']:,}" if about.get("bytes") else "-"
        yield from _row(who, *(shown(of[name]) for name in names), shown(change), size, _number(about["rows_per_s"]))
    for name, of in evaluation["baselines"].items():
        figures = [of["skipped"] or "-"] * 2 if of["skipped"] else [shown(of["score"]), shown(of["score_rows"])]
        yield from _row(f"baseline: {name}", *figures, *["-"] * len(RATES), shown(of["change"]), "-", "-")
    yield ""


def _slice_lines(evaluation: dict[str, Any]) -> Iterator[str]:
    who = [name for name in (BEFORE, AFTER) if name in evaluation["models"]]
    yield from _row("by", "value", "rows", "groups", *who, "change")
    yield from _row(*["---"] * (5 + len(who)))
    for part in evaluation["slices"]:
        yield from _row(part["by"], part["value"], part["rows"], part["groups"], *(shown(part["scores"][name]) for name in who),
                        shown(part["change"]))


def _task_lines(evaluation: dict[str, Any], task: str, found: dict[str, Any]) -> Iterator[str]:
    who = list(evaluation["models"])
    yield from _row("field", "figure", *who)
    yield from _row(*["---"] * (2 + len(who)))
    for row in table(evaluation, task):
        yield from _row(row["field"], row["figure"], *(shown(row[name]) for name in who))
    yield ""
    if found["answered"] and BEFORE in who:
        yield (f"Of {found['answered']} rows {found['won']} were won, {found['lost']} lost, {found['same']} stayed as they were; "
               f"change of the score {shown(found['change'])}.")
    ended = found["figures"][AFTER]["ended"]
    if ended["length"] or ended["prompt"]:
        yield f"Tuned answers without an end: {ended['length']}; prompts too long for the context: {ended['prompt']}."
    for field, values in found["figures"][AFTER]["fields"].items():
        if values.get("confusion") and len(values["confusion"]["said"]) > 1:
            yield from _confusion_lines(field, values["confusion"])


def _confusion_lines(field: str, confusion: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{_cell(field)}: right (down) and said by the tuned model (across)."
    yield ""
    yield from _row("", *("not parsed" if said is None else said for said in confusion["said"]))
    yield from _row(*["---"] * (1 + len(confusion["said"])))
    for gold, counts in zip(confusion["gold"], confusion["counts"], strict=True):
        yield from _row(gold, *counts)


def _quantized_lines(quantized: dict[str, Any]) -> Iterator[str]:
    yield from _row("type", "file", "bytes", "KL a token (mean)", "KL (max)", "same best token", "same greedy answers", "stored as")
    yield from _row(*["---"] * 8)
    for file in quantized["files"]:
        stored = ", ".join(f"{kind} {count}" for kind, count in file["tensors"].items())
        yield from _row(file["type"], file["file"], f"{file['bytes']:,}", f"{file['kl_mean']:.2e}", f"{file['kl_max']:.2e}",
                        f"{file['same_best']:.3f}", f"{file['same_answers']}/{file['prompts']}", stored)
    fallen = [file for file in quantized["files"] if file["fallbacks"]]
    if fallen:
        yield ""
        yield from (f"{file['type']}: {len(file['fallbacks'])} tensors fell back to another type, their rows do not divide into blocks."
                    for file in fallen)
    yield ""
    yield f"KL(HF float32 || file) over {quantized['positions']} positions of {quantized['prompts']} frozen prompts and their answers."


def _example_lines(example: dict[str, Any], who: Sequence[str]) -> Iterator[str]:
    yield f"### {_cell(example['id'])} ({_cell(example['task'])}, {example['lang']}): {example['result']}"
    yield ""
    gold = json.dumps(example["gold"], ensure_ascii=False)
    for title, text in (("right", gold), *((name, example[name]["text"]) for name in who)):
        fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
        yield from (f"{title}:", "", fence + "text", text, fence, "")


def _row(*cells: Any) -> Sequence[str]:
    return ["| " + " | ".join(_cell(cell) for cell in cells) + " |"]


def _cell(value: Any) -> str:
    return re.sub(r"([\\|`<*\[\]])", r"\\\1", str(value)).replace("\n", " ")
