"""Where a model comes from, whether its folder can be used, and how it is loaded. torch & co are imported inside functions.

A model is one of the model store (model_store.py), a local folder, a name on the Hugging Face hub (HF_ENDPOINT names a mirror), or a small
random one made in the run with a tokenizer trained on the frozen text. Weights are read from safetensors only and no code that comes
with a model is ever run: a folder with pickled weights or its own Python is refused, with what to do (model_folder.py).

>>> check_model_folder(Path("models/deepseek-coder-1.3b-instruct"))
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from curation import command
from curation.errors import BadModelFolder, Reason
from curation.model import Model
from training import model_store
from training.model_folder import check_model_folder, read_json
from training.model_sources import HUB_NAME, Say, Tell, download

Method = Literal["full", "lora", "qlora"]
DType = Literal["auto", "float32", "bfloat16"]

# ChatML: the turn ends with <|im_end|>, which is also the end token, so a model learns to stop.
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# For a base model without a template of its own: plain words, so that no new token needs an untrained embedding row. It writes
# no end token; training/data.py appends the tokenizer's own.
PLAIN_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}### Response:\n{{ message['content'] }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] }}\n\n"
    "{% else %}### Instruction:\n{{ message['content'] }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Response:\n{% endif %}"
)


class RandomModel(Model):
    """A small model with random weights (Qwen2 architecture). Widths are multiples of 256, because llama.cpp's K-quants fall back to
    another type for rows that are not; heads must divide hidden_size."""

    layers: int = Field(default=4, ge=1, le=64)
    hidden_size: int = Field(default=256, ge=256, le=4096, multiple_of=256)
    intermediate_size: int = Field(default=768, ge=256, multiple_of=256)
    heads: int = Field(default=4, ge=1)
    kv_heads: int = Field(default=2, ge=1)
    vocab_size: int = Field(default=4096, ge=512, le=65536, multiple_of=256)
    context: int = Field(default=4096, ge=128)

    @model_validator(mode="after")
    def _heads_fit(self) -> RandomModel:
        if self.hidden_size % self.heads or self.heads % self.kv_heads:
            raise ValueError(Reason("heads_fit", "heads must divide hidden_size, and kv_heads must divide heads"))
        return self


class ModelChoice(Model):
    """Which untuned model. path: a name in the model store (`smollm2-135m`), a local folder, or a hub name (`owner/name`) with the hub's
    `revision` (None: its newest); or `random`."""

    path: str | None = Field(default=None, description="a name in the model store, a local folder, or a hub name (owner/name)")
    revision: str | None = Field(default=None, description="of a model on the hub; null: its newest")
    random: RandomModel | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ModelChoice:
        if (self.path is None) == (self.random is None):
            raise ValueError(Reason("path_or_random", "give either `path` (a folder or a hub name) or `random` (a small random model)"))
        return self


def check_local(choice: ModelChoice) -> Path | None:
    """The checked folder of a model that is here: in the model store, or a local folder; None for a hub name, a random model, or a model of
    the catalog that is still to be fetched. Downloads nothing and needs no torch, so that a run with a wrong folder is refused before it
    is made. Raises BadModelFolder."""
    if choice.path is None:
        return None
    if model_store.known(choice.path):
        if (stored := model_store.folder_of(choice.path)).is_dir():
            check_model_folder(stored)
            return stored
        return None
    local = Path(choice.path).expanduser()
    if local.is_dir():
        check_model_folder(local)
        return local.resolve()
    if choice.path.startswith((".", "/", "~")) or not HUB_NAME.fullmatch(choice.path):
        raise BadModelFolder(
            where=choice.path, why=Reason("no_folder", "there is no such folder"),
            todo=Reason("give_model", "Give a model folder, a hub name like owner/name, or a name that `{command}` lists.",
                        command=command("training models")),
        )
    return None


def find(choice: ModelChoice, token: str | None = None, say: Say = print, progress: Tell | None = None) -> Path:
    """The checked folder of a model given by `path`. What is not here is fetched first: a model of the catalog into the store (progress
    is told), a hub name into the hub's own cache (safetensors and tokenizer files only). Raises BadModelFolder, GetFailed."""
    assert choice.path is not None
    if (local := check_local(choice)) is not None:
        return local
    if model_store.known(choice.path):
        return model_store.get(choice.path, say=say, progress=progress)
    folder = download(choice.path, choice.revision, token)
    check_model_folder(folder)
    return folder


# ---- the small random model ----


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Any:
    """A byte-level BPE tokenizer with Qwen2's normalizer and pre-tokenizer (transformers' Qwen2Tokenizer), so that llama.cpp's "qwen2"
    pre-tokenizer reads text the same way. The vocabulary may turn out smaller than vocab_size on little text."""
    from tokenizers import Tokenizer, trainers
    from tokenizers import models as tokenizer_models
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    rules: Any = Qwen2Tokenizer()._tokenizer  # its normalizer and pre-tokenizer are what we train by
    trained = Tokenizer(tokenizer_models.BPE())
    trained.normalizer, trained.pre_tokenizer, trained.decoder = rules.normalizer, rules.pre_tokenizer, rules.decoder
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=special, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    trained.train_from_iterator(texts, trainer)
    model = json.loads(trained.to_str())["model"]
    merges: Any = [tuple(pair) for pair in model["merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab=model["vocab"], merges=merges, eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token="<|endoftext|>",
        extra_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def make_random(folder: Path, size: RandomModel, tokenizer: Any, seed: int) -> None:
    """Writes a random model with this tokenizer as an HF folder (float32 safetensors). Its embedding has as many rows as the tokenizer
    has tokens, rounded up to a multiple of 256."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=-(-len(tokenizer) // 256) * 256, hidden_size=size.hidden_size, intermediate_size=size.intermediate_size,
        num_hidden_layers=size.layers, num_attention_heads=size.heads, num_key_value_heads=size.kv_heads,
        max_position_embeddings=size.context, tie_word_embeddings=False,
        initializer_range=size.hidden_size**-0.5,  # logits of unit variance: an adapter under a frozen head can still make a choice
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )
    tokenizer.model_max_length = size.context
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


# ---- loading ----


def device_of(device: Literal["auto", "cpu", "cuda"]) -> str:
    """Where to compute: "cuda" or "cpu"."""
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder, with a padding token (the end token where it names none). Raises BadModelFolder where transformers cannot
    read it, it has no end token, or one that the model has no place for."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except BaseException as err:  # a panic of the tokenizers library (Rust) is no Exception
        if not isinstance(err, Exception) and type(err).__name__ != "PanicException":
            raise
        raise BadModelFolder(
            where=str(folder), why=Reason("tokenizer_broken", "its tokenizer cannot be loaded ({said})", said=_first_line(err)),
            todo=Reason("put_tokenizer", "Put the model's tokenizer files there."),
        ) from err
    if tokenizer.eos_token_id is None:
        raise BadModelFolder(
            where=str(folder), why=Reason("no_end_token", "its tokenizer has no end token"),
            todo=Reason("set_eos", "Set eos_token in tokenizer_config.json."),
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    rows = read_json(folder, "config.json").get("vocab_size") if (folder / "config.json").is_file() else None
    for token, number in ((tokenizer.eos_token, tokenizer.eos_token_id), (tokenizer.pad_token, tokenizer.pad_token_id)):
        if isinstance(rows, int) and number >= rows:
            raise BadModelFolder(
                where=str(folder), why=Reason("token_outside", "its token {token!r} is number {number}, the model has {rows}", token=token,
                                              number=number, rows=rows),
                todo=Reason("put_tokenizer", "Put the model's tokenizer files there."))
    return tokenizer


def load_model(folder: Path, *, device: str, dtype: DType = "auto", four_bit: bool = False) -> Any:
    """A causal language model in eval mode. dtype auto: bfloat16 on cuda, float32 on the CPU. four_bit: NF4 with double
    quantization (QLoRA,
    Dettmers et al. 2023, section 3). Raises BadModelFolder where transformers cannot read the folder."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    kind = {"auto": torch.bfloat16 if device == "cuda" else torch.float32, "float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]
    quantization = None
    if four_bit:
        quantization = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=kind
        )
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, output_loading_info=True, dtype=kind, quantization_config=quantization, device_map={"": device},
            attn_implementation="sdpa", use_safetensors=True, local_files_only=True, trust_remote_code=False,
        )
        model, loading = loaded
    except Exception as err:  # noqa: BLE001 (whatever transformers raises over a configuration that it was not made for)
        if isinstance(err, MemoryError) or "out of memory" in str(err):
            raise
        raise BadModelFolder(
            where=str(folder), why=Reason("cannot_load_model", "transformers cannot load it ({said})", said=_first_line(err)),
            todo=Reason("choose_causal", "Choose a causal language model it knows."),
        ) from err
    if lacking := sorted(loading["missing_keys"]):  # transformers fills them with random numbers and goes on
        raise BadModelFolder(
            where=str(folder), why=Reason("lacks_weights", "it has no weights for {names}", names=", ".join(lacking[:5])),
            todo=Reason("download_again", "Download the model again."))
    if four_bit:
        _keep_weights_as_quantized(model)
    return model.eval()


def _keep_weights_as_quantized(model: Any) -> None:
    """bitsandbytes 0.50.2 repacks 4-bit weights at the first evaluation on a CPU with AVX512-BF16, rounding their scales to bfloat16 for
    good: the base under the adapter is then another one than before the evaluation (measured: a resumed QLoRA run drifted by 9e-5 a weight,
    logits moved by up to 0.07). Without the repacking resuming is exact to the bit."""
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _first_line(err: BaseException) -> str:
    return str(err).strip().splitlines()[0][:300] if str(err).strip() else type(err).__name__


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Writes an HF folder: safetensors, configuration, tokenizer, chat template. It appears whole or not at all."""
    scratch = folder.with_name(folder.name + ".part")
    _remove(scratch)
    model.save_pretrained(scratch)
    tokenizer.save_pretrained(scratch)
    _remove(folder)
    os.replace(scratch, folder)


def _remove(folder: Path) -> None:
    import shutil

    if folder.exists():
        shutil.rmtree(folder)


def hashes(folder: Path) -> Iterator[tuple[str, str]]:
    """(file name, SHA-256) of the weights, configuration and tokenizer in a model folder, sorted by name."""
    import hashlib

    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix in (".safetensors", ".json", ".jinja", ".txt", ".model"):
            with open(file, "rb") as data:
                yield file.name, hashlib.file_digest(data, "sha256").hexdigest()


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end an answer: the tokenizer's and those the model's own generation_config.json names."""
    named = model.generation_config.eos_token_id
    more = named if isinstance(named, list) else [] if named is None else [named]
    return sorted({tokenizer.eos_token_id, *more})
