"""Runs llama.cpp's convert_hf_to_gguf.py on a model folder, in a process of its own: HF folder in, F16 GGUF out.

llama.cpp names a BPE tokenizer's way of cutting text into words ("pre-tokenizer") by a hash over one sample text, so it knows only
published tokenizers; one trained on the spot is "not recognized" though its cutting is an old acquaintance. Here such a tokenizer is
looked up by the cutting itself: its pre_tokenizer as JSON. A cutting that is not in the table is refused, never guessed.

>>> python convert.py LLAMA_CPP_SCRIPTS MODEL_DIR OUT.gguf NAME
"""
from __future__ import annotations

import importlib
import json
import sys
from typing import Any

# The regular expressions are those of the published tokenizers; the names are llama.cpp's (src/llama-vocab.cpp, `tokenizer_pre ==`).
_QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def pre_tokenizer_name(pre_tokenizer: dict[str, Any] | None) -> str | None:
    """llama.cpp's name for a `pre_tokenizer` of tokenizer.json; None when it is none that is known here.

    A ByteLevel that splits by itself is GPT-2's; a Split by one regular expression followed by a ByteLevel that does not split is
    Qwen2's or Llama 3's. add_prefix_space is refused: llama.cpp's BPE does not add it."""
    if not pre_tokenizer:
        return None
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    if any(step.get("add_prefix_space") for step in steps):
        return None
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Split", "ByteLevel"] and steps[0]["behavior"] == "Isolated" and not steps[0]["invert"] and not steps[1]["use_regex"]:
        return {_QWEN2: "qwen2", _LLAMA3: "llama-bpe"}.get(steps[0]["pattern"].get("Regex"))
    return None


def main(scripts: str, model: str, out: str, name: str) -> None:
    """`name`: what the file says it is (general.name)."""
    sys.path[:0] = [scripts, f"{scripts}/gguf-py"]
    converter = importlib.import_module("convert_hf_to_gguf")
    text_model = converter.ModelBase if hasattr(converter, "ModelBase") else converter.Model
    for cls in [text_model, *text_model.__subclasses__()]:
        if original := cls.__dict__.get("get_vocab_base_pre"):
            cls.get_vocab_base_pre = _by_cutting(original)
    sys.argv = ["convert_hf_to_gguf.py", model, "--outfile", out, "--outtype", "f16", "--model-name", name]
    converter.main()


def _by_cutting(original: Any) -> Any:
    def get_vocab_base_pre(self: Any, tokenizer: Any) -> str:
        try:
            return original(self, tokenizer)
        except NotImplementedError:
            name = pre_tokenizer_name(json.loads(tokenizer.backend_tokenizer.to_str())["pre_tokenizer"])
            if name is None:
                raise
            return name

    return get_vocab_base_pre


if __name__ == "__main__":
    main(*sys.argv[1:])
