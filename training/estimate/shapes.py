"""How large is a model, without its weights? Out of its config.json, or of known_models.yaml for one that is not on this machine.

Decoders with gated MLPs and grouped attention: Llama, Qwen2, Qwen3, DeepSeek-Coder, SmolLM2, CodeLlama. Not covered: mixtures of experts
and other designs, whose config.json lacks these keys; then there is no shape, and nothing is guessed.

>>> shape_of(ModelChoice(path="Qwen/Qwen2.5-Coder-7B-Instruct")).parameters
7615283200
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from curation.errors import UserError
from training.models import ModelChoice, check_local
from training.reading import parse_yaml, read_bytes, read_object

KNOWN = Path(__file__).resolve().parent / "known_models.yaml"
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True)
class Shape:
    """Sizes in numbers, not bytes. tied: the head shares the embedding's weights."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def q_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def block(self) -> int:
        """Weights of one block's linear layers; norms and biases are left out (a thousandth)."""
        return self.hidden * (2 * self.q_width + 2 * self.kv_width + 3 * self.intermediate)

    @property
    def embeddings(self) -> int:
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        return self.layers * self.block + self.embeddings

    def adapter(self, rank: int, layers: int, modules: list[str] | str = "all-linear") -> int:
        """Weights of a LoRA of this rank on so many blocks."""
        sizes = {
            "q_proj": self.hidden + self.q_width, "k_proj": self.hidden + self.kv_width, "v_proj": self.hidden + self.kv_width,
            "o_proj": self.q_width + self.hidden, **dict.fromkeys(("gate_proj", "up_proj", "down_proj"), self.hidden + self.intermediate),
        }
        chosen = sizes if isinstance(modules, str) else {name: sizes[name] for name in modules if name in sizes}
        return rank * layers * sum(chosen.values())


def shape_of(choice: ModelChoice) -> Shape | None:
    """The shape of a random model, of one on this machine, or of a known name; None where it cannot be told."""
    if choice.random is not None:
        of = choice.random
        head_dim = of.hidden_size // of.heads
        return Shape(of.layers, of.hidden_size, of.intermediate_size, of.heads, of.kv_heads, head_dim, of.vocab_size, False)
    try:
        folder = check_local(choice)
    except UserError:
        folder = None
    if folder is not None:
        return shape_in(read_object(folder / "config.json"))
    return known_models().get(str(choice.path).lower())


def shape_in(config: Mapping[str, Any]) -> Shape | None:
    """The shape that a config.json names; None where it lacks a key, or is of another design."""
    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")
    sizes = [config.get(name) for name in names]
    if any(type(size) is not int or size < 1 for size in sizes) or any(config.get(name) for name in EXPERTS):
        return None
    layers, hidden, wide, heads, vocabulary = sizes
    kv_heads = config.get("num_key_value_heads") or heads
    head_dim = config.get("head_dim") or hidden // heads  # type: ignore[operator]
    if type(kv_heads) is not int or type(head_dim) is not int:
        return None
    return Shape(layers, hidden, wide, heads, kv_heads, head_dim, vocabulary, bool(config.get("tie_word_embeddings")))  # type: ignore[arg-type]


@cache
def known_models() -> dict[str, Shape]:
    """Lower-case name on the hub, or in the catalog -> its shape."""
    found: dict[str, Shape] = {}
    for entry in parse_yaml(read_bytes(KNOWN)):
        shape = shape_in(entry)
        assert shape is not None, entry["names"]
        found |= {name.lower(): shape for name in entry["names"]}
    return found
