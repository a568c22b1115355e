"""What fits on a card, how long does it take, what does it cost? The stages of a configuration against a card, and the nearest settings
that fit where they do not.

Hours: operations a token (forward 2 a weight; backward 2 more for each block that gradients pass, 2 more for each weight that learns;
checkpointing computes the forward twice), times tokens, over the card's dense bfloat16 rate times the share of it that training reaches
(MFU; assumed, not measured: see USED). One's own speed on the same kind of machine, `tokens_per_second`, goes before it.

A plan keeps the effective batch: fewer rows at once are more batches a step. In this order, the first that fits: as configured;
checkpointing; fewer rows at once; qlora instead of lora or full; rank halved down to 8; shorter rows down to 512.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.errors import BadConfig, Reason
from training.config import settings_of
from training.dry_run import steps_of
from training.estimate.cards import Card, cards
from training.estimate.memory import LEARNERS, Memory, adapted, of_stage
from training.estimate.shapes import Shape, shape_of

ROOM = 0.92  # of a card's memory: the rest goes to fragments and to what else runs there
USED = {"full": 0.35, "lora": 0.30, "qlora": 0.22}  # share of the card's rate that training reaches
SHORTEST, LEAST_RANK = 512, 8


@dataclass(frozen=True)
class StageEstimate:
    """One stage on the card. fits: within ROOM of it; None without a card. seconds: None where it does not learn or no card is given."""

    stage: str
    memory: Memory
    fits: bool | None
    steps: int = 0
    tokens: int = 0
    seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """Settings that fit: dotted key -> value put over the configuration ({}: it fits as it is), and the memory of its largest stage."""

    change: dict[str, Any]
    memory: int


@dataclass(frozen=True)
class Estimate:
    shape: Shape
    longest: int
    stages: list[StageEstimate]
    card: Card | None
    plan: Plan | None  # None where nothing fits, or no card is given
    zero: int | None  # the ZeRO stage with which it fits over several cards as it is; None where none is needed or none helps
    hours: float | None
    cost: float | None


def estimate(config: Any, *, lengths: Sequence[int], card: Card | None = None, price: float | None = None, gpus: int = 1,
             tokens_per_second: float | None = None) -> Estimate:
    """lengths: tokens of each training row ([]: nothing is known of the data, rows of max_length are assumed). price: an hour of one card.
    Raises BadConfig where the model's shape cannot be told."""
    shape, student = _shapes(config)
    device = "cuda" if card is not None else "cpu"
    longest = max((n for n in lengths if n <= _max_length(config)), default=_max_length(config))
    stages = []
    for stage in config.stages:
        memory = of_stage(config, stage, shape, longest=longest, device=device, student=student, gpus=gpus)
        if memory is None:
            continue
        fits = None if card is None else memory.total <= ROOM * card.bytes
        steps, tokens = _work(config, stage, lengths)
        seconds = _seconds(config, stage, student if stage == "distill" and student else shape, tokens, card, gpus, tokens_per_second)
        stages.append(StageEstimate(stage, memory, fits, steps, tokens, seconds))
    known = [of.seconds for of in stages if of.seconds is not None]
    hours = sum(known) / 3600 if known else None
    return Estimate(
        shape, longest, stages, card, fitting(config, card, longest) if card is not None else None,
        _zero(config, shape, student, longest, card, gpus) if card is not None and gpus > 1 else None,
        hours, hours * price * gpus if hours is not None and price is not None else None,
    )


def fitting(config: Any, card: Card, longest: int) -> Plan | None:
    """The first plan that fits the card, found stage by stage; None where a stage fits with none."""
    shape, student = _shapes(config)
    change: dict[str, Any] = {}
    largest = 0
    for stage in config.stages:
        for more in _changes(config, stage):
            changed = _with(config, {**change, **more})
            memory = of_stage(changed, stage, shape, longest=longest, device="cuda", student=student)
            if memory is None or memory.total <= ROOM * card.bytes:
                change |= more
                largest = max(largest, memory.total if memory else 0)
                break
        else:
            return None
    return Plan(change, largest)


def table(config: Any, longest: int) -> list[tuple[Card, Plan | None]]:
    """Each card with what fits on it, the smallest first."""
    return [(card, fitting(config, card, longest)) for card in cards().values()]


def _changes(config: Any, stage: str) -> Iterator[dict[str, Any]]:
    """Ever smaller settings of a stage, each put over those before it; nothing but what is there for a stage that does not learn."""
    change: dict[str, Any] = {}
    yield change
    settings = settings_of(config, stage)
    batch = getattr(settings, "batch_size", 1)
    if stage in LEARNERS:
        change = {f"{stage}.activation_checkpointing": True}
        yield dict(change)
        times = settings.gradient_accumulation
        while batch > 1:
            batch, times = (batch // 2, times * 2) if batch % 2 == 0 else (1, times * batch)
            change |= {f"{stage}.batch_size": batch, f"{stage}.gradient_accumulation": times}
            yield dict(change)
    elif stage == "evaluate":
        while batch > 1:
            batch //= 2
            yield {"evaluate.batch_size": batch}
    if getattr(settings, "method", "qlora") != "qlora":
        change[f"{stage}.method"] = "qlora"
        yield dict(change)
    rank = settings.adapter.rank if hasattr(settings, "adapter") else 0
    while rank > LEAST_RANK:
        rank = max(LEAST_RANK, rank // 2)
        change |= {f"{stage}.adapter.rank": rank, f"{stage}.adapter.alpha": max(1, settings.adapter.alpha * rank // settings.adapter.rank)}
        yield dict(change)
    length = settings.max_length if stage in LEARNERS else 0
    while length > SHORTEST:
        length = max(SHORTEST, length // 2)
        change[f"{stage}.max_length"] = length
        yield dict(change)


def _with(config: Any, change: Mapping[str, Any]) -> Any:
    """The configuration with these values, not validated: a hundred are looked at for a table."""
    for path, value in change.items():
        section, *inner, name = path.split(".")
        settings = getattr(config, section)
        part = {name: value} if not inner else {inner[0]: getattr(settings, inner[0]).model_copy(update={name: value})}
        config = config.model_copy(update={section: settings.model_copy(update=part)})
    return config


def _zero(config: Any, shape: Shape, student: Shape | None, longest: int, card: Card, gpus: int) -> int | None:
    """The lowest ZeRO stage with which every learning stage fits as configured; None where 0 does, or none."""
    for zero in range(4):
        sizes = [memory.total for stage in config.stages if stage in LEARNERS
                 and (memory := of_stage(config, stage, shape, longest=longest, device="cuda", student=student, gpus=gpus, zero=zero))]
        if max(sizes, default=0) <= ROOM * card.bytes:
            return zero or None
    return None


def _shapes(config: Any) -> tuple[Shape, Shape | None]:
    shape = shape_of(config.teacher)
    student = shape_of(config.student) if config.student is not None else None
    if shape is None or config.student is not None and student is None:
        name = config.teacher.path if shape is None else config.student.path
        raise BadConfig(where="teacher" if shape is None else "student", problems=Reason(
            "no_shape", "- {name} is not on this machine and none of the known models, or its config.json is of another design: its size "
            "cannot be told. Fetch it, or give a model folder.", name=str(name)))
    return shape, student


def _max_length(config: Any) -> int:
    return max((settings_of(config, stage).max_length for stage in config.stages if stage in LEARNERS), default=2048)


def _work(config: Any, stage: str, lengths: Sequence[int]) -> tuple[int, int]:
    """(steps, tokens) of a stage that learns from these rows; (0, 0) for another, or where nothing is known of the rows."""
    if stage not in ("sft", "distill") or not lengths:
        return 0, 0
    settings = settings_of(config, stage)
    kept = [n for n in lengths if n <= settings.max_length]
    steps = steps_of(settings, len(kept))
    rows = steps * settings.batch_size * settings.gradient_accumulation
    return steps, round(rows * sum(kept) / len(kept)) if kept else 0


def operations(settings: Any, shape: Shape, checkpointed: bool) -> int:
    """Of one token of a training step."""
    first, trained = adapted(settings, shape)
    forward = 2 * shape.layers * shape.block
    backward = 2 * (shape.layers - first) * shape.block
    own = 2 * trained if settings.method == "full" else 6 * trained  # an adapter's forward and both of its gradients
    return forward * (2 if checkpointed else 1) + backward + own


def _seconds(config: Any, stage: str, shape: Shape, tokens: int, card: Card | None, gpus: int, speed: float | None) -> float | None:
    if not tokens:
        return None
    if speed is not None:
        return tokens / speed / gpus
    if card is None:
        return None
    settings = settings_of(config, stage)
    checkpointed = settings.activation_checkpointing is not False
    rate = card.tflops * 1e12 * USED[settings.method] * gpus
    taught: Mapping[str, int] = {"distill": 2 * (shape_of(config.teacher) or shape).parameters}
    return tokens * (operations(settings, shape, checkpointed) + taught.get(stage, 0)) / rate
