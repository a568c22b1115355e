"""Pruning: a smaller model is cut out of the tuned one, to be taught by it afterwards, or weights are set to zero one by one.

Depth (Men et al. 2024, "ShortGPT", section 2): a block's influence is 1 - mean cos(x, y) of the states before and behind it; those of the
least influence go. Width (Muralidharan et al. 2024, "Minitron", section 2.2): of each block's MLP the neurons with the largest mean |a|
stay, a being what the down projection is given; the count is a multiple of 256, because llama.cpp's K-quants fall back for other rows.
Both are measured on training rows. Magnitude (Han et al. 2015): in each matrix of the blocks the smallest |w| become zero, freely
or n of m in a row; the mask is kept through training and merge (masks.py). Zeros do not make a file smaller: the bytes are told.

With distill behind it and no `student` named, what is cut out is the student and the model it came from its teacher.

>>> ctx.result("prune")
{"model": "02-prune/model", "role": "student", "parameters": {"before": 134515008, "after": 68127552}, "layers": [0, 1, 2, ...], ...}
"""
from __future__ import annotations

import gc
from typing import Any, Literal

from pydantic import Field

from curation.errors import BadConfig, Reason, RunFailed
from curation.model import Model
from training import data, encoded, masks, models
from training.stage import StageContext
from training.tuned import current, load_merged

NAME = "prune"
NEEDS: tuple[str, ...] = ()
WEIGHTS = True


class Settings(Model):
    layers: int | None = Field(default=None, ge=1, description="blocks that stay; null: all")
    mlp_width: int | None = Field(default=None, ge=256, multiple_of=256, description="MLP neurons that stay in a block; null: all")
    sparsity: float | None = Field(default=None, gt=0, lt=1, description="share of the blocks' weights that become zero; null: none")
    pattern: Literal["free", "2:4", "4:8"] = Field(default="free", description="zeros anywhere, or so many kept in each group of a row")
    calibration_rows: int = Field(default=32, ge=1, description="training rows on which importance is measured")
    max_length: int = Field(default=2048, ge=16, description="longer rows are not measured on")


def run(ctx: StageContext) -> dict[str, Any]:
    settings: Settings = ctx.settings
    if settings.layers is None and settings.mlp_width is None and settings.sparsity is None:
        raise BadConfig(where="prune", problems=Reason("nothing_to_prune", "- prune: set layers, mlp_width or sparsity, or take prune out"))
    device = models.device_of(ctx.config.device)
    left = current(ctx)
    model = load_merged(ctx, left, device)
    tokenizer = models.load_tokenizer(ctx.path(left["base"] if left["adapter"] is not None else left["model"]))
    rows = encoded.sft_rows(ctx, tokenizer, "train", settings.max_length).rows[: settings.calibration_rows]
    _require(model, settings)
    before = sum(p.numel() for p in model.parameters())
    bytes_before = sum(p.numel() * p.element_size() for p in model.parameters())

    # 1. Whole blocks, then neurons of those that stay.
    kept_layers = list(range(len(model.model.layers)))
    if settings.layers is not None and settings.layers < len(kept_layers):
        influence = block_influence(model, rows, ctx)
        kept_layers = sorted(sorted(kept_layers, key=lambda i: influence[i])[-settings.layers :])
        keep_layers(model, kept_layers)
        ctx.log(f"{len(kept_layers)} of {len(influence)} blocks stay: {kept_layers}")
    if settings.mlp_width is not None and settings.mlp_width < model.config.intermediate_size:
        keep_neurons(model, neuron_importance(model, rows, ctx), settings.mlp_width)

    # 2. Single weights.
    mask = magnitude_mask(model, settings.sparsity, settings.pattern) if settings.sparsity is not None else {}
    if mask:
        masks.zero(model, mask)
    folder = ctx.stage_dir / "model"
    model.config.use_cache = True
    models.save_model(model, tokenizer, folder)
    models.check_model_folder(folder)
    if mask:
        masks.save(ctx.stage_dir, mask)
    after = sum(p.numel() for p in model.parameters())
    zeros = sum(int((~kept).sum()) for kept in mask.values())
    told = {
        "parameters": {"before": before, "after": after},
        "bytes": {"before": bytes_before, "after": sum(file.stat().st_size for file in folder.glob("*.safetensors"))},
        "zeros": zeros, "sparsity": round(zeros / after, 6),
    }
    ctx.log(f"{before:,} parameters before, {after:,} after, of which {zeros:,} are zero")
    del model
    gc.collect()
    return {
        "method": "full", "base": ctx.relative(folder), "adapter": None, "model": ctx.relative(folder),
        "role": "student" if _is_taught(ctx) else left["role"], "mask": ctx.relative(ctx.stage_dir / masks.FILE) if mask else None,
        "layers": kept_layers, **told,
    }


def _is_taught(ctx: StageContext) -> bool:
    names = list(ctx.folders)
    return ctx.config.student is None and "distill" in names[names.index(ctx.name) :]


def _require(model: Any, settings: Settings) -> None:
    """Raises RunFailed for a model whose blocks are not built as Llama's, and BadConfig for more than it has."""
    layers = getattr(getattr(model, "model", None), "layers", None)
    parts = ("gate_proj", "up_proj", "down_proj")
    if layers is None or not all(hasattr(getattr(layer, "mlp", None), part) for layer in layers for part in parts):
        raise RunFailed(
            where="prune", why=Reason("other_blocks", "the blocks of {kind} are not built as Llama's", kind=type(model).__name__),
            todo=Reason("prune_known", "Llama, Qwen2, Qwen3, Mistral and their kin can be pruned; take prune out for others."),
        )
    for key, wanted, has in (("layers", settings.layers, len(layers)), ("mlp_width", settings.mlp_width, model.config.intermediate_size)):
        if wanted is not None and wanted > has:
            raise BadConfig(where="prune", problems=Reason(
                "more_than_it_has", "- prune.{key}: {wanted} is more than the model has ({has})", key=key, wanted=wanted, has=has))


def _through(model: Any, rows: list[data.Encoded], ctx: StageContext) -> None:
    """Every row once through the blocks; the hooks look on."""
    import torch

    for step, row in enumerate(rows, 1):
        ctx.check_stop()
        with torch.no_grad():
            model.model(input_ids=torch.tensor([row.input_ids], device=model.device), use_cache=False)
        ctx.emit("step", step=step, total=len(rows))


def block_influence(model: Any, rows: list[data.Encoded], ctx: StageContext) -> list[float]:
    """1 - mean cosine of the states before and behind each block, over all tokens."""
    import torch

    sums, counts = [0.0] * len(model.model.layers), [0] * len(model.model.layers)

    def looks(i: int) -> Any:
        def look(_: Any, args: Any, kwargs: Any, output: Any) -> None:
            x = args[0] if args else kwargs["hidden_states"]
            y = output[0] if isinstance(output, tuple) else output
            cosine = torch.nn.functional.cosine_similarity(x.float(), y.float(), dim=-1)
            sums[i] += float(cosine.sum())
            counts[i] += cosine.numel()
        return look

    hooks = [layer.register_forward_hook(looks(i), with_kwargs=True) for i, layer in enumerate(model.model.layers)]
    try:
        _through(model, rows, ctx)
    finally:
        for hook in hooks:
            hook.remove()
    return [1 - total / max(count, 1) for total, count in zip(sums, counts, strict=True)]


def keep_layers(model: Any, kept: list[int]) -> None:
    """Only these blocks stay, in order."""
    import torch

    model.model.layers = torch.nn.ModuleList(model.model.layers[i] for i in kept)
    for i, layer in enumerate(model.model.layers):
        layer.self_attn.layer_idx = i
    model.config.num_hidden_layers = len(kept)
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [model.config.layer_types[i] for i in kept]


def neuron_importance(model: Any, rows: list[data.Encoded], ctx: StageContext) -> list[Any]:
    """Per block: the mean |activation| of each MLP neuron, over all tokens."""
    import torch

    sums = [torch.zeros(model.config.intermediate_size, dtype=torch.float64) for _ in model.model.layers]

    def looks(i: int) -> Any:
        def look(_: Any, given: Any) -> None:
            sums[i] += given[0].abs().flatten(0, -2).double().sum(dim=0).cpu()
        return look

    hooks = [layer.mlp.down_proj.register_forward_pre_hook(looks(i)) for i, layer in enumerate(model.model.layers)]
    try:
        _through(model, rows, ctx)
    finally:
        for hook in hooks:
            hook.remove()
    return sums


def keep_neurons(model: Any, importance: list[Any], width: int) -> None:
    """The `width` most important neurons of each block's MLP stay, in their order."""
    import torch

    with torch.no_grad():
        for layer, figures in zip(model.model.layers, importance, strict=True):
            kept = figures.topk(width).indices.sort().values.to(layer.mlp.down_proj.weight.device)
            for name, dim in (("gate_proj", 0), ("up_proj", 0), ("down_proj", 1)):
                linear = getattr(layer.mlp, name)
                linear.weight = torch.nn.Parameter(linear.weight.index_select(dim, kept).contiguous())
                if linear.bias is not None and dim == 0:
                    linear.bias = torch.nn.Parameter(linear.bias.index_select(0, kept))
            layer.mlp.gate_proj.out_features = layer.mlp.up_proj.out_features = layer.mlp.down_proj.in_features = width
            if hasattr(layer.mlp, "intermediate_size"):
                layer.mlp.intermediate_size = width
    model.config.intermediate_size = width


def magnitude_mask(model: Any, sparsity: float, pattern: str) -> dict[str, Any]:
    """Parameter name -> bool tensor, True where the weight stays; the linear matrices of the blocks only. For n:m the pattern says
    how many stay, and `sparsity` has no say."""
    import torch

    found = {}
    for name, parameter in model.named_parameters():
        if parameter.dim() != 2 or ".layers." not in name:
            continue
        size = parameter.detach().abs().float()
        if pattern == "free":
            count = round(sparsity * size.numel())
            kept = torch.ones(size.numel(), dtype=torch.bool)
            kept[size.flatten().topk(count, largest=False).indices.cpu()] = False
            found[name] = kept.view(size.shape)
        else:
            stay, group = (int(part) for part in pattern.split(":"))
            if size.shape[1] % group:
                continue
            grouped = size.view(size.shape[0], -1, group)
            kept = torch.zeros_like(grouped, dtype=torch.bool)
            kept.scatter_(-1, grouped.topk(stay, dim=-1).indices, True)
            found[name] = kept.view(size.shape).cpu()
    return found

