"""What is in a GGUF file, and what does llama.cpp answer with it? The file's header is read here; the rest is asked of flowsight-gguf.

The format: github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little endian). Type numbers: ggml.h, `enum ggml_type`.

>>> read_gguf(Path("tiny-Q4_K_M.gguf")).bytes_by_type
{'F32': 5120, 'Q4_K': 811008, 'Q6_K': 430080}
"""
from __future__ import annotations

import math
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from curation.errors import Reason, RunFailed
from training.tools import LlamaCpp

# Name, elements a block, bytes a block (ggml-common.h).
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 20: ("IQ4_NL", 32, 18), 30: ("BF16", 1, 2),
}
# What llama.cpp makes here, by its own names.
Kind = Literal["Q8_0", "Q6_K", "Q5_K_M", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_0", "Q3_K_M", "Q2_K"]
# The first of these that passes its gates is shipped.
PREFERENCE: tuple[Kind, ...] = ("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "Q5_0", "Q4_K_S", "Q4_0", "Q3_K_M", "Q2_K")
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
LONGEST_TEXT = 64 << 20  # bytes of one string; chat templates have a few thousand
DEEPEST = 4  # arrays in arrays; none is in use


class BadGguf(ValueError):
    """The file is not a whole GGUF file of version 2 or 3; the text says where it fails."""


@dataclass(frozen=True)
class Tensor:
    """`shape`: GGUF's order, the row length first. `bytes`: as stored."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int


@dataclass(frozen=True)
class Gguf:
    """`metadata`: the file's keys and values; arrays of more than 64 values are left out (None), vocabularies are long."""

    metadata: dict[str, Any]
    tensors: list[Tensor]

    @property
    def bytes_by_type(self) -> dict[str, int]:
        """Type name -> bytes of all tensors of that type, sorted by name."""
        kinds = sorted({t.type for t in self.tensors})
        return {kind: sum(t.bytes for t in self.tensors if t.type == kind) for kind in kinds}


def read_gguf(path: Path) -> Gguf:
    """Raises BadGguf, and nothing else, when it cannot be read, is none, is of another version, is cut off (the tensors would reach beyond
    its end), or holds sizes that cannot be."""
    try:
        with open(path, "rb") as file:
            return _read(file, path.stat().st_size)
    except (struct.error, EOFError) as err:
        raise BadGguf(f"{path.name} ends in the middle of its header") from err
    except OSError as err:
        raise BadGguf(f"{path.name} cannot be read ({err.strerror})") from err


def _read(file: BinaryIO, size: int) -> Gguf:
    if file.read(4) != b"GGUF":
        raise BadGguf("the file does not begin with GGUF")
    version, n_tensors, n_keys = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3):
        raise BadGguf(f"GGUF version {version}; 2 and 3 are read")
    metadata = {}
    for _ in range(n_keys):
        key = _string(file, size)
        metadata[key] = _value(file, struct.unpack("<I", file.read(4))[0], size)
    align = metadata.get("general.alignment", 32)
    if type(align) is not int or not 0 < align <= 1 << 20 or align & (align - 1):
        raise BadGguf(f"its general.alignment is {align!r}, which is no power of 2")
    names, tensors, ends = set(), [], [0]
    for _ in range(n_tensors):
        name = _string(file, size)
        dims = struct.unpack("<I", file.read(4))[0]
        if dims > 8:
            raise BadGguf(f"tensor {name!r} has {dims} dimensions")
        shape = struct.unpack(f"<{dims}Q", file.read(8 * dims))
        number, offset = struct.unpack("<IQ", file.read(12))
        if number not in TYPES:
            raise BadGguf(f"tensor {name!r} has type {number}, which is not known here")
        kind, block, block_bytes = TYPES[number]
        stored = math.prod(shape) // block * block_bytes
        if name in names or 0 in shape or (shape[0] if shape else 1) % block or offset % align or stored > size:
            raise BadGguf(f"tensor {name!r} of shape {shape} and type {kind} at {offset} stands there twice or cannot be")
        names.add(name)
        tensors.append(Tensor(name, shape, kind, stored))
        ends.append(offset + stored)
    data_starts = -(-file.tell() // align) * align
    if data_starts + max(ends) > size:
        raise BadGguf(f"its tensors need {data_starts + max(ends)} bytes, it has {size}")
    return Gguf(metadata, tensors)


def _string(file: BinaryIO, size: int) -> str:
    length = struct.unpack("<Q", file.read(8))[0]
    if length > min(size, LONGEST_TEXT):
        raise EOFError
    raw = file.read(length)
    if len(raw) != length:
        raise EOFError
    return raw.decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int, size: int, depth: int = 0) -> Any:
    if kind == _STRING:
        return _string(file, size)
    if kind == _ARRAY:
        of, count = struct.unpack("<IQ", file.read(12))
        if count > size:
            raise EOFError
        if depth == DEEPEST:
            raise BadGguf("its metadata nests arrays too deeply")
        if of in _SCALARS and count > 64:
            file.seek(count * struct.calcsize(_SCALARS[of]), 1)
            return None
        values = []
        for _ in range(count):
            value = _value(file, of, size, depth + 1)
            if count <= 64:
                values.append(value)
        return values if count <= 64 else None
    if kind not in _SCALARS:
        raise BadGguf(f"metadata type {kind} is not known")
    return struct.unpack(_SCALARS[kind], file.read(struct.calcsize(_SCALARS[kind])))[0]


def quantize(llama: LlamaCpp, source: Path, target: Path, kind: str, threads: int) -> str:
    """Writes `target` as a `kind` quantization ("Q4_K_M") of `source` (F16 or F32), whole or not at all. Returns llama.cpp's warnings."""
    scratch = target.with_name(target.name + ".partial")
    said = _ask(llama, ["quantize", str(source), str(scratch), kind, str(threads)], b"", target.parent)[1]
    scratch.replace(target)
    return said


def tokenize(llama: LlamaCpp, model: Path, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, special tokens read as such, none added."""
    raw = [text.encode("utf-8") for text in texts]
    said, _ = _ask(llama, ["tokenize", str(model)], b"".join(b"%d\n%s" % (len(r), r) for r in raw), model.parent)
    return [[int(i) for i in line.split()] for line in said.decode("ascii").split("\n")[:-1]]


def logits(llama: LlamaCpp, model: Path, asked: Sequence[tuple[Sequence[int], int]], threads: int, scratch: Path) -> list[Any]:
    """For each (token ids, first): logits of the positions `first` (0-based) to the last, float32 [positions, vocabulary]. They come
    through the file `scratch`, which is removed."""
    import numpy as np

    context = max(len(tokens) for tokens, _ in asked)
    lines = "".join(f"score {first} {' '.join(map(str, tokens))}\n" for tokens, first in asked)
    try:
        said, _ = _ask(llama, ["run", str(model), str(context), str(threads), str(scratch)], lines.encode(), model.parent)
        shapes = [tuple(int(n) for n in line.split()[1:]) for line in said.decode("ascii").splitlines()]
        values = np.fromfile(scratch, dtype=np.float32)
    finally:
        scratch.unlink(missing_ok=True)
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(values, ends[:-1]), shapes, strict=True)]


def _ask(llama: LlamaCpp, arguments: list[str], given: bytes, where: Path) -> tuple[bytes, str]:
    """What flowsight-gguf prints, and its warnings. Raises RunFailed with its last words when it fails."""
    done = subprocess.run([str(llama.program), *arguments], input=given, capture_output=True)
    words = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        program = f"llama.cpp {arguments[0]}"
        why = Reason("program_ended", "{program} ended with {code}: {said}", program=program, code=done.returncode, said=words[-500:])
        raise RunFailed(where=str(where), why=why,
                        todo=Reason("check_disk", "Check that the disk has room and the model folder is whole; then resume the run."))
    return done.stdout, words
