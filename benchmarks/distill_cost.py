"""What does a step of our distillation cost beside a script that computes whole logits? Time and memory, at a vocabulary of 49,152.

Three processes, one after the other, on the same two random models and the same rows (480 tokens, of which the last 48 are learned): our
recipe with the teacher in memory, our recipe with a teacher that was asked beforehand (its asking is not part of a step, and is told), and
a plain script: logits of every place of both models, softmax of both, the masked mean, backward, AdamW. Times are those of the steps behind
the first, of the clock and of the processor; memory is the peak of the whole stage, loading included, above that of the imported
libraries. The load is printed: on a busy machine the clock's ratios say little, the processor's more.

>>> python -m benchmarks.distill_cost
>>> python -m benchmarks.distill_cost --teacher-layers 30 --student-layers 18 --steps 2     # the depth of SmolLM2 135M and its student
"""
from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.merge_memory import resident

LENGTH, LEARNED = 480, 48
SIDES = ("online", "offline", "plain")
LOSS: dict[str, float] = {"temperature": 2.0, "alpha": 0.5}
RATE = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=int, default=49_152)
    parser.add_argument("--hidden", type=int, default=576)
    parser.add_argument("--teacher-layers", type=int, default=6)
    parser.add_argument("--student-layers", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4, help="counted ones, behind a first")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print("RESULT " + json.dumps(_plain(given) if given.side == "plain" else _ours(given)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        _make(given, Path(scratch))
        found = {side: _one(given, Path(scratch), side) for side in SIDES}
    for side in ("online", "offline"):
        ours, plain = found[side], found["plain"]
        apart = max(abs(a - b) for a, b in zip(ours["losses"], plain["losses"], strict=True))
        print(f"{side}: {plain['step'] / ours['step']:.2f} times as fast as whole logits ({plain['cpu'] / ours['cpu']:.2f} by the "
              f"processor's time), {ours['peak'] / plain['peak']:.2f} of their memory; largest difference of {len(ours['losses'])} losses "
              f"{apart:.1e}")


def _one(given: argparse.Namespace, home: Path, side: str) -> dict[str, Any]:
    passed = [f"--{name.replace('_', '-')}={value}" for name, value in vars(given).items() if name not in ("side", "home")]
    command = [sys.executable, "-m", "benchmarks.distill_cost", "--side", side, "--home", str(home), *passed]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SystemExit(f"{side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found = json.loads(lines[0].removeprefix("RESULT "))
    print(f"{side}: {found['step']:.2f} s a step ({found['cpu']:.2f} s of processor), peak {found['peak'] / 1e6:,.0f} MB{found['told']}, "
          f"load {os.getloadavg()[0]:.1f}", flush=True)
    return found


def _make(given: argparse.Namespace, home: Path) -> None:
    """home with big/, small/ (random models) and dataset/, whose text only the tokenizer is made of."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from tests.training.frozen_fixture import write_frozen
    from training import data, models

    rows = data.read_rows(data.open_dataset(write_frozen(home / "dataset", rows=40, pairs=0)), "sft", "train")
    tokenizer = models.train_tokenizer((m["content"] for r in rows for m in [*r["prompt"], *r["completion"]]), 512)
    for name, layers in (("big", given.teacher_layers), ("small", given.student_layers)):
        torch.manual_seed(layers)
        models.save_model(Qwen2ForCausalLM(Qwen2Config(
            vocab_size=given.vocabulary, hidden_size=given.hidden, intermediate_size=given.hidden * 8 // 3, num_hidden_layers=layers,
            num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )), tokenizer, home / name)


def _rows(given: argparse.Namespace) -> list[Any]:
    from training.data import IGNORED, Encoded

    draw = random.Random(5)
    made = []
    for _ in range((given.steps + 1) * given.batch):
        ids = [draw.randrange(3, given.vocabulary) for _ in range(LENGTH)]
        made.append(Encoded(input_ids=ids, labels=[IGNORED] * (LENGTH - LEARNED) + ids[-LEARNED:]))
    return made


def _now() -> tuple[float, float]:
    """The clock, and the processor's time of this process."""
    return time.perf_counter(), time.process_time()


def _a_step(times: list[tuple[float, float]]) -> dict[str, float]:
    """Of the steps behind the first, whose ends these are."""
    wall, cpu = ((last - first) / (len(times) - 1) for first, last in zip(times[0], times[-1], strict=True))
    return {"step": wall, "cpu": cpu}


def _count_from_here() -> int:
    """Starts the count of the peak (proc(5)); gives what is resident now."""
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return before


def _ours(given: argparse.Namespace) -> dict[str, Any]:
    import peft  # noqa: F401 (its memory is not the stage's)
    import torch
    import trl  # noqa: F401
    from transformers import TrainerCallback

    from tests.training.stage_fixture import complete, context
    from training.encoded import Kept
    from training.recipes import distill

    run = Path(tempfile.mkdtemp(dir=given.home))
    for name in ("big", "small", "dataset"):
        (run / name).symlink_to(given.home / name)
    (run / "manifest.json").write_text(json.dumps({"stages": ["prepare", "distill"]}))
    complete(run / "00-prepare", {"teacher": "big", "student": "small"})
    settings = distill.Settings.model_validate({
        "method": "full", "max_steps": given.steps + 1, "batch_size": given.batch, "gradient_accumulation": 1, "learning_rate": RATE,
        "scheduler": "constant", "warmup": 0.0, "sampling": "sequential", "log_every": 1, "save_every": 10_000, "eval_rows": 0,
        "keep": "last", "teacher_logits": given.side, "max_length": LENGTH, **LOSS,
    })
    rows = _rows(given)
    distill.encoded.sft_rows = lambda ctx, tokenizer, split, *_, **__: (  # type: ignore[assignment]
        Kept(rows, [], [LENGTH] * len(rows)) if split == "train" else Kept([], []))
    times: list[tuple[float, float]] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(_now())

    peaks: list[int] = []
    loops: list[float] = []

    def timed(trainer: Any, ctx: Any) -> Any:
        loops.append(time.perf_counter())
        trainer.add_callback(Clock())
        figures = own(trainer, ctx)
        peaks.append(resident("VmHWM"))  # before anything is saved
        return figures

    own, distill.fit = distill.fit, timed
    events: list[dict[str, Any]] = []
    torch.manual_seed(0)
    before, began = _count_from_here(), time.perf_counter()
    distill.run(context(run, "distill", settings, events))
    told = f" ({loops[0] - began:.1f} s before the loop)" if given.side == "offline" else ""
    return {**_a_step(times), "peak": peaks[0] - before, "told": told, "losses": [event["loss"] for event in events if "loss" in event]}


def _plain(given: argparse.Namespace) -> dict[str, Any]:
    import peft  # noqa: F401
    import torch
    import torch.nn.functional as F
    import trl  # noqa: F401
    from transformers import AutoModelForCausalLM

    rows = _rows(given)
    before = _count_from_here()
    teacher = AutoModelForCausalLM.from_pretrained(given.home / "big", dtype=torch.float32).eval()
    student = AutoModelForCausalLM.from_pretrained(given.home / "small", dtype=torch.float32).train()
    optimizer = torch.optim.AdamW(student.parameters(), lr=RATE, weight_decay=0.0)
    temperature, alpha = LOSS["temperature"], LOSS["alpha"]
    times, losses = [], []
    for at in range(0, len(rows), given.batch):
        batch = rows[at : at + given.batch]
        ids, labels = torch.tensor([row.input_ids for row in batch]), torch.tensor([row.labels for row in batch])
        with torch.no_grad():
            theirs = teacher(input_ids=ids).logits[:, :-1]
        ours = student(input_ids=ids, use_cache=False).logits[:, :-1]
        wanted = labels[:, 1:]
        mask = (wanted != -100).float()
        apart = F.kl_div(F.log_softmax(ours / temperature, -1), F.log_softmax(theirs / temperature, -1), reduction="none", log_target=True)
        divergence = (apart.sum(-1) * mask).sum() / mask.sum() * temperature**2
        loss = alpha * divergence + (1 - alpha) * F.cross_entropy(ours.flatten(0, 1), wanted.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        times.append(_now())
    return {**_a_step(times), "peak": resident("VmHWM") - before, "told": "", "losses": losses}


if __name__ == "__main__":
    main()
