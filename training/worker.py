"""Runs the stages of one run directory: `python -m training.worker RUN_DIR`. One process runs them all, since importing torch and
its kin takes seconds.

It verifies the frozen dataset, runs each stage that is not complete in its folder or was made from other inputs (inputs.py), writes
result.json and then COMPLETE, and exit.json at the end. What was made from other inputs is set aside below `earlier/`, not deleted.
A full disk ends the run with a clear error; what was complete stands. SIGTERM sets a flag that the stage looks at; a second worker on
the same run is refused by a lock that dies with the process.
"""
from __future__ import annotations

import errno
import fcntl
import gc
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

from curation import command
from curation.errors import Reason, RunFailed, TouchedDataset, UserError, record
from training import inputs
from training.config import Config, settings_of
from training.data import open_dataset
from training.fit.checkpoints import CHECKPOINTS, last_complete_checkpoint
from training.reading import DamagedFile, read_object, read_object_if_there
from training.runs import config_of, dataset_of, read_manifest
from training.stage import COMPLETE, RESULT, StageContext, Stopped, recipes, stage_folders, utc_now, write_atomically

HEARTBEAT_S = 2.0
STATUS_S = 0.2  # status.json tells steps at most so often: each writing of it waits for the disk


class Journal:
    """What the run says of itself: events.jsonl, and status.json with a heartbeat. Safe to call from the heartbeat's thread."""

    def __init__(self, run_dir: Path, attempt: int) -> None:
        self.run_dir = run_dir
        self._lock = threading.Lock()
        self._status: dict[str, Any] = {"state": "running", "attempt": attempt, "pid": os.getpid()}
        self._saved = 0.0
        self._events = open(run_dir / "events.jsonl", "ab", buffering=0)
        if self._events.tell() and not _ends_a_line(run_dir / "events.jsonl"):
            self._events.write(b"\n")  # a killed worker's torn line ends here

    def write(self, event: dict[str, Any]) -> None:
        self._events.write(json.dumps(event, ensure_ascii=False).encode() + b"\n")
        if event["kind"] == "step":
            with self._lock:
                self._status.update(step=event.get("step"), total=event.get("total"), loss=event.get("loss"))
                if time.monotonic() - self._saved >= STATUS_S:
                    self._save()

    def emit(self, kind: str, **fields: Any) -> None:
        self.write({"time": utc_now(), "stage": None, "kind": kind, **fields})

    def set(self, **fields: Any) -> None:
        with self._lock:
            self._status.update(fields)
            self._save()

    def beat(self) -> None:
        with self._lock:
            try:
                self._save()
            except OSError:
                pass  # a full disk is told by the stage that writes; the heart goes on beating

    def _save(self) -> None:
        self._status["heartbeat"] = time.time()
        write_atomically(self.run_dir / "status.json", json.dumps(self._status))
        self._saved = time.monotonic()


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def main(run_dir: Path) -> int:
    """Runs the run to its end. 0: done, or stopped as asked; 1: failed (exit.json says why)."""
    run_dir = run_dir.absolute()
    lock = open(run_dir / "worker.lock", "w")  # noqa: SIM115 (held until the process ends)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another worker runs on this directory", file=sys.stderr)
        return 1
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        previous = read_object_if_there(run_dir / "status.json")
    except DamagedFile as err:  # the run is "damaged" for whoever looks, by the same file: no exit.json is to hide that
        print(f"error: {err}", flush=True)
        return 1
    journal = Journal(run_dir, previous.get("attempt", 1))
    _start_heartbeat(journal)
    journal.emit("run_started", attempt=previous.get("attempt", 1))
    return _end(run_dir, journal, *_attempt(run_dir, journal, stop))


def _attempt(run_dir: Path, journal: Journal, stop: threading.Event) -> tuple[str, dict[str, Any] | None]:
    """(final state, error). The one boundary where any failure becomes a line in exit.json."""
    try:
        _run(run_dir, journal, stop)
    except Stopped:
        return "stopped", None
    except UserError as err:
        print(f"error: {err}", flush=True)
        return "failed", {**record(err), "text": str(err)}
    except Exception as err:  # noqa: BLE001 (a defect or a failure of the machine: recorded whole, and the process ends)
        traceback.print_exc()
        if (told := disk_error(run_dir, err)) is not None:
            for folder in run_dir.glob(f"*/{CHECKPOINTS}"):
                last_complete_checkpoint(folder.parent)  # removes the one that was being written: room for exit.json
            print(f"error: {told}", flush=True)
            return "failed", {**record(told), "text": str(told)}
        return "failed", {"code": None, "text": f"{type(err).__name__}: {err}"[:2000]}
    return "done", None


def _run(run_dir: Path, journal: Journal, stop: threading.Event) -> None:
    manifest = read_manifest(run_dir)
    config = config_of(run_dir, manifest)
    dataset_dir = dataset_of(manifest)
    if open_dataset(dataset_dir).hash != manifest["dataset"]["hash"]:
        raise TouchedDataset(
            where=str(dataset_dir), why=Reason("other_version", "it is another version than the one this run was started with"),
        )
    _set_threads(config)
    folders = stage_folders(run_dir, manifest["stages"])
    for name, folder in folders.items():
        wanted = inputs.inputs_of(config, manifest, folders, name)
        keys = inputs.changed(inputs.read(folder), wanted, name)
        if (folder / COMPLETE).is_file() and not keys:
            continue
        if stop.is_set():
            raise Stopped(name)
        if keys and folder.exists():
            _set_aside(run_dir, folder)
            journal.emit("stage_outdated", stage=name, keys=keys)
            print(f"[{name}] is done again: {', '.join(keys)} changed", flush=True)
        ctx = StageContext(
            name=name, run_dir=run_dir, stage_dir=folder, config=config, settings=settings_of(config, name), dataset_dir=dataset_dir,
            seed=config.seed, folders=folders, write_event=journal.write, stop=stop,
        )
        _run_stage(ctx, journal, wanted)
        if name == "prepare":
            manifest["models"] = read_object(folder / RESULT)["models"]
            write_atomically(run_dir / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))


def _set_aside(run_dir: Path, folder: Path) -> None:
    """Moves a stage's folder below earlier/, under a name that is free."""
    earlier = run_dir / "earlier"
    earlier.mkdir(exist_ok=True)
    number = next(i for i in range(1, 10_000) if not (earlier / f"{folder.name}-{i}").exists())
    os.rename(folder, earlier / f"{folder.name}-{number}")


def disk_error(run_dir: Path, err: BaseException) -> RunFailed | None:
    """A disk that is full, over its quota or read-only, as an error that is told; None for another failure. safetensors and torch raise
    errors of their own for it, which only say it in words."""
    words = {number: os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)}
    said = next((text for number, text in words.items() if getattr(err, "errno", None) == number or text in str(err)), None)
    free = shutil.disk_usage(run_dir).free
    if said is None and "PytorchStreamWriter" in str(err) and free < 2**20:
        said = os.strerror(errno.ENOSPC)
    if said is None:
        return None
    return RunFailed(
        where=run_dir.name,
        why=Reason("disk_takes_no_more", "the disk takes no more ({said}; {free} bytes are free)", said=said, free=free),
        todo=Reason("free_and_resume", "Free some space there and resume: whole checkpoints and complete stages stand."),
    )


def _run_stage(ctx: StageContext, journal: Journal, wanted: dict[str, Any]) -> None:
    ctx.stage_dir.mkdir(exist_ok=True)
    write_atomically(ctx.stage_dir / inputs.FILE, json.dumps(wanted, ensure_ascii=False, indent=1))
    journal.set(stage=ctx.name, step=None, total=None, loss=None)
    gc.collect()
    gc.freeze()  # what is left are modules: to look through them costs half a second at each of a stage's collections
    ctx.emit("stage_started")
    began = time.monotonic()
    result = recipes()[ctx.name].run(ctx)
    seconds = time.monotonic() - began
    write_atomically(ctx.stage_dir / RESULT, json.dumps(result, ensure_ascii=False, indent=1))
    completion = {"time": utc_now(), "seconds": round(seconds, 1), "made": uuid.uuid4().hex}
    write_atomically(ctx.stage_dir / COMPLETE, json.dumps(completion) + "\n")
    shutil.rmtree(ctx.stage_dir / CHECKPOINTS, ignore_errors=True)  # optimizer states: of no use once the stage is complete
    if "skipped" in result:
        ctx.emit("stage_skipped", reason=result["skipped"])
        ctx.log(f"skipped: {result['skipped']}")
    else:
        ctx.emit("stage_done", seconds=round(seconds, 1))
        ctx.log(f"done in {seconds:.1f} s")


def _set_threads(config: Config) -> None:
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)


def _start_heartbeat(journal: Journal) -> None:
    def beat() -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            journal.beat()

    threading.Thread(target=beat, daemon=True, name="heartbeat").start()


def _end(run_dir: Path, journal: Journal, state: str, error: dict[str, Any] | None) -> int:
    journal.beat()  # the last step is told too
    journal.emit(f"run_{state}", **({"error": error} if error else {}))
    write_atomically(run_dir / "exit.json", json.dumps({"state": state, "error": error, "time": utc_now()}, ensure_ascii=False))
    return 1 if state == "failed" else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m training.worker RUN_DIR")
    if not (Path(sys.argv[1]) / "manifest.json").is_file():
        raise SystemExit(
            str(RunFailed(where=sys.argv[1], why=Reason("no_manifest", "there is no manifest.json"),
            todo=Reason("start_by_train", "Start it by `{command}`.", command=command("training train")))),
        )
    sys.exit(main(Path(sys.argv[1])))
