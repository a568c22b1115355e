"""Does a run that is killed again and again end in the same weights, bit by bit, as one that is not? By `kill -9`.

    .venv/bin/python benchmarks/kill_and_resume.py --kills 50 --seed 1

A tiny float32 run (LoRA, preference tuning, pruning, distillation, merge) is done once in peace. Then runs of the same configuration are
killed at moments drawn at random over the time that the first took, and resumed, until so many kills hit a living worker. Every weight
file of every stage is compared. Exits with 1 where one differs. --keep leaves the runs in a folder.
"""
from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.training.frozen_fixture import write_frozen  # noqa: E402
from training import config, runs  # noqa: E402

MODEL = {"random": {"layers": 2, "heads": 2, "kv_heads": 1, "intermediate_size": 512, "vocab_size": 512}}
SETTINGS = {
    "stages": ["sft", "dpo", "prune", "distill", "merge"], "teacher": MODEL, "student": None, "threads": 1, "dtype": "float32",
    "sft.method": "lora", "sft.max_steps": 40, "sft.batch_size": 2, "sft.save_every": 5, "sft.log_every": 1, "sft.adapter.rank": 4,
    "sft.adapter.dropout": 0.1, "sft.eval_rows": 2, "dpo.max_steps": 10, "dpo.save_every": 3, "dpo.log_every": 1, "dpo.eval_rows": 2,
    "prune.layers": 1, "prune.mlp_width": 256, "prune.calibration_rows": 4, "distill.max_steps": 30, "distill.batch_size": 2,
    "distill.save_every": 5, "distill.log_every": 1, "distill.eval_rows": 2,
}


def weights(run_dir: Path) -> dict[str, str]:
    """Every weight file of the run with its hash."""
    return {file.relative_to(run_dir).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(run_dir.glob("[0-9]*/**/*.safetensors")) if "checkpoints" not in file.parts}


def ended(run_dir: Path, within_s: float | None = None) -> bool:
    """Waits for the run's end; False when it still runs after so many seconds."""
    began = time.monotonic()
    while runs.poll(run_dir).active:
        if within_s is not None and time.monotonic() - began > within_s:
            return False
        time.sleep(0.02)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the runs (default: one that is removed)")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        root = given.keep or Path(scratch)
        frozen = root / "made" / "v0001"
        if not frozen.exists():
            write_frozen(frozen, rows=60, pairs=24)
        began = time.monotonic()
        whole = runs.start(config.load("tiny", SETTINGS), root / "runs", dataset_dir=frozen, name=f"whole-{given.seed}")
        ended(whole)
        took = time.monotonic() - began
        if runs.poll(whole).state != "done":
            print(runs.read_log(whole))
            return 1
        wanted = weights(whole)
        print(f"in peace: {took:.0f} s, {len(wanted)} weight files", flush=True)
        hit: Counter[str] = Counter()
        differing = number = 0
        while hit.total() < given.kills:
            number += 1
            differing += _one(root, frozen, f"killed-{given.seed}-{number}", given.kills, hit, took, draw, wanted)
    print(f"{hit.total()} kills over {number} runs ({', '.join(f'{stage} {n}' for stage, n in hit.items())}): "
          f"{number - differing} runs end in the same bits, {differing} do not")
    return int(differing > 0)


def _one(
    root: Path, frozen: Path, name: str, most: int, hit: Counter[str], took: float, draw: random.Random, wanted: dict[str, str]
) -> int:
    """One run with up to six kills; 1 where its weights differ."""
    run_dir = runs.start(config.load("tiny", SETTINGS), root / "runs", dataset_dir=frozen, name=name)
    for _ in range(6):
        if hit.total() >= most or ended(run_dir, draw.uniform(0.2, 0.7) * took):
            break
        stage = runs.poll(run_dir).stage or "start"
        runs.kill(run_dir)
        if runs.poll(run_dir).state != "died":
            break  # it had just ended
        hit[stage] += 1
        print(f"{name}: killed in {stage}, step {runs.poll(run_dir).step}", flush=True)
        runs.resume(run_dir)
    ended(run_dir)
    if runs.poll(run_dir).state != "done":
        print(f"{name}: {runs.poll(run_dir).error}")
        return 1
    found = weights(run_dir)
    differ = sorted(file for file in wanted.keys() | found.keys() if wanted.get(file) != found.get(file))
    for file in differ:
        print(f"{name}: {file} differs")
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main())
