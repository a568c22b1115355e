"""A model folder as an F16 GGUF file, made once: it is kept beside the built tools under a hash of what it was made from.

>>> f16_of(Path("models/smollm2-135m"), say=print)
PosixPath('/home/me/.cache/flowsight/gguf/5f0c...e1.gguf')
"""
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from curation.errors import Reason, RunFailed
from training import tools

CONVERTER = tools.SOURCE.parent / "convert.py"

READ = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")  # files that a conversion reads


def f16_of(folder: Path, say: Callable[[str], None]) -> Path:
    """The file, converted now if it is not there. Raises RunFailed where llama.cpp does not know the model,
    ToolMissing without llama.cpp."""
    target = tools.tools_dir() / "gguf" / f"{folder_hash(folder)}.gguf"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        say(f"converting {folder.name} to GGUF")
        with tempfile.TemporaryDirectory(prefix=".converting-", dir=target.parent) as beside:
            made = Path(beside) / f"{folder.name}-F16.gguf"
            convert(tools.ensure(say=say), folder, made)
            os.replace(made, target)
    return target


def convert(llama: tools.LlamaCpp, model: Path, target: Path) -> None:
    """Writes the model folder as F16 GGUF, whole or not at all. Raises RunFailed with the converter's last lines."""
    scratch = target.with_name(target.name + ".partial")
    command = [sys.executable, str(CONVERTER), str(llama.scripts), str(model), str(scratch), target.stem.removesuffix("-F16")]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        last = " | ".join(line for line in done.stderr.strip().splitlines()[-4:])
        raise RunFailed(
            where=str(target.parent),
            why=Reason("converter_refused", "llama.cpp's converter refused {model}: {said}", model=model.name, said=last),
            todo=Reason("drop_quantize", "If it does not know the architecture or tokenizer, take quantize and package out of `stages`."),
        )
    os.replace(scratch, target)


def folder_hash(folder: Path) -> str:
    """One hash over the names and bytes of the files that a conversion reads."""
    whole = hashlib.sha256()
    for file in sorted({file for pattern in READ for file in folder.glob(pattern)}):
        with open(file, "rb") as content:
            whole.update(f"{file.name}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()
