"""What a bundle says to those who serve it, and how it gets onto a machine: the adapter, vLLM's command line, `install`.

vLLM serves an adapter over its base and wants the largest rank that it will see, one of a few numbers: MaxLoRARanks in its
vllm/config/lora.py is 1, 8, 16, 32, 64, 128, 256, 320, 512 (looked at on 2026-11-30; older versions know no 1, so RANKS begins at 8). A
smaller one refuses the adapter, a larger one wastes memory. GGUF files are for llama.cpp and Ollama.

>>> vllm_command("flowsight", "Qwen/Qwen2.5-Coder-1.5B-Instruct", rank=24, context=8192)
'vllm serve Qwen/Qwen2.5-Coder-1.5B-Instruct --enable-lora --lora-modules flowsight=./adapter --max-lora-rank 32 --max-model-len 8192'

Not covered: vLLM itself is never run here; it takes no DoRA, so such an adapter is not put in.
"""
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

from curation.errors import BadModelFolder, BadValue, Reason
from training.reading import read_object
from training.runs import NAME_RULE
from training.served import models_home
from training.stage import StageContext, write_atomically
from training.tuned import weights_in, whole

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
ADAPTER = "adapter"  # the folder in the bundle
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


def adapter_of(ctx: StageContext) -> Path | None:
    """The adapter that the shipped model was merged from; None where it is none, is a student's (its base is in no hub), or is of a kind or
    rank that vLLM does not take."""
    if whole(ctx).get("student"):
        return None
    before = list(ctx.folders)[: list(ctx.folders).index(ctx.name)]
    made = [weights for name in reversed(before) if (result := ctx.result(name)) for weights in weights_in(result)]
    found = [weights for weights in made if weights.get("adapter")]
    if not found or rank_of(read_object(ctx.path(found[0]["adapter"]) / "adapter_config.json")) is None:
        return None
    return ctx.path(found[0]["adapter"])


def rank_of(config: dict[str, Any]) -> int | None:
    """What --max-lora-rank must be for an adapter of this adapter_config.json; None where vLLM cannot serve it."""
    pattern = config.get("rank_pattern")
    given = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [])]
    ranks = [rank for rank in given if isinstance(rank, int)]
    if not ranks or config.get("use_dora"):
        return None
    return next((allowed for allowed in RANKS if allowed >= max(ranks)), None)


def put_adapter(source: Path, bundle: Path, base: str) -> int:
    """Copies the adapter into the bundle; its base is named as others know it, not by a path of this machine. Gives vLLM's rank."""
    folder = bundle / ADAPTER
    folder.mkdir()
    shutil.copyfile(source / ADAPTER_FILES[0], folder / ADAPTER_FILES[0])
    config = read_object(source / ADAPTER_FILES[1]) | {"base_model_name_or_path": base}
    write_atomically(folder / ADAPTER_FILES[1], json.dumps(config, ensure_ascii=False, indent=1) + "\n")
    rank = rank_of(config)
    assert rank is not None  # adapter_of gave it
    return rank


def base_name(ctx: StageContext) -> str:
    """The untuned model as others know it: its hub name, or the last name of its folder."""
    path = getattr(getattr(ctx.config, "teacher", None), "path", None)
    return "BASE_MODEL" if path is None else Path(path).name if path.startswith(("/", ".", "~")) else path


def vllm_command(name: str, base: str, rank: int, context: int) -> str:
    """rank: the adapter's; rounded up to what vLLM allows. context: tokens of prompt and answer."""
    allowed = next(allowed for allowed in RANKS if allowed >= rank)
    return shlex.join(["vllm", "serve", base, "--enable-lora", "--lora-modules", f"{name}=./{ADAPTER}", "--max-lora-rank", str(allowed),
                       "--max-model-len", str(context)])


def readme_lines(name: str, base: str, rank: int | None, context: int) -> list[str]:
    """The README's part on vLLM."""
    if rank is None:
        return ["vLLM reads a model folder: give it the merged one of the run (this bundle has no adapter to put over the base)."]
    return ["Or with vLLM, the adapter over its base:", "", f"    {vllm_command(name, base, rank, context)}"]


# ---- installing ----


def install(bundle: Path, name: str, home: Path | None = None, *, replace: bool = False) -> Path:
    """Copies a bundle to home/NAME (None: models_home()), whole or not at all; every copied GGUF file is compared with its .sha256.
    Raises BadModelFolder for what is no whole bundle, BadValue for a name that is taken (unless `replace`) or is none."""
    if not NAME_RULE.fullmatch(name):
        raise BadValue(field="name", value=name, why=Reason("no_plain_name", "is no plain name"),
                       todo=Reason("plain_name_rule", "Use letters, digits, '.', '_' and '-', at most 80."))
    home = home or models_home()
    home.mkdir(parents=True, exist_ok=True)
    target = home / name
    with open(home / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists() and not replace:
            raise BadValue(field="name", value=name, why=Reason("model_installed", "is installed already in {home}", home=str(home)),
                           todo=Reason("other_installed_name", "Give another name, or --replace."))
        beside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=home))
        try:
            made = beside / "new"
            shutil.copytree(bundle, made)
            _check(made, bundle)
            if target.exists():
                os.rename(target, beside / "before")
            os.rename(made, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return target


def _check(copied: Path, bundle: Path) -> None:
    again = Reason("package_again", "Package the run again.")
    read_object(copied / "version.json", again)
    files = sorted(copied.glob("*.gguf"))
    if not files:
        raise BadModelFolder(where=str(bundle), why=Reason("no_gguf_in_it", "it has no GGUF file"), todo=again)
    for file in files:
        seal = file.with_name(f"{file.name}.sha256")
        said = seal.read_text(encoding="utf-8", errors="replace").split()[:1] if seal.is_file() else []
        with open(file, "rb") as content:
            if said != [hashlib.file_digest(content, "sha256").hexdigest()]:
                why = Reason("not_its_hash", "{file} is not what its .sha256 says", file=file.name)
                raise BadModelFolder(where=str(bundle), why=why, todo=again)
