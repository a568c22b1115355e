"""Which untuned models does the run start from? Finds, downloads or makes them; always the first stage.

A model of the catalog or the hub is fetched where it is not here (whole or not at all), and checked. A random one is made here, with a
byte-level BPE tokenizer trained on the train split alone (the test split must not leak into it); teacher and student share that
tokenizer, since distillation compares their distributions token by token. A model without a chat template gets the plain one, in a
folder of links beside it.

>>> ctx.result("prepare")
{"teacher": "00-prepare/teacher", "student": "00-prepare/student", "tokenizer_made": true, "models": {"teacher": {"files": {...}}, ...}}
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation.errors import BadConfig, Reason
from curation.model import Model
from training import data, models
from training.model_sources import Progress
from training.stage import StageContext
from training.starting import weights_of

NAME = "prepare"
NEEDS: tuple[str, ...] = ()


class Settings(Model):
    """Nothing to set here: the models are named by `teacher` and `student` of the configuration."""


def run(ctx: StageContext) -> dict[str, Any]:
    chosen = {"teacher": ctx.config.teacher}
    if ctx.config.student is not None and "distill" in ctx.config.stages:
        chosen["student"] = ctx.config.student
    made = None
    folders: dict[str, Path] = {}
    for i, (role, choice) in enumerate(chosen.items()):
        ctx.emit("step", step=i, total=len(chosen), doing=role)
        if choice.random is not None:
            made = made or _tokenizer(ctx, choice.random.vocab_size)
            folders[role] = ctx.stage_dir / role
            models.make_random(folders[role], choice.random, made, seed=ctx.seed + i)
        else:
            ctx.log(f"{role}: {choice.path} (fetched where it is not here)")
            folders[role] = _with_template(ctx, role, models.find(choice, say=ctx.log, progress=_told(ctx, role)))
        ctx.check_stop()
    if "student" in folders:
        _same_tokenizer(folders["teacher"], folders["student"])
    described = {role: _described(role, folder, chosen[role]) for role, folder in folders.items()}
    ctx.emit("step", step=len(chosen), total=len(chosen))
    student = folders.get("student")
    return {
        "teacher": ctx.relative(folders["teacher"]),
        "student": ctx.relative(student) if student else None,
        "start": _start(ctx, folders["teacher"]),
        "tokenizer_made": made is not None,
        "models": described,
    }


def _told(ctx: StageContext, role: str) -> Callable[[Progress], None]:
    """Whole percents of a fetch become events; a stop that was asked for ends it."""
    last = -1

    def told(now: Progress) -> None:
        nonlocal last
        ctx.check_stop()
        if (percent := int(100 * now.share)) != last:
            last = percent
            ctx.emit("step", step=percent, total=100, doing=f"{role}: {now.doing}")

    return told


def _start(ctx: StageContext, teacher: Path) -> dict[str, Any] | None:
    """The weights that the run goes on from where they are not the untuned ones."""
    if ctx.config.start is None:
        return None
    weights = weights_of(ctx.config.start.model_dump())
    ctx.log(f"goes on from {weights['adapter'] or weights['model']}")
    return {**weights, "base": weights["base"] or ctx.relative(teacher)}


def _tokenizer(ctx: StageContext, vocab_size: int) -> Any:
    rows = data.read_rows(data.open_dataset(ctx.dataset_dir), "sft", "train")
    texts = [message["content"] for row in rows for message in [*row["prompt"], *row["completion"]]]
    tokenizer = models.train_tokenizer(texts, vocab_size)
    ctx.log(f"tokenizer of {len(tokenizer)} tokens trained on {len(texts)} texts of the train split")
    return tokenizer


def _with_template(ctx: StageContext, role: str, folder: Path) -> Path:
    """The folder itself, or a folder of links to its files with a tokenizer that has the plain template."""
    tokenizer = models.load_tokenizer(folder)
    if tokenizer.chat_template:
        return folder
    ctx.log(f"{role} has no chat template: the plain one is used")
    linked = ctx.stage_dir / role
    linked.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if not (linked / file.name).exists():
            (linked / file.name).symlink_to(file.resolve())
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"):
        (linked / name).unlink(missing_ok=True)  # ours are written, not through the links
    tokenizer.chat_template = models.PLAIN_TEMPLATE
    tokenizer.save_pretrained(linked)
    return linked


def _same_tokenizer(teacher: Path, student: Path) -> None:
    if models.load_tokenizer(teacher).get_vocab() != models.load_tokenizer(student).get_vocab():
        raise BadConfig(where="student", problems=Reason(
            "other_tokenizer", "- student: its tokenizer is not the teacher's ({student}, {teacher}); distillation compares them token by "
            "token. Choose a student of the same family.", student=student.name, teacher=teacher.name))


def _described(role: str, folder: Path, choice: models.ModelChoice) -> dict[str, Any]:
    return {"choice": choice.model_dump(exclude_none=True), "files": dict(models.hashes(folder))}
