"""A model to be trained: its number format, its adapter, and what of it is float32."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from curation.errors import BadValue, Reason
from training import hardware
from training.fit.settings import AdapterSettings
from training.models import DType, Method
from training.stage import StageContext


def lora_config(settings: AdapterSettings, model: Any) -> Any:
    """peft's configuration for this model. peft 0.21 takes layers_to_transform with named modules only, so "all-linear" is resolved here.
    Raises BadValue for modules or layers that the model does not have."""
    from peft import LoraConfig

    linear = _linear_names(model)
    modules: Any = settings.target_modules
    if modules != "all-linear" and (unknown := sorted(set(modules) - linear)):
        raise BadValue(
            field="target_modules", value=", ".join(unknown), why=Reason("no_such_module", "is no linear layer of this model"),
            todo=Reason("choose_modules", "There are: {names}.", names=", ".join(sorted(linear))),
        )
    layers = settings.layers_to_transform
    if layers is not None:
        count = model.config.get_text_config().num_hidden_layers
        if layers[-1] >= count:
            raise BadValue(
                field="layers_to_transform", value=str(layers[-1]), why=Reason("no_such_layer", "is no layer of this model"),
                todo=Reason("choose_layers", "It has the layers 0 to {last}.", last=count - 1),
            )
        modules = sorted(linear) if modules == "all-linear" else modules
    return LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=modules, layers_to_transform=layers,
        use_rslora=settings.rslora, use_dora=settings.dora, bias="none", task_type="CAUSAL_LM",
    )


def _linear_names(model: Any) -> set[str]:
    """The last part of the name of each linear layer within the blocks (NF4 layers are such too); the head is not adapted."""
    import torch

    head = model.get_output_embeddings()
    linear = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and module is not head}
    return {name.rpartition(".")[2] for name in linear}


def add_adapter(model: Any, settings: AdapterSettings, seed: int) -> Any:
    """The model with a fresh adapter, seeded here because peft draws A at random."""
    import torch
    from peft import get_peft_model, prepare_model_for_kbit_training

    wanted = lora_config(settings, model)
    torch.manual_seed(seed)
    if getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return get_peft_model(model, wanted)


def recast_trainable(model: Any) -> None:
    """Trainable parameters to float32. TRL 1.16 casts a QLoRA adapter to bfloat16 when the trainer is made; call this after."""
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def load_for_tuning(folder: Path, method: Method, device: str, dtype: DType, attention: str = "sdpa") -> Any:
    """A model to be trained by `method`. full: float32 master weights (autocast computes in bfloat16 where that was chosen)."""
    from training.models import load_model

    kind = "float32" if method == "full" else hardware.dtype_of(dtype, device).name
    model = load_model(folder, device=device, dtype=kind, four_bit=method == "qlora")
    if attention != "sdpa":
        model.set_attn_implementation(attention)
    return model


def say_dtype(ctx: StageContext, device: str) -> None:
    """Writes down in which format is computed, and why."""
    choice = hardware.dtype_of(ctx.config.dtype, device)
    ctx.log(f"computes in {choice.name}: {choice.why}")
    ctx.emit("dtype", name=choice.name, why=choice.why.code)
