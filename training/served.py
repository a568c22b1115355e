"""Which GGUF file does a name mean, and how much context has it? For `serve`, `ask` and the Chat page.

A name is a GGUF file, a run (its shipped file, or the type asked for), a bundle's folder, a model installed with `install`, or whatever
training can start from: a model folder, a name of the store or of the hub, which is converted to F16 once.

>>> find("first", runs_dir=Path("workspace/runs"))
Servable(name='first', file=PosixPath('workspace/runs/first/07-quantize/flowsight-Q4_K_M.gguf'), type='Q4_K_M', context=8192)
"""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import BadModelFolder, NotFound, Reason
from training import converted, models
from training.gguf import BadGguf, read_gguf
from training.reading import read_object
from training.stage import read_result, stage_folders

PREFERRED = "Q4_K_M"
MODELS = "FLOWSIGHT_MODELS"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Servable:
    """A file that can be served. type: of its quantization; None where only the file itself knows. context: tokens it was made for."""

    name: str
    file: Path
    type: str | None
    context: int


def models_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where `install` puts bundles: $FLOWSIGHT_MODELS, else ~/.flowsight/models."""
    return Path(environ.get(MODELS) or Path.home() / ".flowsight" / "models")


def find(what: str, *, runs_dir: Path, kind: str | None = None, say: Say = print) -> Servable:
    """kind: the quantization, for a run or a folder with several files. Raises NotFound, BadModelFolder, and what the conversion raises."""
    path = Path(what).expanduser()
    if path.suffix == ".gguf" or path.is_file():
        return servable(path.stem, path, kind)
    for run_dir in (runs_dir / what, path):
        if (run_dir / "manifest.json").is_file() and (run_dir / "config.yaml").is_file():
            return of_run(run_dir, kind, say)
    for folder in (path, models_home() / what):
        if any(folder.glob("*.gguf")):
            return _of_folder(folder, kind)
    folder = models.find(models.ModelChoice(path=what))
    if kind not in (None, "F16"):
        raise NotFound(kind="GGUF file", name=f"{what}, {kind}")
    return servable(path.name, converted.f16_of(folder, say), "F16")


def of_run(run_dir: Path, kind: str | None = None, say: Say = print) -> Servable:
    """The tuned model of a run: the quantized file of this type, else the one that is shipped, else the merged weights as F16."""
    files = {file["type"]: file for file in (_results(run_dir).get("quantize") or {}).get("files", [])}
    if files:
        chosen = kind or shipped_type(run_dir) or (PREFERRED if PREFERRED in files else min(files, key=lambda k: files[k]["bytes"]))
        if chosen not in files:
            raise NotFound(kind="GGUF file", name=f"{run_dir.name}, {chosen}")
        return servable(run_dir.name, run_dir / files[chosen]["file"], chosen)
    whole = next((result["model"] for result in reversed(list(_results(run_dir).values())) if result.get("model")), None)
    if whole is None or kind not in (None, "F16"):
        raise NotFound(kind="finished merge or quantize stage in the run", name=run_dir.name)
    return servable(run_dir.name, converted.f16_of(run_dir / whole, say), "F16")


def base_of_run(run_dir: Path, say: Say = print) -> Servable | None:
    """The untuned model of a run as F16; None where the run does not say which."""
    results = _results(run_dir)
    base = next((r["base"] for r in reversed(list(results.values())) if r.get("model") and r.get("base")), None)
    base = base or (results.get("prepare") or {}).get("teacher")
    return None if base is None else servable(f"{run_dir.name}-base", converted.f16_of(run_dir / base, say), "F16")


def file_types(run_dir: Path) -> list[str]:
    """The types of a run's GGUF files, in the order they were made; the shipped one first."""
    types = [file["type"] for file in (_results(run_dir).get("quantize") or {}).get("files", [])]
    first = shipped_type(run_dir) or PREFERRED
    return sorted(types, key=lambda kind: kind != first)


def shipped_type(run_dir: Path) -> str | None:
    """The type of the first file in the run's bundle; None without a bundle."""
    results = _results(run_dir)
    names = [file["name"] for file in (results.get("package") or {}).get("files", [])]
    made = (results.get("quantize") or {}).get("files", [])
    return next((file["type"] for file in made if Path(file["file"]).name in names), None)


def servable(name: str, file: Path, kind: str | None) -> Servable:
    """Raises BadModelFolder for a file that is no whole GGUF file."""
    give = Reason("give_gguf", "Give a GGUF file, or a run with a quantize stage.")
    if not file.is_file():
        raise BadModelFolder(where=str(file), why=Reason("no_gguf", "there is no such file"), todo=give)
    try:
        metadata = read_gguf(file).metadata
    except BadGguf as err:
        raise BadModelFolder(where=str(file), why=str(err), todo=give) from err
    context = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    return Servable(name, file.absolute(), kind, context if isinstance(context, int) and context > 0 else 2048)


def _of_folder(folder: Path, kind: str | None) -> Servable:
    files = sorted(folder.glob("*.gguf"), key=lambda file: (PREFERRED not in file.name, file.stat().st_size))
    chosen = [file for file in files if kind is None or file.stem.endswith(f"-{kind}")]
    if not chosen:
        raise NotFound(kind="GGUF file", name=f"{folder.name}, {kind}")
    return servable(folder.absolute().name, chosen[0], kind)


def _results(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Stage -> result, of the stages that are complete, in the run's order."""
    stages = read_object(run_dir / "manifest.json").get("stages")
    names = [name for name in stages if isinstance(name, str)] if isinstance(stages, list) else []
    found = {name: read_result(folder) for name, folder in stage_folders(run_dir, names).items()}
    return {name: result for name, result in found.items() if result is not None}
