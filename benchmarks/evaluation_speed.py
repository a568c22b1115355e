"""How many rows a second does the evaluation answer through llama.cpp, and through transformers' generate, on this CPU?

    python benchmarks/evaluation_speed.py MODEL_FOLDER DATASET [--rows 24] [--threads 2] [--batch 8] [--slots 8] [--out speed.json]

The same prompts (token ids of test rows, tasks and groups in turn), the same limits of tokens, greedy, each answer ended at the blank
line behind its JSON, as `evaluate` does it. Each engine is loaded before its clock starts (loading is told apart) and answers all rows
once; llama.cpp comes first and last, so that a machine that grew busier shows. An untuned base seldom ends its answer: both engines then
make as many tokens as the limit allows, which is the slow case that the figure is about. Prints one line an engine and the ratio; the
aim is 5.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from training import data, llama_server, models  # noqa: E402
from training.converted import f16_of  # noqa: E402
from training.recipes import evaluate  # noqa: E402


def main() -> int:
    given = _arguments()
    import torch

    torch.set_num_threads(given.threads)
    settings = evaluate.Settings(slots=given.slots, batch_size=given.batch)
    test = data.read_rows(data.open_dataset(given.dataset), "sft", "test")
    rows = evaluate.chosen_rows(test, None, given.rows, seed=17)
    tokenizer = models.load_tokenizer(given.model)
    limits = evaluate.answer_limits(tokenizer, test, settings)
    prompts = [data.prompt_ids(tokenizer, row["prompt"]) for row in rows]
    most = [limits[row["task"]] for row in rows]
    print(f"{len(rows)} rows, {sum(map(len, prompts))} prompt tokens, at most {sum(most)} tokens of answers, {given.threads} threads")

    file = f16_of(given.model, print)
    found = {"llama_cpp": _timed(lambda: _by_llama_cpp(given, file, prompts, most))}
    found["transformers"] = _timed(lambda: _by_transformers(given, settings, tokenizer, prompts, most))
    found["llama_cpp_again"] = _timed(lambda: _by_llama_cpp(given, file, prompts, most))
    slower = min(found[name]["rows_per_s"] for name in ("llama_cpp", "llama_cpp_again"))
    found["ratio"] = slower / found["transformers"]["rows_per_s"]
    for name in ("llama_cpp", "transformers", "llama_cpp_again"):
        print(name, json.dumps(found[name]))
    print(f"llama.cpp answers {found['ratio']:.1f} times the rows a second (the slower of its two runs)")
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="llama.cpp against transformers, rows a second")
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def _timed(answers: Callable[[], Iterator[tuple[float, list[dict[str, Any]]]]]) -> dict[str, Any]:
    """Figures of one engine: its generator loads it, then yields (seconds of answering, answers) once."""
    began = time.monotonic()
    seconds, found = next(answers())
    return {"rows_per_s": len(found) / seconds, "seconds": round(seconds, 2), "loading_s": round(time.monotonic() - began - seconds, 2),
            "tokens": sum(one["tokens"] for one in found), "ended": sum(one["ended"] == "stop" for one in found)}


def _by_llama_cpp(given: argparse.Namespace, file: Path, prompts: list[list[int]],
                  most: list[int]) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    context = max(len(ids) + n for ids, n in zip(prompts, most, strict=True)) + 1
    with llama_server.running(file, slots=given.slots, context=context, threads=given.threads) as server:
        began = time.monotonic()
        found = [dict(answer) for _, answer in llama_server.complete_many(server, prompts, most, ["\n"])]
        yield time.monotonic() - began, found


def _by_transformers(given: argparse.Namespace, settings: evaluate.Settings, tokenizer: Any, prompts: list[list[int]],
                     most: list[int]) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    model = models.load_model(given.model, device="cpu", dtype="float32")
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    began = time.monotonic()
    found: list[dict[str, Any]] = []
    for start in range(0, len(order), settings.batch_size):
        batch = order[start : start + settings.batch_size]
        found += evaluate.generate(model, tokenizer, [prompts[i] for i in batch], [most[i] for i in batch], stop_after_line=True)
    yield time.monotonic() - began, found


if __name__ == "__main__":
    raise SystemExit(main())
