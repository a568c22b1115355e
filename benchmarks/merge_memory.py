"""How much memory does merging take, beside the model's own bytes? A random model with a large vocabulary and an adapter are merged.

    .venv/bin/python benchmarks/merge_memory.py --vocabulary 65536 --method lora

Prints the model's bytes in the type that is computed in, the peak of resident memory above that of the imported libraries, and the
limit: 1.3 times the model and 1 GB. Exits with 1 above it.
"""
from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.training.frozen_fixture import write_frozen  # noqa: E402
from tests.training.stage_fixture import complete  # noqa: E402
from training import data, models  # noqa: E402
from training.recipes import merge  # noqa: E402
from training.stage import StageContext  # noqa: E402


def resident(key: str) -> int:
    """VmRSS (now) or VmHWM (peak) in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vocabulary", type=int, default=65_536)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--method", choices=["lora", "qlora"], default="lora")
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        size = _make(root, given)
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here (proc(5))
        ctx = _ctx(root, given.method)
        result = merge.run(ctx)
        peak = resident("VmHWM") - before
    limit = int(1.3 * size + 1e9)
    print(f"vocabulary {given.vocabulary:,}, {given.method}: model {size / 1e6:,.0f} MB, peak {peak / 1e6:,.0f} MB above the libraries "
          f"({peak / size:.2f} times), limit {limit / 1e6:,.0f} MB; compared {result['difference']['teacher']}")
    return int(peak > limit)


def _make(root: Path, given: argparse.Namespace) -> int:
    """base/ and adapter/; gives the model's bytes in float32."""
    import gc

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2Config, Qwen2ForCausalLM

    frozen = data.open_dataset(write_frozen(root / "dataset", rows=160, pairs=0))
    texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
    tokenizer = models.train_tokenizer(texts, 512)
    model = Qwen2ForCausalLM(Qwen2Config(
        vocab_size=given.vocabulary, hidden_size=given.hidden, intermediate_size=given.hidden * 3, num_hidden_layers=given.layers,
        num_attention_heads=8, num_key_value_heads=4, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))
    size = sum(parameter.numel() for parameter in model.parameters()) * 4
    models.save_model(model, tokenizer, root / "base")
    tuned = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(root / "adapter")
    del model, tuned
    gc.collect()
    torch.set_num_threads(1)
    return size


def _ctx(root: Path, method: str) -> StageContext:
    folders = {name: root / f"{i:02d}-{name}" for i, name in enumerate(("prepare", "sft", "merge"))}
    complete(folders["prepare"], {"teacher": "base", "student": None})
    complete(folders["sft"], {"method": method, "base": "base", "adapter": "adapter", "model": None})
    folders["merge"].mkdir()
    config = SimpleNamespace(device="cpu", dtype="float32", system_prompt=None, sft=SimpleNamespace(max_length=2048))
    return StageContext(name="merge", run_dir=root, stage_dir=folders["merge"], config=config, settings=merge.Settings(),
                        dataset_dir=root / "dataset", seed=1, folders=folders, write_event=lambda event: None)


if __name__ == "__main__":
    sys.exit(main())
