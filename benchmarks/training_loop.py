"""How long does our training loop take against a bare TRL script on the same rows, and are the losses the same?

Pairs of processes, one after the other: our recipe's `run` and a script that calls TRL's trainer with the same settings and nothing of ours
but the frozen rows. Each tells the seconds from its start to the first step, those of the loop, and its losses. The load of the machine
is printed beside them: ratios of a busy machine say little.

>>> python -m benchmarks.training_loop --method lora --rounds 2
>>> python -m benchmarks.training_loop --method lora --model workspace/models/smollm2-135m --data datasets/flow/v0001 --steps 10
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()
STEPS = {"batch_size": 4, "gradient_accumulation": 1, "learning_rate": 1e-3, "log_every": 1, "save_every": 10_000, "eval_rows": 0,
         "sampling": "random", "allow_dropped": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=["lora", "qlora", "dpo"], default="lora")
    parser.add_argument("--model", type=Path, help="a model folder (default: a small random one)")
    parser.add_argument("--data", type=Path, help="a frozen version (default: made-up rows)")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--side", choices=["ours", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print("RESULT " + json.dumps(_ours(given) if given.side == "ours" else _bare(given)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        _compare(given, _prepared(given, Path(scratch)))


def _prepared(given: argparse.Namespace, home: Path) -> Path:
    """home with dataset/ and base/: links to what was given, or made here."""
    from tests.training.frozen_fixture import write_frozen
    from training import data, models

    if given.data:
        (home / "dataset").symlink_to(given.data.resolve())
    else:
        write_frozen(home / "dataset", rows=240, pairs=60)
    if given.model:
        (home / "base").symlink_to(given.model.resolve())
    else:
        rows = data.read_rows(data.open_dataset(home / "dataset"), "sft", "train")
        size = models.RandomModel(layers=6, hidden_size=256, intermediate_size=768, vocab_size=4096)
        tokenizer = models.train_tokenizer((m["content"] for r in rows for m in [*r["prompt"], *r["completion"]]), size.vocab_size)
        models.make_random(home / "base", size, tokenizer, seed=3)
    return home


def _compare(given: argparse.Namespace, home: Path) -> None:
    results: dict[str, list[dict[str, Any]]] = {"ours": [], "bare": []}
    for i in range(given.rounds):
        for side in ("ours", "bare") if i % 2 == 0 else ("bare", "ours"):  # what warms up first warms up in turns
            found = _one(given, home, side)
            results[side].append(found)
            print(f"round {i + 1} {side}: loop {found['loop']:.2f} s, start to first step {found['first_step']:.1f} s, "
                  f"load {os.getloadavg()[0]:.1f}", flush=True)
    ratios = [ours["loop"] / bare["loop"] for ours, bare in zip(results["ours"], results["bare"], strict=True)]
    later = [ours["first_step"] - bare["first_step"] for ours, bare in zip(results["ours"], results["bare"], strict=True)]
    apart = max(abs(a - b) for a, b in zip(results["ours"][0]["losses"], results["bare"][0]["losses"], strict=True))
    print(f"{given.method}: loop ours/bare " + ", ".join(f"{ratio:.3f}" for ratio in ratios) + "; first step later by "
          + ", ".join(f"{seconds:+.1f} s" for seconds in later) + f"; largest difference of {given.steps} losses {apart:.1e}")


def _one(given: argparse.Namespace, home: Path, side: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training_loop", "--side", side, "--home", str(home), "--method", given.method,
               "--steps", str(given.steps), "--max-length", str(given.max_length)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SystemExit(f"{side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(lines[0].removeprefix("RESULT "))


def _clock() -> Any:
    """A callback that notes when the first step began and the loop ended."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        times: dict[str, float] = {}

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.times.setdefault("first", time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times["last"] = time.perf_counter()

    return Clock()


def _told(clock: Any, losses: list[float]) -> dict[str, Any]:
    return {"first_step": clock.times["first"] - BEGAN, "loop": clock.times["last"] - clock.times["first"], "losses": losses}


def _ours(given: argparse.Namespace) -> dict[str, Any]:
    from tests.training.stage_fixture import complete, context
    from training import fit
    from training.recipes import dpo, sft

    run = Path(tempfile.mkdtemp(dir=given.home))
    for name in ("base", "dataset"):
        (run / name).symlink_to(given.home / name)
    (run / "manifest.json").write_text(json.dumps({"stages": ["prepare", "sft", "dpo"]}))
    complete(run / "00-prepare", {"teacher": "base", "student": None})
    adapter = {"rank": 8, "alpha": 16, "dropout": 0.0}
    common = {**STEPS, "max_steps": given.steps, "max_length": given.max_length}
    clock, own = _clock(), fit.fit

    def timed(trainer: Any, ctx: Any) -> Any:
        trainer.add_callback(clock)
        return own(trainer, ctx)

    events: list[dict[str, Any]] = []
    if given.method == "dpo":
        adapter_folder = _fresh_adapter(given, run)
        complete(run / "01-sft", {"method": "lora", "base": "base", "adapter": adapter_folder, "model": None, "role": "teacher"})
        dpo.fit = timed
        dpo.run(context(run, "dpo", dpo.Settings.model_validate({**common, "keep": "last"}), events))
    else:
        sft.fit = timed
        sft.run(context(run, "sft", sft.Settings.model_validate({**common, "method": given.method, "adapter": adapter}), events))
    return _told(clock, [event["loss"] for event in events if event["kind"] == "step" and "loss" in event])


def _fresh_adapter(given: argparse.Namespace, run: Path) -> str:
    model, _ = _peft_model(given)
    model.save_pretrained(run / "adapter")
    return "adapter"


def _peft_model(given: argparse.Namespace) -> tuple[Any, Any]:
    """The same adapter on both sides: peft draws it from the seed."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    folder = given.home / "base"
    quantized = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32
    ) if given.method == "qlora" else None
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, quantization_config=quantized, device_map={"": "cpu"})
    torch.manual_seed(5)
    if quantized is not None:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    lora = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear", bias="none", task_type="CAUSAL_LM")
    return get_peft_model(model, lora), AutoTokenizer.from_pretrained(folder)


def _bare(given: argparse.Namespace) -> dict[str, Any]:
    import pyarrow.parquet as parquet
    import torch
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes the data folder of that name for it

    model, tokenizer = _peft_model(given)
    kind = "preference" if given.method == "dpo" else "sft"
    columns = ["prompt", "chosen", "rejected"] if given.method == "dpo" else ["prompt", "completion"]
    rows = parquet.read_table(given.home / "dataset" / kind / "train.parquet", columns=columns).to_pylist()
    if given.method != "dpo":  # the same rows as ours: those that fit
        rows = [row for row in rows if len(tokenizer.apply_chat_template(
            row["prompt"] + row["completion"], tokenize=True, return_dict=False)) <= given.max_length]
    common: dict[str, Any] = dict(
        output_dir=str(given.home / "bare"), max_steps=given.steps, per_device_train_batch_size=STEPS["batch_size"],
        gradient_accumulation_steps=1, learning_rate=STEPS["learning_rate"], lr_scheduler_type="cosine", warmup_steps=0.03, logging_steps=1,
        save_strategy="no", seed=5, data_seed=5, use_cpu=True, bf16=False, activation_checkpointing=False, report_to=[], disable_tqdm=True,
        max_length=None,
    )
    clock = _clock()
    kinds = (DPOTrainer, DPOConfig) if given.method == "dpo" else (SFTTrainer, SFTConfig)
    trainer = kinds[0](model=model, args=kinds[1](**common), processing_class=tokenizer, train_dataset=Dataset.from_list(rows),
                       callbacks=[clock])
    for parameter in trainer.model.parameters():  # TRL casts a QLoRA adapter to bfloat16; ours is float32
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
    trainer.train()
    return _told(clock, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry])


if __name__ == "__main__":
    main()
