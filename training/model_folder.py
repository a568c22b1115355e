"""Can this folder be used as a model? Looked at before a run is made; no torch, and nothing of the folder is run.

A folder is what someone downloaded or was given, so everything in it may be cut off or made to do harm: every fault is a BadModelFolder
that names the file and what to do. Weights are read from safetensors only; a folder with pickled weights, or one that needs Python of its
own, is refused.

A safetensors file is 8 bytes of header length, a JSON header, and the bytes it lays out (github.com/huggingface/safetensors#format).

>>> check_model_folder(Path("models/deepseek-coder-1.3b-instruct"))
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.errors import BadModelFolder, Reason, reason_in
from training.reading import parse_object, read_bytes

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
MOST_HEADER = 100_000_000  # bytes; the limit of the safetensors library itself
MOST_JSON = 500_000_000  # bytes; the largest tokenizer.json in use have about 40 MB
MOST = {"num_hidden_layers": 4096, "hidden_size": 1 << 20, "intermediate_size": 1 << 22, "vocab_size": 1 << 24,
        "num_attention_heads": 1 << 14, "max_position_embeddings": 1 << 32}  # far beyond any model; a list (one a layer) is let through
_AGAIN = Reason("download_again", "Download the model again.")
_GIVE_FOLDER = Reason("give_model_folder", "Give the folder that holds config.json and *.safetensors.")
_CHOOSE_KNOWN = Reason("choose_known", "Choose a model whose architecture transformers knows.")


def check_model_folder(folder: Path) -> None:
    """Raises BadModelFolder unless the folder has config.json, whole safetensors weights and a tokenizer, and needs no code of its own."""
    try:
        _check(folder)
    except OSError as err:  # a file that may not be read, a name too long, a loop of links
        raise _refused(folder, Reason("cannot_read", "{file} cannot be read ({said})", file=err.filename or folder.name,
                                      said=err.strerror or str(err)), _GIVE_FOLDER) from err


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise _refused(folder, Reason("no_folder", "there is no such folder"), _GIVE_FOLDER)
    if not (folder / "config.json").is_file():
        raise _refused(folder, Reason("no_config_json", "it has no config.json"), _GIVE_FOLDER)
    config = read_json(folder, "config.json")
    if not isinstance(config.get("model_type"), str):
        raise _refused(folder, Reason("no_model_type", "its config.json names no model_type"),
                       Reason("give_transformers", "Give a transformers model folder."))
    for key, most in MOST.items():
        if isinstance(value := config.get(key), str | int | float) and (type(value) is not int or not 0 < value <= most):
            shown = str(value)[:40] if not isinstance(value, int) or abs(value) < 10**40 else "..."
            raise _refused(folder, Reason("size_absurd", "its config.json gives {key} as {value!r}", key=key, value=shown), _AGAIN)
    _no_own_code(folder, "config.json", config)
    if (folder / "adapter_config.json").exists():  # transformers 5.23 loads the base that it names, unchecked, in this folder's stead
        raise _refused(folder, Reason("is_adapter", "its adapter_config.json has another model loaded in its stead"),
                       Reason("merge_adapter", "Merge the adapter into its base first, or take that file away."))
    weights = list(_weight_files(folder))
    if not weights:
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        why = (Reason("pickled", "its weights are pickled (.bin), which can run code") if pickled
               else Reason("no_weights", "it has no *.safetensors weights"))
        raise _refused(folder, why, Reason("convert_weights", "Convert them to safetensors, or choose a repository that has them."))
    for file in weights:
        if (broken := _broken_safetensors(file)) is not None:
            raise _refused(folder, broken, _AGAIN)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise _refused(folder, Reason("no_tokenizer", "it has no tokenizer ({files})", files=", ".join(TOKENIZER_FILES)),
                       Reason("put_tokenizer_beside", "Put the tokenizer files of the same model beside the weights."))
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        if (folder / name).is_file():
            _no_own_code(folder, name, read_json(folder, name))


def _refused(folder: Path, why: str, todo: Reason) -> BadModelFolder:
    return BadModelFolder(where=str(folder), why=why, todo=todo)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """One JSON object out of a file of the folder. Raises BadModelFolder with the file's name."""
    try:
        if (size := (folder / name).stat().st_size) > MOST_JSON:
            raise ValueError(Reason("file_too_large", "it has {size} bytes, {most} at most are read", size=size, most=MOST_JSON))
        return parse_object(read_bytes(folder / name))
    except ValueError as err:
        raise _refused(folder, Reason("json_broken", "its {file}: {why}", file=name, why=reason_in(err)), _AGAIN) from err


def _no_own_code(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    own = values.get("auto_map")
    if own is None or own == {}:
        return
    if not isinstance(own, dict):
        raise _refused(folder, Reason("auto_map_broken", "the auto_map in its {file} is no table of names", file=name), _AGAIN)
    if name != "config.json" or "AutoModelForCausalLM" in own or "AutoConfig" in own:
        raise _refused(folder, Reason("own_code", "it needs Python code of its own, which is never run"), _CHOOSE_KNOWN)


def _weight_files(folder: Path) -> Iterator[Path]:
    name = "model.safetensors.index.json"
    if not (folder / name).is_file():
        yield from sorted(folder.glob("*.safetensors"))
        return
    named = read_json(folder, name).get("weight_map")
    if not isinstance(named, dict) or not named or not all(isinstance(file, str) for file in named.values()):
        raise _refused(folder, Reason("no_weight_map", "its {file} names no weight files", file=name), _AGAIN)
    for file in sorted(set(named.values())):
        if not file.endswith(".safetensors") or "/" in file or "\\" in file or "\0" in file:
            raise _refused(folder, Reason("shard_outside", "its {file} names {other!r}, which is no safetensors file of this folder",
                                          file=name, other=file), _AGAIN)
        yield folder / file


def _broken_safetensors(file: Path) -> Reason | None:
    """None for a whole file; else what is wrong."""
    if not file.is_file():
        return Reason("file_missing", "{file} is missing", file=file.name)
    size = file.stat().st_size
    with open(file, "rb") as data:
        length = int.from_bytes(data.read(8), "little")
        if size < 8 or length > size - 8:
            return Reason("file_cut", "{file} is not a whole safetensors file", file=file.name)
        if length > MOST_HEADER:
            return Reason("no_header", "{file} has no readable safetensors header", file=file.name)
        try:
            end = _end_of(parse_object(data.read(length)))
        except ValueError:
            return Reason("no_header", "{file} has no readable safetensors header", file=file.name)
    if 8 + length + end == size:
        return None
    return Reason("other_size", "{file} has {size} bytes where its header lays out {wanted}",
                  file=file.name, size=size, wanted=8 + length + end)


def _end_of(header: Mapping[str, Any]) -> int:
    """The last byte that a header lays out. Raises ValueError for one that is none: offsets must be two whole numbers in order."""
    end = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(at) is int for at in offsets):
            raise ValueError(name)
        if not 0 <= offsets[0] <= offsets[1]:
            raise ValueError(name)
        end = max(end, offsets[1])
    return end
