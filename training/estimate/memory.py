"""How much memory does each stage need at its peak? Bytes by part, from shape and settings alone.

A training step, by part:
  weights       full: float32 (autocast keeps a bfloat16 copy of what it used). lora: the number format. qlora: 4.127 bits for the
                blocks (NF4 with double quantization, Dettmers et al. 2023), float32 for embeddings and head, which peft casts up
  adapter, gradients, optimizer   float32 each; the optimizer by its kind (OPTIMIZER)
  activations   what backward needs of each block (`a_block`); with checkpointing each block's input and one block whole
  logits        a head's chunks where only learned places have logits; whole rows twice for DPO
  loading       python, torch and the device's context: FIXED

`a_block` counts what Llama's and Qwen2's blocks in transformers 5.23 save for backward: both norms keep their input in float32, attention
q, k, v and its result, the MLP gate, up, their activation and product; an adapted layer keeps its own copy of the input where it
computes in another number format than float32.

Not covered: fragmentation, what flash-attention saves on other devices, vision models, mixtures of experts.

>>> of_stage(load("smollm2-135m"), "sft", shape, longest=640, device="cpu").total
1620000000
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.config import settings_of
from training.estimate.shapes import Shape

NF4 = 4.127 / 8
FIXED = {"cuda": 0.9e9, "cpu": 0.75e9}  # guessed for a GPU's context and kernels; on a CPU a process with torch, transformers and TRL
OPTIMIZER = {"adamw": 8.0, "ademamix": 12.0, "lion": 4.0, "adafactor": 0.1, "sgd": 0.0, "adagrad": 4.0, "rmsprop": 4.0}  # bytes a weight
CHUNK = 64 * 2**20  # bytes of logits that are held at once in float32 (losses.CHUNK_ENTRIES)
LEARNERS = ("sft", "dpo", "distill")
MAX_QUANTIZED_PROMPTS = 192  # tokens of a row that quantize compares


@dataclass(frozen=True)
class Memory:
    """One stage's peak in bytes, by part; what is on the host and not on the card stands in `host`."""

    stage: str
    parts: dict[str, int]
    host: int = 0

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def of_stage(
    config: Any, stage: str, shape: Shape, *, longest: int, device: str, student: Shape | None = None, gpus: int = 1, zero: int = 0,
) -> Memory | None:
    """The stage's peak; None for one that needs next to nothing. longest: tokens of the longest row that is trained on or asked. gpus,
    zero: over how many cards which parts are divided (ZeRO: 1 the optimizer, 2 gradients too, 3 weights too)."""
    number = 2.0 if _bf16(config, device) else 4.0
    if stage in LEARNERS:
        settings = settings_of(config, stage)
        taught = student if stage == "distill" and student is not None else shape
        how = settings_of(config, "sft") if stage == "dpo" else settings  # dpo goes on with what sft made
        parts = _training(settings, how, taught, longest, number, device)
        if stage == "distill" and getattr(settings, "teacher_logits", "online") == "online":
            parts["teacher"] = shape.parameters * number
        divided = {"optimizer": 1, "gradients": 2, "weights": 3}
        parts = {name: size / gpus if zero >= divided.get(name, 9) else size for name, size in parts.items()}
        return _memory(stage, parts, device)
    shipped = student or shape
    if stage == "prune":
        forward = longest * _alive(shape) * number
        return _memory(stage, {"weights": shape.parameters * number, "activations": forward}, device)
    if stage == "merge":  # one model at a time; a saved tensor is a copy of its own
        return _memory(stage, {"weights": shape.parameters * number, "copy": 0.3 * shape.parameters * number}, device)
    if stage == "quantize":  # the reference is float32, then the files one by one
        places = MAX_QUANTIZED_PROMPTS * shipped.vocabulary * 4.0 * 2
        return _memory(stage, {"weights": shipped.parameters * 4.0, "logits": places}, device)
    if stage == "evaluate":
        return _evaluation(config, shape, longest, number, device)
    return None


def _evaluation(config: Any, shape: Shape, longest: int, number: float, device: str) -> Memory:
    """Models answer one after another, the largest decides. On a CPU llama.cpp maps the F16 file and keeps keys and values in float16."""
    settings = settings_of(config, "evaluate")
    by_llama = settings.engine == "llama_cpp" or settings.engine == "auto" and device == "cpu"
    rows = settings.slots if by_llama else settings.batch_size
    kept = rows * longest * 2 * shape.layers * shape.kv_width * (2.0 if by_llama else number)
    weights = shape.parameters * (2.0 if by_llama else number)
    logits = rows * shape.vocabulary * 4.0 * (1 if by_llama else 2)
    on = "cpu" if by_llama else device
    return _memory("evaluate", {"weights": weights, "kv_cache": kept, "logits": logits}, on)


def _training(settings: Any, how: Any, shape: Shape, longest: int, number: float, device: str) -> dict[str, float]:
    """settings: of the loop. how: the section that says method and adapter, another one for dpo."""
    method, adapter, in_pairs = how.method, how.adapter, how is not settings
    first, trained = adapted(how, shape)
    if method == "full":
        weights = shape.parameters * (4.0 + (2.0 if number == 2.0 else 0.0))
    elif method == "qlora":
        weights = shape.layers * shape.block * NF4 + shape.embeddings * 4.0
    else:
        weights = shape.parameters * number
    rows = settings.batch_size * (2 if in_pairs else 1)
    places = rows * min(longest, settings.max_length)
    whole = places * a_block(shape, number, adapter if method != "full" else None)
    behind = shape.layers - first
    checkpointed = device == "cuda" if settings.activation_checkpointing is None else settings.activation_checkpointing
    activations = places * shape.hidden * 4.0 + (whole + places * shape.hidden * number * behind if checkpointed else whole * behind)
    if in_pairs:
        logits = places * shape.vocabulary * 2 * number + min(longest, settings.max_length) * shape.vocabulary * 4.0
    else:
        logits = 3.0 * CHUNK + (shape.vocabulary * shape.hidden * 4.0 if method == "full" else 0.0)
    parts = {
        "weights": weights, "adapter": trained * 4.0 if method != "full" else 0.0, "gradients": trained * 4.0,
        "optimizer": trained * _optimizer(settings.optimizer), "activations": activations, "logits": logits,
    }
    if in_pairs:
        parts["reference"] = trained * 4.0  # the adapter, or the whole model, as it was
    return parts


def adapted(settings: Any, shape: Shape) -> tuple[int, int]:
    """(the first block that is computed backwards, weights that are trained)."""
    if settings.method == "full":
        return 0, shape.parameters
    adapter = settings.adapter
    chosen = adapter.layers_to_transform or list(range(shape.layers))
    return min(chosen), shape.adapter(adapter.rank, len(chosen), adapter.target_modules)


def a_block(shape: Shape, number: float, adapter: Any) -> float:
    """Bytes a token that one block saves for backward. adapter: its settings, None when all weights learn."""
    h, kv, wide, q = shape.hidden, shape.kv_width, shape.intermediate, shape.q_width
    norms = 2 * 4.0 * h
    attention = (2 * q + 2 * kv) * number  # q, k, v, and the result
    mlp = 4 * wide * number  # gate, up, activation, product
    inputs = 2 * h  # of q/k/v together, of gate/up together; o's is the attention's result
    copies = 3 * h + q if number == 2.0 else 0  # there each layer casts its input for itself
    saved = norms + attention + mlp + (inputs + copies) * number
    if adapter is None:
        saved += 2 * 4.0 * h  # a norm that learns keeps its result too
    else:
        saved += 7 * adapter.rank * number
        if adapter.dropout > 0:  # a mask of one byte and what is left of the input, for each layer
            saved += (5 * h + q + wide) * (1.0 + number)
    return saved


def _optimizer(name: str) -> float:
    plain = name.removeprefix("paged_")
    size = next((size for kind, size in OPTIMIZER.items() if plain.startswith(kind)), 8.0)
    return size / 4 if plain.endswith("_8bit") else size


def _alive(shape: Shape) -> int:
    """Numbers a token that a forward without gradients holds at once."""
    return 4 * shape.hidden + 3 * shape.intermediate


def _bf16(config: Any, device: str) -> bool:
    return config.dtype == "bfloat16" or config.dtype == "auto" and device == "cuda"


def _memory(stage: str, parts: dict[str, float], device: str) -> Memory:
    return Memory(stage, {name: round(size) for name, size in {**parts, "loading": FIXED[device]}.items() if size})
