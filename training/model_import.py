"""How does a quantized GGUF file become a model folder that can be trained? A process of its own: `python -m training.model_import`.

transformers reads the file (`from_pretrained(folder, gguf_file=...)`) and gives each weight as the number that the quantized block stands
for. The model is then built again from the same configuration without its quantization entry (`save_pretrained` refuses the other one)
and written as safetensors. The file's weights decide the folder's type: float16 for quantized ones (their scales are float16).
Measured on SmolLM2-135M Q4_1 over 1,152 tokens of C, against float32: float16 KL 3.4e-6 a token, the most likely token the same everywhere;
bfloat16 7.2e-5 and 0.3 % of the tokens others, at the same 269 MB.

What could be lost in silence is refused: a tensor that the model has no place for, a place that no tensor fills, and a tokenizer whose ids
for the sample texts are not those of llama.cpp (where one is at hand; a model of the catalog has their hash).

Told on standard output, one JSON object a line: {"doing"}, {"tensors", "total"}, and at the end {"made": {...}} or {"error": {...}}.

>>> python -m training.model_import gguf SmolLM2-135M-Instruct.Q4_1.gguf OUT_DIR
>>> python -m training.model_import folder MODEL_DIR MODEL_DIR     # only looks whether configuration and tokenizer can be read
"""
from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from curation.errors import BadModelFolder, Reason, ToolMissing, UserError, record
from training import gguf, models, tools
from training.model_folder import check_model_folder

# Where tokenizers go apart: runs of blanks, digits, line ends, other scripts, and the turns of a chat.
SAMPLES = (
    "static int foo(struct a *b)\n{\n\treturn b->ops[3].cb(0x1234, 42UL);\n}\n\n\n#define X(a, ...) a##_b /* x86_64 */\r\n",
    "回调函数在哪里运行？第12345号，全角数字１２３。",
    "  a  b\t\tc  \n   \n émigré 漢字 🙂 ٣٤ I'll DON'T we're 3.14e-10",
    '<|im_start|>user\n{"targets": ["on_read", "on_write"]}<|im_end|>\n',
)
_OTHER = Reason("choose_causal", "Choose a causal language model it knows.")
Tell = Callable[[dict[str, Any]], None]


def from_gguf(source: Path, target: Path, tell: Tell) -> dict[str, Any]:
    """Writes the weights, configuration and tokenizer into `target`. Gives {"dtype", "parameters", "context", "model_type", "tokens",
    "versions", ...} for the record. Raises BadModelFolder."""
    try:
        about = gguf.read_gguf(source)
    except gguf.BadGguf as err:
        raise _refused(source, Reason("gguf_broken", "it is no GGUF file that can be read ({said})", said=str(err))) from err
    if any(tensor.name == "rope_freqs.weight" for tensor in about.tensors):
        raise _refused(source, Reason("rope_freqs", "it scales positions by a table (rope_freqs) that would be lost"))
    dtype = _dtype(about)
    tell({"doing": f"reading {len(about.tensors)} tensors back as {dtype}"})
    model, tokenizer = _read(source, dtype, len(about.tensors), tell)
    _all_used(source, about, model)
    _save(model, tokenizer, target)
    check_model_folder(target)
    tell({"doing": "comparing the tokenizer"})
    return {"dtype": dtype, "weights": about.bytes_by_type, **_described(target), "tokens": _tokens(target, source)}


def _dtype(about: gguf.Gguf) -> str:
    kinds = {tensor.type for tensor in about.tensors if len(tensor.shape) > 1}
    return "float32" if "F32" in kinds else "bfloat16" if "BF16" in kinds else "float16"


def _read(source: Path, dtype: str, total: int, tell: Tell) -> tuple[Any, Any]:
    import gguf as gguf_package
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    package: Any = gguf_package
    dequantize, done = package.dequantize, 0

    def counted(*args: Any) -> Any:
        nonlocal done
        done += 1
        tell({"tensors": min(done, total), "total": total})
        return dequantize(*args)

    package.dequantize = counted
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=getattr(torch, dtype), local_files_only=True, trust_remote_code=False,
            output_loading_info=True,
        )
        model, loading = loaded
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True, trust_remote_code=False)
    except Exception as err:  # noqa: BLE001 (whatever two libraries raise over a hostile file: this process has no other work)
        raise _refused(source, Reason("cannot_load_model", "transformers cannot load it ({said})", said=_first_line(err))) from err
    finally:
        package.dequantize = dequantize
    _cut_as_named(tokenizer, gguf.read_gguf(source).metadata.get("tokenizer.ggml.pre"))
    lacking = sorted({*loading["missing_keys"], *(str(key) for key in loading["mismatched_keys"])})
    if lacking:
        raise _refused(source, Reason("lacks_weights", "it has no weights for {names}", names=", ".join(lacking[:5])))
    return model, tokenizer


def _cut_as_named(tokenizer: Any, pre: Any) -> None:
    """transformers 5.23 gives every Llama with a GPT-2 vocabulary GPT-2's way of cutting text; these cut each digit off first
    (llama.cpp, src/llama-vocab.cpp: one regular expression for them all). Without it " ٣" is other tokens."""
    from tokenizers import pre_tokenizers

    if pre in ("smollm", "starcoder", "refact"):
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])


def _all_used(source: Path, about: gguf.Gguf, model: Any) -> None:
    """Every number of the file must stand in the model, and no other."""
    stored = sum(math.prod(tensor.shape) for tensor in about.tensors)
    built = sum(value.numel() for value in model.parameters())
    if stored != built:
        raise _refused(source, Reason("other_count", "the file has {stored} weights where the model it names has {built}", stored=stored,
                                      built=built))


def _save(model: Any, tokenizer: Any, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    values = {key: value for key, value in model.config.to_dict().items() if key not in ("quantization_config", "_name_or_path")}
    config = type(model.config).from_dict(values)
    with torch.device("meta"):  # the weights are put in, so none is drawn
        plain = AutoModelForCausalLM.from_config(config, dtype=model.dtype)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = model.generation_config
    plain.save_pretrained(target)
    tokenizer.model_max_length = getattr(config, "max_position_embeddings", tokenizer.model_max_length)
    tokenizer.save_pretrained(target)
    for file in target.glob("*.safetensors"):
        file.chmod(0o666 & ~_umask())  # safetensors makes it for its owner alone; the store may be shared


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def of_folder(folder: Path) -> dict[str, Any]:
    """Looks whether transformers knows the architecture and reads the tokenizer. Raises BadModelFolder."""
    check_model_folder(folder)
    return {**_described(folder), "tokens": _tokens(folder, None)}


def _described(folder: Path) -> dict[str, Any]:
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        known = type(config) in AutoModelForCausalLM._model_mapping  # noqa: SLF001 (there is no public way to ask)
    except Exception as err:  # noqa: BLE001 (as above)
        raise _refused(folder, Reason("cannot_load_model", "transformers cannot load it ({said})", said=_first_line(err))) from err
    if not known:
        raise _refused(folder, Reason("no_causal", "its model_type {kind!r} is no causal language model", kind=config.model_type))
    return {"model_type": config.model_type, "parameters": _elements(folder), "context": getattr(config, "max_position_embeddings", None),
            "versions": {name: version(name) for name in ("transformers", "tokenizers", "torch", "gguf", "safetensors")}}


def _elements(folder: Path) -> int:
    from safetensors import safe_open

    count = 0
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "numpy") as opened:
            count += sum(math.prod(opened.get_slice(key).get_shape()) for key in opened.keys())
    return count


def _tokens(folder: Path, source: Path | None) -> dict[str, Any]:
    """End and padding token, whether there is a chat template, and the hash of the sample's ids, compared with llama.cpp's."""
    tokenizer = models.load_tokenizer(folder)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in SAMPLES]
    compared = False
    if source is not None:
        try:
            theirs = gguf.tokenize(tools.find(), source, SAMPLES)
            compared = True
        except ToolMissing:
            theirs = ids
        for text, ours, other in zip(SAMPLES, ids, theirs, strict=True):
            if ours != other:
                raise _refused(source, Reason("other_ids", "its tokenizer cuts {text!r} otherwise than llama.cpp does", text=text[:30]))
    return {"eos": tokenizer.eos_token, "pad": tokenizer.pad_token, "chat_template": bool(tokenizer.chat_template),
            "sha256": ids_hash(ids), "compared_with_llama_cpp": compared}


def ids_hash(ids: list[list[int]]) -> str:
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def _refused(source: Path, why: Reason) -> BadModelFolder:
    return BadModelFolder(where=source.name, why=why, todo=_OTHER)


def _first_line(err: BaseException) -> str:
    return f"{type(err).__name__}: {(str(err).strip().splitlines() or [''])[0][:300]}"


def main(argv: list[str]) -> int:
    def tell(said: dict[str, Any]) -> None:
        print(json.dumps(said), flush=True)

    kind, source, target = argv[0], Path(argv[1]), Path(argv[2])
    try:
        tell({"made": from_gguf(source, target, tell) if kind == "gguf" else of_folder(source)})
    except UserError as err:
        tell({"error": record(err)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
