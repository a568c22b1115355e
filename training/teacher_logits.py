"""What does the teacher of a distillation say at the places that are learned? Asked at every step, or once, before the loop, into files.

Online, the teacher stays in memory and runs beside the student. Offline, its k likeliest tokens at each learned place of each row are kept
(float16 log-probabilities at temperature T, int32 tokens, float16 mass of all others), ROWS rows a file below the stage's checkpoints, and
the teacher is let go before the student is loaded. 64 tokens are 386 bytes a place: 2,000 rows of 50 learned tokens are 39 MB. A file
bears the hash of all that it depends on (rows, the teacher's weights, temperature, ...): a resumed stage keeps those of the same hash and
computes the others. How the loss reads them: losses.kept_divergence.

>>> teacher = Offline.of(ctx, rows, teacher=current(ctx, "teacher"), load=load, temperature=2.0, top_k=64, vocabulary=49152, batch_size=4)
>>> teacher.at(places, given, rows=[3, 17])(slice(0, 128))        # losses.Kept of the first 128 places of rows 3 and 17
"""
from __future__ import annotations

import gc
import hashlib
import os
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.model import canonical_json
from training import models
from training.data import IGNORED, Encoded
from training.fit import CHECKPOINTS
from training.losses import PLACES, Kept, apply_head, hidden_at, learned
from training.stage import StageContext

FOLDER = "teacher_logits"  # among the checkpoints: of no use once the stage is complete, and removed with them
FORMAT = 1
ROWS = 64  # of one file
NONE = -1e4  # the logarithm of no mass, as float16 can hold it


@dataclass(frozen=True)
class Online:
    """A teacher in memory."""

    model: Any

    def at(self, places: Any, given: Mapping[str, Any], rows: Any) -> Callable[[slice], Any]:
        """places of the batch `given` (input_ids, ...) -> the logits at a slice of them. rows: not looked at."""
        import torch

        with torch.no_grad():
            hidden = hidden_at(self.model, places, **given)
        return lambda here: apply_head(self.model, hidden[here])


@dataclass(frozen=True)
class Offline:
    """A teacher that was asked. sizes: learned places of each row; rest: the mean mass that was not kept; bytes: of the files."""

    folder: Path
    sizes: list[int]
    top_k: int
    vocabulary: int
    rest: float
    bytes: int

    @classmethod
    def of(
        cls, ctx: StageContext, rows: list[Encoded], *, teacher: Mapping[str, Any], load: Callable[[], Any], temperature: float,
        top_k: int, vocabulary: int, batch_size: int,
    ) -> Offline:
        """Asks the teacher (which `load` loads; not at all where every file is there) and lets it go. vocabulary: tokens that both
        models have."""
        folder, top_k = ctx.stage_dir / CHECKPOINTS / FOLDER, min(top_k, vocabulary)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = [sum(label != IGNORED for label in row.labels[1:]) for row in rows]
        key = _key(ctx, rows, teacher, temperature=temperature, top_k=top_k, vocabulary=vocabulary)
        model, done = None, 0
        for at in range(0, len(rows), ROWS):
            here = range(at, min(at + ROWS, len(rows)))
            file = _file(folder, at)
            if not _is_whole(file, key, sum(sizes[i] for i in here)):
                model = load() if model is None else model
                asked: dict[int, tuple[Any, Any, Any]] = {}
                by_length = sorted(here, key=lambda i: len(rows[i].input_ids))
                for first in range(0, len(by_length), batch_size):
                    ctx.check_stop()
                    batch = by_length[first : first + batch_size]
                    answers = _ask(model, [rows[i] for i in batch], temperature, top_k, vocabulary)
                    asked.update(zip(batch, answers, strict=True))
                    ctx.emit("step", step=done + len(asked), total=len(rows), doing="teacher logits")
                _write(file, [asked[i] for i in here], key)
            done += len(here)
        if model is not None:
            ctx.log(f"the teacher was asked at {sum(sizes):,} places, {top_k} of {vocabulary:,} tokens are kept of each")
        del model
        _let_go()
        files = [_file(folder, at) for at in range(0, len(rows), ROWS)]
        return cls(folder, sizes, top_k, vocabulary, rest=_mean_rest(files), bytes=sum(file.stat().st_size for file in files))

    def at(self, places: Any, given: Mapping[str, Any], rows: Sequence[int]) -> Callable[[slice], Kept]:
        """The numbers of the rows in the batch -> what was kept, at a slice of their learned places. given: not looked at."""
        import torch

        parts = [self._row(int(row)) for row in rows]
        log_probs, tokens, rest = (torch.cat(part).to(places.device) for part in zip(*parts, strict=True))
        whole = self.top_k == self.vocabulary
        # float16 rounds; a distribution sums to one
        scaled = torch.log_softmax(log_probs.float() if whole else torch.cat([log_probs, rest[:, None]], dim=1).float(), dim=1)
        tokens = tokens.long()

        def kept(here: slice) -> Kept:
            return Kept(scaled[here, : self.top_k], tokens[here], None if whole else scaled[here, -1], self.vocabulary)

        return kept

    def _row(self, row: int) -> tuple[Any, Any, Any]:
        from safetensors import safe_open

        begins = row - row % ROWS
        first = sum(self.sizes[begins:row])
        here = slice(first, first + self.sizes[row])
        with safe_open(_file(self.folder, begins), framework="pt") as file:
            return file.get_slice("log_probs")[here], file.get_slice("tokens")[here], file.get_slice("rest")[here]


def shared_vocabulary(*folders: Path) -> int:
    """The tokens that all models have: the shortest embedding, where one is padded to more rows."""
    from transformers import AutoConfig

    configs = [AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False) for folder in folders]
    return min(config.get_text_config().vocab_size for config in configs)


def _key(ctx: StageContext, rows: list[Encoded], teacher: Mapping[str, Any], **settings: Any) -> str:
    """The hash of all that the files depend on."""
    text = hashlib.sha256()
    for row in rows:
        text.update(array("q", [len(row.input_ids), *row.input_ids, *row.labels]).tobytes())
    folders = [teacher[part] for part in (("base", "adapter") if teacher["adapter"] else ("model",))]
    weights: list[Any] = [list(models.hashes(ctx.path(folder))) for folder in folders]
    if teacher["mask"]:
        weights.append(hashlib.sha256(ctx.path(teacher["mask"]).read_bytes()).hexdigest())
    known = [FORMAT, ROWS, settings, text.hexdigest(), weights, teacher["method"], ctx.config.dtype]
    return hashlib.sha256(canonical_json(known).encode()).hexdigest()


def _ask(model: Any, rows: list[Encoded], temperature: float, top_k: int, vocabulary: int) -> list[tuple[Any, Any, Any]]:
    """(log_probs, tokens, rest) of each row's learned places. Padded on the right, which nothing before it sees under causal attention."""
    import torch
    import torch.nn.functional as F

    longest = max(len(row.input_ids) for row in rows)
    ids = torch.tensor([row.input_ids + [0] * (longest - len(row.input_ids)) for row in rows], device=model.device)
    labels = torch.tensor([row.labels + [IGNORED] * (longest - len(row.labels)) for row in rows], device=model.device)
    places, _ = learned(labels)
    found = []
    with torch.no_grad():
        for some in hidden_at(model, places, input_ids=ids).split(PLACES):
            log = F.log_softmax(apply_head(model, some)[:, :vocabulary].float() / temperature, dim=-1)
            top = log.topk(top_k, dim=-1)
            rest = log.scatter(1, top.indices, float("-inf")).logsumexp(dim=-1)
            found.append((top.values.clamp(min=NONE).half().cpu(), top.indices.int().cpu(), rest.clamp(min=NONE).half().cpu()))
    log_probs, tokens, rest = (torch.cat(part) for part in zip(*found, strict=True))
    sizes = places.sum(dim=1).tolist()
    return list(zip(log_probs.split(sizes), tokens.split(sizes), rest.split(sizes), strict=True))


def _file(folder: Path, first_row: int) -> Path:
    return folder / f"{first_row // ROWS:05d}.safetensors"


def _is_whole(file: Path, key: str, places: int) -> bool:
    """Whether the file is there, of this key, and can be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            return (opened.metadata() or {}).get("key") == key and opened.get_slice("tokens").get_shape()[0] == places
    except (OSError, SafetensorError):
        return False


def _write(file: Path, rows: list[tuple[Any, Any, Any]], key: str) -> None:
    """Whole or not at all."""
    import torch
    from safetensors.torch import save_file

    log_probs, tokens, rest = (torch.cat(part) for part in zip(*rows, strict=True))
    scratch = file.with_suffix(f".{os.getpid()}.part")
    try:
        save_file({"log_probs": log_probs, "tokens": tokens, "rest": rest}, scratch, metadata={"key": key})
        os.replace(scratch, file)
    finally:
        scratch.unlink(missing_ok=True)


def _mean_rest(files: list[Path]) -> float:
    from safetensors import safe_open

    total, places = 0.0, 0
    for file in files:
        with safe_open(file, framework="pt") as opened:
            rest = opened.get_tensor("rest")
            total, places = total + float(rest.float().exp().sum()), places + len(rest)
    return round(total / max(places, 1), 6)


def _let_go() -> None:
    """Memory of what nothing names any more; peft's models hold themselves in circles."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
