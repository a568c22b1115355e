"""A model folder as an F16 GGUF file, made once: it is kept beside the built tools under a hash of what it was made from.

>>> f16_of(Path("models/smollm2-135m"), say=print)
PosixPath('/home/me/.cache/flowsight/gguf/5f0c...e1.gguf')
"""
from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from training import tools

READ = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")  # files that a conversion reads


def f16_of(folder: Path, say: Callable[[str], None]) -> Path:
    """The file, converted now if it is not there. Raises RunFailed where llama.cpp does not know the model,
    ToolMissing without llama.cpp."""
    target = tools.tools_dir() / "gguf" / f"{folder_hash(folder)}.gguf"
    if not target.is_file():
        from training.recipes import quantize

        target.parent.mkdir(parents=True, exist_ok=True)
        say(f"converting {folder.name} to GGUF")
        with tempfile.TemporaryDirectory(prefix=".converting-", dir=target.parent) as beside:
            made = Path(beside) / f"{folder.name}-F16.gguf"
            quantize.convert(tools.ensure(say=say), folder, made)
            os.replace(made, target)
    return target


def folder_hash(folder: Path) -> str:
    """One hash over the names and bytes of the files that a conversion reads."""
    whole = hashlib.sha256()
    for file in sorted({file for pattern in READ for file in folder.glob(pattern)}):
        with open(file, "rb") as content:
            whole.update(f"{file.name}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()
