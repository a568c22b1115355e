"""Weights that were pruned one by one stay zero: in training, in an adapter's share, and in the merge. The mask lies beside the pruned
model as mask.safetensors: a bit a weight, 1 where it is kept.

Full tuning: weights are zeroed after each optimizer step. An adapter: its share B·A is masked too, so what is trained is
(W + s·B·A)∘M, the function that is merged and shipped (Sanh et al. 2020 call it the masked forward).

>>> mask = load(ctx.path(weights["mask"]))
>>> zero(model, mask)
"""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from curation.errors import Reason, RunFailed

FILE = "mask.safetensors"


def save(folder: Path, mask: dict[str, Any]) -> None:
    """mask: parameter name -> bool tensor of its shape."""
    import numpy as np
    from safetensors.numpy import save_file

    packed = {name: np.packbits(kept.cpu().numpy().reshape(-1)) for name, kept in mask.items()}
    shapes = {name: ",".join(str(side) for side in kept.shape) for name, kept in mask.items()}
    save_file(packed, folder / FILE, metadata=shapes)


def load(file: Path) -> dict[str, Any]:
    import numpy as np
    import torch
    from safetensors import safe_open

    found = {}
    with safe_open(file, framework="numpy") as opened:
        for name, text in opened.metadata().items():
            shape = tuple(int(side) for side in text.split(","))
            bits = np.unpackbits(opened.get_tensor(name), count=math.prod(shape))
            found[name] = torch.from_numpy(bits.astype(bool).reshape(shape))
    return found


def zero(model: Any, mask: dict[str, Any]) -> None:
    """Sets what was pruned to zero again, in place."""
    import torch

    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, kept in mask.items():
            weights[name].mul_(kept.to(weights[name].device))


def mask_adapters(model: Any, mask: dict[str, Any]) -> None:
    """Every adapter's share of a masked weight is masked in the forward pass. `model` is a PeftModel over the pruned weights."""
    for name, module in model.named_modules():
        kept = mask.get(name.removeprefix("base_model.model.") + ".weight")
        if kept is not None and hasattr(module, "lora_A"):
            if getattr(module, "use_dora", None) and any(module.use_dora.values()):
                raise RunFailed(
                    where="prune", why=Reason("dora_and_mask", "DoRA rescales whole columns and cannot keep a mask"),
                    todo=Reason("lora_or_full", "Take LoRA without DoRA, or full tuning, after magnitude pruning."),
                )
            module.forward = _masked(module, kept)


def _masked(module: Any, kept: Any) -> Any:
    import torch.nn.functional as F

    def forward(x: Any, *_: Any, **__: Any) -> Any:
        result = module.base_layer(x)
        for adapter in [] if module.disable_adapters else module.active_adapters:
            if adapter in module.lora_A:
                a, b = module.lora_A[adapter].weight, module.lora_B[adapter].weight
                share = (b @ a) * module.scaling[adapter] * kept.to(a.device)
                result = result + F.linear(module.lora_dropout[adapter](x.to(a.dtype)), share).to(result.dtype)
        return result

    return forward


def hold(trainer: Any, file: Path | None) -> None:
    """A trainer that keeps what was pruned at zero; nothing changes where nothing was."""
    if file is None:
        return
    from transformers import TrainerCallback

    mask = load(file)
    if hasattr(trainer.model, "peft_config"):
        mask_adapters(trainer.model, mask)
        return
    zero(trainer.model, mask)

    class Zeroes(TrainerCallback):
        def on_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            zero(model, mask)

    trainer.add_callback(Zeroes())
