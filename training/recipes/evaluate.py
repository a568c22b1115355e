"""How well do the base and the tuned model, and every file that could be shipped, answer the frozen test split? All generate; nothing is
guessed from losses.

The prompt is cut off where the answer would begin, as token ids, and decoding is greedy. The JSON line comes first and alone decides
the score, so an answer is ended at the blank line behind it (`stop_after_line`). Not at the line's own end: an untuned model likes to put
its JSON on the line after a fence, and would look worse than it is. How many tokens an answer may take is read off the longest right one
of its task. The gold answer itself is looked at only after a text is there.

On a CPU llama.cpp answers, several rows at a time (many times faster than transformers, and what is shipped): the tuned model as its F16
file, the base converted to F16 once and kept beside the built tools, each quantized file as it is. On a GPU transformers answers for the
unquantized models, in batches padded on the left. A distilled student is compared with its own untuned self, and its teacher stands beside
it, tuned and untuned. Baselines (training/baselines.py) are scored alike, and gates (training/gates.py) say whether to ship.

What is written lasts: predictions-<who>.jsonl gets whole rows only, and a stage that was stopped goes on after the last one.
Left out and said in the report: prompts that leave no room in the model's context (they count as not parsed).

>>> ctx.result("evaluate")
{"models": ["base", "tuned", "Q8_0", "Q4_K_M"], "rows": 240, "ship": true, "score": 0.61, "gain": 0.52, "gain_low": 0.44,
"report": "06-evaluate/report.json", "markdown": ..., "csv": ...}
"""
from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from curation.errors import RunFailed, ToolMissing
from curation.model import Model
from training import baselines, data, encoded, gates, llama_server, losses, metrics, models, report, tools
from training.converted import convert, f16_of
from training.gates import Gates
from training.gguf import PREFERENCE
from training.predictions import prediction, row_line, whole_lines
from training.reading import read_object
from training.stage import StageContext, write_atomically
from training.tuned import untuned, whole

NAME = "evaluate"
NEEDS: tuple[str, ...] = ()
READS = ("quantize",)
MARGIN = 4  # an answer may be a quarter longer than the longest right one, and
BLANK_LINE, BLANK_TOKENS = "\n\n", 3  # what ends the answer's line in a row; tokens in which two line ends stand at most
LEAST_MARGIN = 16  # at least so many tokens

Row = dict[str, Any]
Answer = dict[str, Any]  # {"text", "tokens", "prompt_tokens", "ended", "seconds"}
Engine = Literal["llama_cpp", "transformers"]


class Settings(Model):
    engine: Literal["auto", "llama_cpp", "transformers"] = Field(default="auto", description="auto: llama.cpp on a CPU, else transformers")
    stop_after_line: bool = Field(default=True, description="end an answer at the blank line behind its JSON line")
    max_new_tokens: int | None = Field(default=None, ge=1, description="of an answer; null: from the longest right answer of the task")
    rows_per_task: int | None = Field(default=None, ge=1, description="only the first rows of each task, in frozen order")
    max_rows: int | None = Field(default=None, ge=1, description="at most so many, drawn by seed; tasks, then their groups, take turns")
    quantized: bool = Field(default=True, description="score every quantized file that could be shipped")
    every_type: bool = Field(
        default=True, description="score every type; false: in the order in which package prefers them, until one passes its gates"
    )
    surprise: bool = Field(default=False, description="also measure nats a token of the right completion (loads each unquantized model)")
    slots: int = Field(default=llama_server.SLOTS, ge=1, le=64, description="answers that llama.cpp makes at a time")
    batch_size: int = Field(default=8, ge=1, description="answers that transformers makes at a time")
    gates: Gates = Field(default_factory=Gates)


@dataclass(frozen=True)
class Subject:
    """One model to be evaluated. folder: the HF model (of a quantized file: the one it was made of, for its tokenizer). file: its GGUF."""

    who: str
    role: str
    folder: Path
    file: Path | None = None
    type: str | None = None


def run(ctx: StageContext) -> dict[str, Any]:
    frozen = data.open_dataset(ctx.dataset_dir)
    scored = {task: about["metrics"] for task, about in frozen.manifest["tasks"].items()}
    test = data.read_rows(frozen, "sft", "test")
    rows = chosen_rows(test, ctx.settings.rows_per_task, ctx.settings.max_rows, ctx.seed)
    if not rows:
        return {"skipped": "no_test_rows"}
    subjects = with_files(ctx, subjects_of(ctx))
    _write_lines(ctx.stage_dir / "rows.jsonl", (row_line(row) for row in rows))
    limits = answer_limits(models.load_tokenizer(subjects[0].folder), test, ctx.settings)

    predictions: dict[str, list[Row]] = {}
    enough = False
    for i, subject in enumerate(subjects):
        if enough and subject.role == "quantized":
            ctx.log(f"{subject.who} is not asked: a type that is preferred to it passed")
            continue
        progress = (i * len(rows), len(rows) * len(subjects))
        predictions[subject.who] = _predict(ctx, subject, rows, scored, answer_limits(
            models.load_tokenizer(subject.folder), test, ctx.settings), progress)
        enough = enough or subject.role == "quantized" and _is_enough(ctx, predictions, subject.who, scored)
    asked = [subject for subject in subjects if subject.who in predictions]

    built = report.build(
        predictions, scored, {s.who: _about(ctx, s) for s in asked}, ctx.seed, len(test),
        baselines=baselines.answers(data.read_rows(frozen, "sft", "train"), rows, scored),
        chosen={"how": "sample" if ctx.settings.max_rows else "first" if ctx.settings.rows_per_task else "all",
                "limit": ctx.settings.max_rows, "per_task": ctx.settings.rows_per_task},
        asked={"stop_after_line": ctx.settings.stop_after_line, "max_new_tokens": limits,
               "not_asked": [s.who for s in subjects if s not in asked]},
        files={"rows": "rows.jsonl", "predictions": {s.who: f"predictions-{s.who}.jsonl" for s in asked}},
    )
    built["verdict"] = gates.judge(built, ctx.settings.gates)
    write_atomically(ctx.stage_dir / "report.json", json.dumps(built, ensure_ascii=False, indent=1))
    write_atomically(ctx.stage_dir / "report.md", report.markdown(built))
    write_atomically(ctx.stage_dir / "report.csv", report.csv_text(built))
    for line in report.headline(built):
        ctx.log(line)
    for gate in gates.refusals(built["verdict"]):
        ctx.log(f"gate {gate['name']} refuses: {gate['reason']['text'].format(**gate['reason']['params'])}")
    for file in ctx.stage_dir.glob("*.gguf"):
        file.unlink()  # converted for the evaluation alone
    names = {"report": "report.json", "markdown": "report.md", "csv": "report.csv"}
    score, change = built["overall"][report.AFTER]["score"], (built["change"] or {}).get("score")
    return {
        "models": list(predictions), "rows": len(rows), "ship": built["verdict"]["ship"], "score": score and score["value"],
        "gain": change and change["value"], "gain_low": change and change["low"],
        **{key: ctx.relative(ctx.stage_dir / name) for key, name in names.items()},
    }


def _is_enough(ctx: StageContext, predictions: dict[str, list[Row]], who: str, scored: dict[str, metrics.Metrics]) -> bool:
    """Whether no type that comes after this one needs to be asked: it passed its gates, and the package takes the first that did."""
    if ctx.settings.every_type or _shipped_types(ctx):
        return False
    so_far = {"overall": report.overall({name: predictions[name] for name in (report.AFTER, who)}, scored, ctx.seed)}
    return all(gate["passed"] is not False for gate in gates.judge_type(so_far, ctx.settings.gates, who))


def _write_lines(file: Path, lines: Iterator[Row]) -> None:
    write_atomically(file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


# ---- who is evaluated, and by what ----


def subjects_of(ctx: StageContext) -> list[Subject]:
    """base, tuned, every quantized file that could be shipped (those that are preferred first, where one is enough), and with a student its
    teacher, tuned and untuned. base is left out where there is no other model than the one given."""
    merged = whole(ctx)
    tuned = ctx.path(merged["model"])
    found = [Subject("tuned", "tuned", tuned)]
    if merged["base"] is not None and ctx.path(merged["base"]) != tuned:
        found.insert(0, Subject("base", "base", ctx.path(merged["base"])))
    files = (ctx.result("quantize") or {}).get("files", [])
    if not ctx.settings.every_type:
        files = sorted(files, key=lambda file: PREFERENCE.index(file["type"]) if file["type"] in PREFERENCE else -1)
    for file in files:
        if file["type"] == "F16":
            found = [Subject(s.who, s.role, s.folder, ctx.path(file["file"]), "F16") if s.who == "tuned" else s for s in found]
        elif ctx.settings.quantized and file["type"] in (_shipped_types(ctx) or [file["type"]]):
            found.append(Subject(file["type"], "quantized", tuned, ctx.path(file["file"]), file["type"]))
    if merged.get("student"):
        found.append(Subject("teacher", "teacher", ctx.path(merged["teacher"])))
        before = ctx.path(untuned(ctx, "teacher"))
        if before not in [s.folder for s in found]:
            found.append(Subject("untuned_teacher", "untuned_teacher", before))
    return found


def _shipped_types(ctx: StageContext) -> list[str] | None:
    """The types that the package stage is told to ship; None where it chooses, or there is none."""
    return getattr(ctx.config, "package", None) and ctx.config.package.types if "package" in ctx.folders else None


def with_files(ctx: StageContext, subjects: list[Subject]) -> list[Subject]:
    """The subjects with the GGUF file that llama.cpp answers from; None where transformers answers. engine auto on a CPU: transformers
    where llama.cpp cannot be had or does not know the model, and the log says so."""
    engine = ctx.settings.engine
    if engine == "auto":
        engine = "llama_cpp" if models.device_of(ctx.config.device) == "cpu" else "transformers"
    if engine == "llama_cpp":
        try:
            return [Subject(s.who, s.role, s.folder, s.file or _f16(ctx, s), s.type or "F16") for s in subjects]
        except (ToolMissing, RunFailed) as err:
            if ctx.settings.engine == "llama_cpp":
                raise
            ctx.log(f"transformers answers instead of llama.cpp: {err}")
    return [s if s.role == "quantized" else Subject(s.who, s.role, s.folder) for s in subjects]


def _f16(ctx: StageContext, subject: Subject) -> Path:
    """The folder's weights as an F16 file: an untuned model's is kept beside the built tools under its hash, for other runs."""
    ctx.check_stop()
    ctx.emit("step", step=0, total=1, doing=f"{subject.who} as F16")
    if subject.role in ("base", "untuned_teacher"):
        return f16_of(subject.folder, ctx.log)
    target = ctx.stage_dir / f"{subject.who}-F16.gguf"
    if not target.is_file():
        convert(tools.ensure(say=ctx.log), subject.folder, target)
    return target


def _about(ctx: StageContext, subject: Subject) -> dict[str, Any]:
    """The subject's entry in the report. A file that was converted for the evaluation alone is named by what it was made of."""
    file = subject.file
    kept = file if file is not None and file.is_relative_to(ctx.run_dir) and file.parent != ctx.stage_dir else subject.folder
    return {"role": subject.role, "path": ctx.relative(kept), "type": subject.type, "bytes": file.stat().st_size if file else None,
            "engine": "llama_cpp" if file else "transformers"}


# ---- which rows, and how long an answer may be ----


def chosen_rows(rows: list[Row], per_task: int | None, most: int | None, seed: int) -> list[Row]:
    """The rows to evaluate, in frozen order: all, or the first `per_task` of each task; of these at most `most`, drawn by seed: tasks
    take turns, within a task its groups, so that few rows still come from many groups."""
    taken: dict[str, int] = {}
    kept = []
    for row in rows:
        taken[row["task"]] = taken.get(row["task"], 0) + 1
        if per_task is None or taken[row["task"]] <= per_task:
            kept.append(row)
    if most is None or len(kept) <= most:
        return kept
    order = list(range(len(kept)))
    random.Random(seed).shuffle(order)
    in_group: dict[tuple[str, str], int] = {}
    turns = []
    for i in order:
        key = (kept[i]["task"], kept[i]["group"])
        in_group[key] = in_group.get(key, 0) + 1
        turns.append((in_group[key], i))
    in_task: dict[str, int] = {}
    ranked = []
    for _, i in sorted(turns, key=lambda turn: turn[0]):  # stable: the drawn order within a turn
        in_task[kept[i]["task"]] = in_task.get(kept[i]["task"], 0) + 1
        ranked.append((in_task[kept[i]["task"]], i))
    return [kept[i] for i in sorted(i for _, i in sorted(ranked, key=lambda turn: turn[0])[:most])]


def answer_limits(tokenizer: Any, rows: list[Row], settings: Settings) -> dict[str, int]:
    """Task -> tokens that an answer may have: the longest right one's (its first line where answers end there, else all of it and an end
    token), and a quarter more."""
    longest: dict[str, int] = {}
    for row in rows:
        text = "\n".join(message["content"] for message in row["completion"])
        text = text.split("\n", 1)[0] if settings.stop_after_line else text
        longest[row["task"]] = max(longest.get(row["task"], 0), len(tokenizer(text, add_special_tokens=False)["input_ids"]) + 1)
    return {task: settings.max_new_tokens or n + max(LEAST_MARGIN, n // MARGIN) for task, n in longest.items()}


# ---- answers ----


def _predict(ctx: StageContext, subject: Subject, rows: list[Row], scored: dict[str, metrics.Metrics], limits: dict[str, int],
             progress: tuple[int, int]) -> list[Row]:
    """One model's predictions for all rows, in the order of the rows; those in its file are not made again."""
    file = ctx.stage_dir / f"predictions-{subject.who}.jsonl"
    known = {p["id"]: p for p in whole_lines(file)}
    todo = [row for row in rows if row["id"] not in known]
    if not todo:
        return [known[row["id"]] for row in rows]
    ctx.log(f"{subject.who}: {len(known)} rows are there, {len(todo)} to do")
    tokenizer = models.load_tokenizer(subject.folder)
    asked_of = dict(zip([row["id"] for row in rows], encoded.given_prompts(ctx, tokenizer, rows), strict=True))
    prompts = [asked_of[row["id"]] for row in todo]
    most = [limits[row["task"]] for row in todo]
    surprises = {}
    if ctx.settings.surprise and subject.role != "quantized":
        surprises = _surprises(ctx, subject, tokenizer, rows, {row["id"] for row in todo})
    answers = _by_llama_cpp(ctx, subject, prompts, most) if subject.file else _by_transformers(ctx, subject, tokenizer, prompts, most)
    before, total = progress
    began = time.monotonic()
    with open(file, "a", encoding="utf-8") as out:
        for i, answer in answers:
            row, now = todo[i], time.monotonic()
            asked = hashlib.sha256(json.dumps(prompts[i]).encode()).hexdigest()
            known[row["id"]] = prediction(row, {**answer, "wall_s": round(now - began, 4)}, scored.get(row["task"], {}),
                                          prompt_sha256=asked, surprise=surprises.get(row["id"]))
            began = now
            out.write(json.dumps(known[row["id"]], ensure_ascii=False) + "\n")
            out.flush()
            ctx.emit("step", step=before + len(known), total=total, doing=subject.who)
    ctx.check_stop()  # answers end early when a stop was asked for
    return [known[row["id"]] for row in rows]


def room(folder: Path) -> int:
    """Tokens of the model's context."""
    config = read_object(folder / "config.json")
    return config.get("max_position_embeddings") or 2**31


def _without_room(prompts: Sequence[Sequence[int]], most: Sequence[int], context: int) -> dict[int, Answer]:
    return {i: {"text": "", "tokens": 0, "prompt_tokens": len(ids), "ended": "prompt", "seconds": 0.0}
            for i, ids in enumerate(prompts) if len(ids) + most[i] > context}


def _by_llama_cpp(ctx: StageContext, subject: Subject, prompts: list[list[int]], most: list[int]) -> Iterator[tuple[int, Answer]]:
    """(index, answer) as they are finished; ends early when a stop is asked for."""
    left_out = _without_room(prompts, most, room(subject.folder))
    yield from left_out.items()
    asked = [i for i in range(len(prompts)) if i not in left_out]
    if not asked:
        return
    assert subject.file is not None
    context = max(len(prompts[i]) + most[i] for i in asked) + 1
    stop = [BLANK_LINE] if ctx.settings.stop_after_line else []
    slots = min(ctx.settings.slots, len(asked))
    with llama_server.running(subject.file, slots=slots, context=context, threads=ctx.config.threads,
                              log=ctx.stage_dir / f"llama-{subject.who}.log") as server:
        asked.sort(key=lambda i: prompts[i])  # those that begin alike are neighbours
        answers = llama_server.complete_many(server, [prompts[i] for i in asked], [most[i] for i in asked], stop, ctx.should_stop,
                                             keep_start=True)
        for at, answer in answers:
            yield asked[at], dict(answer)


def _by_transformers(ctx: StageContext, subject: Subject, tokenizer: Any, prompts: list[list[int]],
                     most: list[int]) -> Iterator[tuple[int, Answer]]:
    """As _by_llama_cpp, batch by batch, rows of like length together (less padding)."""
    model = models.load_model(subject.folder, device=models.device_of(ctx.config.device), dtype=ctx.config.dtype)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), ctx.settings.batch_size):
        batch = order[start : start + ctx.settings.batch_size]
        if ctx.should_stop():
            return
        answers = generate(model, tokenizer, [prompts[i] for i in batch], [most[i] for i in batch], ctx.settings.stop_after_line,
                           ctx.should_stop)
        if ctx.should_stop():  # a batch that was broken off is not written
            return
        yield from zip(batch, answers, strict=True)


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], most: Sequence[int], stop_after_line: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Answer]:
    """Greedy answers to prompts (token ids) of at most `most` tokens each, and nothing but the prompts goes in.

    ended: "stop" (an end token came, or a blank line where that is the end), "length" (`most` were made), "prompt" (no room in the
    context; text is ""). When should_stop turns true in mid-batch, the answers are not whole; the caller must not use them."""
    import torch
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    began = time.monotonic()
    left_out = _without_room(prompts, most, getattr(model.config, "max_position_embeddings", None) or 2**31)
    asked = [i for i in range(len(prompts)) if i not in left_out]
    if not asked:
        return [left_out[i] for i in range(len(prompts))]
    tokenizer.padding_side = "left"
    batch = tokenizer.pad({"input_ids": [list(prompts[i]) for i in asked]}, return_tensors="pt").to(model.device)
    width = batch["input_ids"].shape[1]
    ends = models.end_tokens(model, tokenizer)

    def blank_line_at(row: list[int]) -> bool:
        return stop_after_line and BLANK_LINE in tokenizer.decode(row[-BLANK_TOKENS:])

    class Enough(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            if should_stop():
                return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
            ended = [blank_line_at(row) for row in input_ids[:, width:].tolist()]
            return torch.tensor(ended, dtype=torch.bool, device=input_ids.device)

    greedy = GenerationConfig(do_sample=False, num_beams=1, max_new_tokens=max(most[i] for i in asked), eos_token_id=ends,
                              pad_token_id=tokenizer.pad_token_id)
    with torch.inference_mode():
        made = model.generate(**batch, generation_config=greedy, stopping_criteria=StoppingCriteriaList([Enough()]))
    answers = dict(left_out)
    for i, row in zip(asked, made[:, width:].tolist(), strict=True):
        stop = next((at for at, token in enumerate(row[: most[i]]) if token in ends or blank_line_at(row[: at + 1])), None)
        kept = row[: most[i]] if stop is None else row[: stop + (row[stop] not in ends)]
        text = tokenizer.decode(kept, skip_special_tokens=True)
        answers[i] = {"text": text.split(BLANK_LINE, 1)[0] if stop_after_line else text, "tokens": len(kept) if stop is None else stop + 1,
                      "prompt_tokens": len(prompts[i]), "ended": "length" if stop is None else "stop"}
    seconds = round(time.monotonic() - began, 4)
    return [{**answers[i], "seconds": seconds / len(prompts)} for i in range(len(prompts))]


def _surprises(ctx: StageContext, subject: Subject, tokenizer: Any, rows: list[Row], todo: set[str]) -> dict[str, dict[str, float] | None]:
    """Row id -> the surprise of its right completion, of the rows that are to do."""
    whole_rows = encoded.given_rows(ctx, tokenizer, rows)
    model = models.load_model(subject.folder, device=models.device_of(ctx.config.device), dtype=ctx.config.dtype)
    found = {}
    for row, tokens in zip(rows, whole_rows, strict=True):
        if row["id"] in todo:
            ctx.check_stop()
            found[row["id"]] = surprise(model, tokens)
    return found


def surprise(model: Any, row: data.Encoded) -> dict[str, float] | None:
    """The gold completion's negative log likelihood: {"nats" (sum), "tokens"}; None when the row does not fit into the context."""
    if len(row.input_ids) > (getattr(model.config, "max_position_embeddings", None) or 2**31):
        return None
    nats, tokens = losses.nll_at_learned(model, row.input_ids, row.labels)
    return {"nats": nats, "tokens": tokens}
