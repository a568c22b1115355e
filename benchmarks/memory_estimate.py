"""What a training step keeps for backward, counted, beside what training/estimate/memory.py reckons: tiny Llamas on the CPU.

    python benchmarks/memory_estimate.py

Counted are the bytes of all tensors that autograd saves in one forward (each storage once, no parameters), with this project's loss. What a
process needs besides (weights, optimizer) follows from counts alone; fragments and temporary tensors are not seen here."""
from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CASES: dict[str, dict[str, Any]] = {
    "lora float32": {"method": "lora"},
    "lora float32, dropout": {"method": "lora", "dropout": 0.05},
    "lora float32, upper half": {"method": "lora", "first": 2},
    "lora bfloat16": {"method": "lora", "bf16": True},
    "full float32": {"method": "full"},
    "full bfloat16": {"method": "full", "bf16": True},
    "lora bfloat16, checkpointing": {"method": "lora", "bf16": True, "checkpointed": True},
}
SIZES = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
         "vocab_size": 1024}
ROWS, LENGTH, RANK = 2, 256, 16


def saved_bytes(method: str, bf16: bool = False, dropout: float = 0.0, first: int = 0, checkpointed: bool = False) -> int:
    """What autograd holds after one forward."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    from training.losses import head_passes_on

    torch.set_num_threads(1)
    model: Any = LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=True, use_cache=False))
    if bf16 and method != "full":
        model = model.to(torch.bfloat16)
    if method != "full":
        layers = list(range(first, SIZES["num_hidden_layers"]))
        named = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        model = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=32, lora_dropout=dropout, target_modules=named,
                                                 layers_to_transform=layers, task_type="CAUSAL_LM"))
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    plain = model.get_base_model() if method != "full" else model
    model.train()
    if checkpointed:
        plain.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        plain.enable_input_require_grads()
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    seen: dict[int, int] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(0, SIZES["vocab_size"], (ROWS, LENGTH))
    places = torch.zeros(ROWS, LENGTH, dtype=torch.bool)
    places[:, -40:] = True
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        with head_passes_on(plain, places):
            model(input_ids=ids, use_cache=False)
    return sum(seen.values())


def reckoned_bytes(method: str, bf16: bool = False, dropout: float = 0.0, first: int = 0, checkpointed: bool = False) -> int:
    from training.estimate import memory
    from training.estimate.shapes import shape_in

    shape = shape_in({**SIZES, "tie_word_embeddings": True})
    assert shape is not None
    number = 2.0 if bf16 else 4.0
    adapter = None if method == "full" else SimpleNamespace(rank=RANK, dropout=dropout)
    behind = shape.layers - first
    last_norm = ROWS * LENGTH * shape.hidden * 4
    if checkpointed:
        return round(last_norm + ROWS * LENGTH * shape.hidden * number * behind)
    casts = shape.layers * shape.block * 2 if method == "full" and bf16 else 0  # weights that autocast copied: counted as weights there
    return round(last_norm + ROWS * LENGTH * behind * memory.a_block(shape, number, adapter) + casts)


def main() -> None:
    for name, case in CASES.items():
        counted, reckoned = saved_bytes(**case), reckoned_bytes(**case)
        print(f"{name}: counted {counted / 1e6:.2f} MB, reckoned {reckoned / 1e6:.2f} MB ({reckoned / counted:.2f})", flush=True)


if __name__ == "__main__":
    main()
