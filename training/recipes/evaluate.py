"""How well do the base model and the tuned model answer the frozen test split? Both generate; nothing is guessed from losses.

The prompt is cut off where the answer would begin, decoding is greedy, rows are batched with left padding (all rows of a batch end at
the same position, so the next token follows the prompt in each). The gold answer is looked at only after a text is there. A
distilled student is compared with its own untuned self, and its teacher is evaluated beside it.

Besides the answers, the surprise of the gold completion is measured (nats a token): a figure that also moves for rows of free text
and for models too small to answer. What is written lasts: predictions-<who>.jsonl gets whole rows only, and a stage that was stopped
goes on after the last one.

Left out and said in the report: prompts that leave no room in the model's context (they count as not parsed).

>>> ctx.result("evaluate")
{"models": ["base", "tuned"], "rows": 240, "report": "05-evaluate/report.json", "markdown": ..., "csv": ...}
"""
from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from curation.model import Model
from training import data, losses, metrics, models, report
from training.stage import StageContext, write_atomically
from training.tuned import whole

NAME = "evaluate"
NEEDS: tuple[str, ...] = ()


class Settings(Model):
    """max_new_tokens: of an answer. rows_per_task: None for the whole test split; else the first ones of each task, in frozen order."""

    max_new_tokens: int = Field(default=256, ge=1)
    batch_size: int = Field(default=8, ge=1)
    rows_per_task: int | None = Field(default=None, ge=1)


def run(ctx: StageContext) -> dict[str, Any]:
    frozen = data.open_dataset(ctx.dataset_dir)
    scored = {task: about["metrics"] for task, about in frozen.manifest["tasks"].items()}
    test = data.read_rows(frozen, "sft", "test")
    rows = chosen_rows(test, ctx.settings.rows_per_task)
    if not rows:
        return {"skipped": "no_test_rows"}
    folders = who_is_evaluated(whole(ctx))
    total = len(rows) * len(folders)

    predictions: dict[str, list[dict[str, Any]]] = {}
    for i, (who, folder) in enumerate(folders.items()):
        file = ctx.stage_dir / f"predictions-{who}.jsonl"
        predictions[who] = _predict(ctx, ctx.path(folder), rows, scored, file, done_before=i * len(rows), total=total)

    built = report.build(predictions, scored, folders, ctx.seed, len(test))
    write_atomically(ctx.stage_dir / "report.json", json.dumps(built, ensure_ascii=False, indent=1))
    write_atomically(ctx.stage_dir / "report.md", report.markdown(built))
    write_atomically(ctx.stage_dir / "report.csv", report.csv_text(built))
    for line in report.headline(built):
        ctx.log(line)
    names = {"report": "report.json", "markdown": "report.md", "csv": "report.csv"}
    return {"models": list(folders), "rows": len(rows), **{key: ctx.relative(ctx.stage_dir / name) for key, name in names.items()}}


def who_is_evaluated(merged: dict[str, Any]) -> dict[str, str]:
    """Who -> model folder, as `merge` names them: base, tuned, and the teacher where a student is what was tuned."""
    folders = {"base": merged["base"], "tuned": merged["model"]}
    return {**folders, "teacher": merged["teacher"]} if merged.get("student") else folders


def chosen_rows(rows: list[dict[str, Any]], per_task: int | None) -> list[dict[str, Any]]:
    """The rows to evaluate, in frozen order: all, or the first `per_task` of each task."""
    taken: dict[str, int] = {}
    kept = []
    for row in rows:
        taken[row["task"]] = taken.get(row["task"], 0) + 1
        if per_task is None or taken[row["task"]] <= per_task:
            kept.append(row)
    return kept


def _predict(ctx: StageContext, folder: Path, rows: list[dict[str, Any]], scored: dict[str, metrics.Metrics], file: Path,
             done_before: int, total: int) -> list[dict[str, Any]]:
    """One model's predictions for all rows, in the order of the rows; those in `file` are not made again."""
    known = {p["id"]: p for p in whole_lines(file)}
    tokenizer = models.load_tokenizer(folder)
    prompts = {row["id"]: data.prompt_text(tokenizer, row["prompt"]) for row in rows}
    todo = sorted((row for row in rows if row["id"] not in known), key=lambda row: len(prompts[row["id"]]))  # less padding
    if todo:
        ctx.log(f"{file.stem}: {len(known)} rows are there, {len(todo)} to do")
        device = models.device_of(ctx.config.device)
        model = models.load_model(folder, device=device, dtype=ctx.config.dtype)
        with open(file, "a", encoding="utf-8") as out:
            for batch in _batches(todo, ctx.settings.batch_size):
                ctx.check_stop()
                began = time.monotonic()
                asked = [prompts[row["id"]] for row in batch]
                answers = generate(model, tokenizer, asked, ctx.settings.max_new_tokens, ctx.should_stop)
                ctx.check_stop()  # a batch that was broken off is not written
                surprises = [surprise(model, data.encode(tokenizer, row["prompt"], row["completion"])) for row in batch]
                for row, prompt, answer, nats in zip(batch, asked, answers, surprises, strict=True):
                    known[row["id"]] = prediction(row, prompt, answer, nats, scored.get(row["task"], {}))
                    out.write(json.dumps(known[row["id"]], ensure_ascii=False) + "\n")
                out.flush()
                ctx.emit("step", step=done_before + len(known), total=total, doing=file.stem, seconds=round(time.monotonic() - began, 2))
    return [known[row["id"]] for row in rows]


def whole_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The predictions in a file; a last line torn by a kill is cut off the file."""
    if not file.is_file():
        return
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if whole != raw:
        with open(file, "r+b") as torn:
            torn.truncate(len(whole))
    for line in whole.splitlines():
        yield json.loads(line)


def _batches(rows: Sequence[dict[str, Any]], size: int) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], max_new_tokens: int, should_stop: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any]]:
    """Greedy answers to rendered prompts, and nothing but the prompts goes in: {"text", "tokens", "ended"} each.

    ended: "stop" (an end token came), "length" (max_new_tokens were made), "prompt" (no room in the context; text is ""). When
    should_stop turns true in mid-batch, the answers are not whole; the caller must not use them."""
    import torch
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    class WhenAsked(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            return torch.full((input_ids.shape[0],), should_stop(), dtype=torch.bool, device=input_ids.device)

    ids = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    context = getattr(model.config, "max_position_embeddings", None) or 2**31
    fits = [i for i, one in enumerate(ids) if len(one) + max_new_tokens <= context]
    answers: list[dict[str, Any]] = [{"text": "", "tokens": 0, "ended": "prompt"} for _ in prompts]
    if not fits:
        return answers
    ends = end_tokens(model, tokenizer)
    tokenizer.padding_side = "left"
    batch = tokenizer.pad({"input_ids": [ids[i] for i in fits]}, return_tensors="pt").to(model.device)
    greedy = GenerationConfig(do_sample=False, num_beams=1, max_new_tokens=max_new_tokens, eos_token_id=ends,
                              pad_token_id=tokenizer.pad_token_id)
    with torch.inference_mode():
        made = model.generate(**batch, generation_config=greedy, stopping_criteria=StoppingCriteriaList([WhenAsked()]))
    for i, row in zip(fits, made[:, batch["input_ids"].shape[1] :].tolist(), strict=True):
        stop = next((at for at, token in enumerate(row) if token in ends), None)
        kept = row[:stop]
        text = tokenizer.decode(kept, skip_special_tokens=True)
        answers[i] = {"text": text, "tokens": len(kept), "ended": "length" if stop is None else "stop"}
    return answers


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end an answer: the tokenizer's and those the model's own generation_config.json names."""
    named = model.generation_config.eos_token_id
    more = named if isinstance(named, list) else [] if named is None else [named]
    return sorted({tokenizer.eos_token_id, *more})


def surprise(model: Any, row: data.Encoded) -> dict[str, float] | None:
    """The gold completion's negative log likelihood: {"nats" (sum), "tokens"}; None when the row does not fit into the context."""
    if len(row.input_ids) > (getattr(model.config, "max_position_embeddings", None) or 2**31):
        return None
    nats, tokens = losses.nll_at_learned(model, row.input_ids, row.labels)
    return {"nats": nats, "tokens": tokens}


def prediction(
    row: dict[str, Any], prompt: str, answer: dict[str, Any], nats: dict[str, float] | None, how: metrics.Metrics,
) -> dict[str, Any]:
    """One line of predictions-<who>.jsonl. gold and scores are empty for a row without a structured answer."""
    gold = json.loads(row["answer"]) if row["answer"] else None
    parsed = metrics.parse(answer["text"]) if gold is not None else None
    return {
        "id": row["id"], "task": row["task"], "lang": row["lang"], "group": row["group"],
        "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(), **answer,
        "parsed": parsed, "gold": gold, "scores": metrics.score_row(how, gold, parsed) if gold is not None else {},
        "surprise": nats,
    }
