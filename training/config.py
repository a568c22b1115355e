"""What does a training run do? One typed schema; YAML files, the command line and the page's form all become a `Config` here.

Each recipe's Settings are the section of its name, so one more recipe is one more file. Unknown keys are errors, every fault is reported
at once, each with its path and, where a known key is near, that key.

>>> config = load("tiny", overrides={"sft.max_steps": 20})
>>> load({"teacher": {"path": "x/y"}, "sft": {"lerning_rate": 1}})
BadConfig: ... - sft.lerning_rate: there is no such key. Did you mean learning_rate?
"""
from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, create_model, field_validator, model_validator

from curation.errors import BadConfig, NotFound, Reason, invalid, joined, reason_in
from curation.model import Model
from training import sections, starting
from training.fit import Reporter
from training.models import DType, ModelChoice
from training.reading import parse_yaml, read_bytes
from training.stage import recipes

PRESETS = Path(__file__).resolve().parent / "presets"
FIRST = "prepare"  # always runs, always first; not named in `stages`
ORDER = ["sft", "dpo", "prune", "distill", "merge", "quantize", "evaluate", "package"]
STAGES = [stage for stage in ORDER if stage != "prune"]  # done where nothing is said


class Start(Model):
    """Weights to go on from instead of the untuned ones: a model folder, an adapter's folder, or another run's folder. `teacher` is then
    their untuned counterpart; where it is not given, it is the model itself, the base that the adapter names, or the run's own."""

    model: str | None = None
    adapter: str | None = None
    run: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Start:
        if sum(part is not None for part in (self.model, self.adapter, self.run)) != 1:
            raise ValueError(Reason("one_start", "give one of `model`, `adapter` and `run`"))
        return self


class Base(Model):
    """What is not a recipe's section. student: the smaller model that `distill` teaches; without one the teacher is shipped."""

    preset: str | None = Field(default=None, description="the preset this came from, for people")
    seed: int = Field(default=17, ge=0, lt=2**32, description="every shuffle and random weight comes from it")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where to compute; auto: a GPU if there is one")
    dtype: DType = Field(
        default="auto", description="number format to compute in; auto: bfloat16 where GPU or processor is made for it, else float32"
    )
    threads: int | None = Field(default=None, ge=1, description="processor threads of the worker; null: all")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = Field(
        default="sdpa", description="how attention is computed while training; flash_attention_2 needs a GPU and the package flash-attn"
    )
    system_prompt: str | None = Field(
        default=None, min_length=1, max_length=8000, description="put before every row, in training and in asking; a row's own stays"
    )
    report_to: list[Reporter] = Field(
        default=[], description="also write the curves for tensorboard, wandb (offline) or trackio, below the run's folder"
    )
    teacher: ModelChoice = Field(description="the model that is tuned")
    student: ModelChoice | None = Field(default=None, description="the smaller model that distill teaches")
    start: Start | None = Field(default=None, description="weights to go on from; null: the untuned teacher")
    stages: list[str] = Field(default=STAGES, validate_default=True, description="what is done, in this order")

    @model_validator(mode="before")
    @classmethod
    def _teacher_of_start(cls, values: Any) -> Any:
        start = values.get("start") if isinstance(values, dict) else None
        if isinstance(start, dict) and values.get("teacher") is None and all(isinstance(part, str) for part in start.values() if part):
            if (path := starting.untuned_of(start)) is not None:
                return {**values, "teacher": {"path": path}}
        return values

    @field_validator("stages")
    @classmethod
    def _stages_fit(cls, stages: list[str], info: ValidationInfo) -> list[str]:
        problems, known = [], recipes()
        for i, stage in enumerate(stages):
            if stage not in known or stage == FIRST:
                names = [name for name in known if name != FIRST]
                near = difflib.get_close_matches(stage, names, n=1)
                if near:
                    problems.append(Reason("stage_near", "there is no stage {stage!r} (did you mean {near}?)", stage=stage, near=near[0]))
                else:
                    known_names = ", ".join(names)
                    problems.append(Reason("no_stage", "there is no stage {stage!r} (there are {known})", stage=stage, known=known_names))
                continue
            if stage in stages[:i]:
                problems.append(Reason("stage_twice", "{stage} stands there twice", stage=stage))
            missing = [need for need in known[stage].NEEDS if need not in stages[:i]]
            if missing:
                problems.append(Reason("stage_needs", "{stage} needs {others} before it", stage=stage, others=", ".join(missing)))
        if "distill" in stages and "student" in info.data and info.data["student"] is None:
            if "prune" not in stages[: stages.index("distill")]:
                problems.append(Reason(
                    "needs_student", "distill needs a `student`: name one, put prune before it, or take distill out"))
        if problems:
            raise ValueError(joined(problems, "; "))
        return stages

    @model_validator(mode="after")
    def _adapters_are_merged(self) -> Base:
        """What is evaluated, quantized and shipped is whole: after a stage that leaves an adapter comes merge."""
        adapters = ["start"] if self.start is not None and self.start.adapter is not None else []
        for stage in self.stages:
            if stage in ("sft", "distill") and getattr(self, stage).method != "full":
                adapters.append(stage)
            elif stage == "merge":
                adapters.clear()
            elif stage in ("quantize", "evaluate", "package") and adapters:
                raise ValueError(Reason(
                    "needs_merge", "stages: {stage} needs merge between it and {maker}", stage=stage, maker=adapters[-1]))
        return self


@cache
def schema() -> type[Base]:
    """The configuration's model, with one section a recipe."""
    sections: dict[str, Any] = {
        name: (recipe.Settings, Field(default_factory=recipe.Settings)) for name, recipe in recipes().items() if name != FIRST
    }
    return create_model("Config", __base__=Base, **sections)


Config = Base  # what annotations name; the sections are found by `settings_of`


def settings_of(config: Config, stage: str) -> Any:
    """A recipe's section; the first stage has none in the file."""
    return getattr(config, stage) if stage != FIRST else recipes()[FIRST].Settings()


def presets() -> dict[str, Path]:
    """Preset name -> its file, in the order of offer: the real model that needs no GPU, those for GPUs, `tiny` for tests."""
    order = {"smollm2-135m": -1, "tiny": 1}
    return {path.stem: path for path in sorted(PRESETS.glob("*.yaml"), key=lambda path: (order.get(path.stem, 0), path.stem))}


def load(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration of a preset (by name), a YAML file, or a mapping. overrides: dotted path -> value, put over it
    ("sft.max_steps": 5); a model's `path` takes the place of its `random`.

    Raises NotFound for no such preset or file, BadConfig with every fault at once."""
    return load_with_notes(source, overrides)[0]


def load_with_notes(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> tuple[Config, list[Reason]]:
    """`load`, and what each key of a section named as in other tools (model, training, lora, data, parallel, system) became."""
    where, given = _read(source)
    values, notes, unread = sections.translated(given)
    if unread:
        raise BadConfig(where=where, problems=joined(unread))
    for path, value in (overrides or {}).items():
        _put(values, path, value)
    try:
        return schema().model_validate(values), notes
    except ValidationError as err:
        problems = joined([_problem(e) for e in err.errors()])
        raise BadConfig(where=f"{where} + {', '.join(overrides)}" if overrides else where, problems=problems) from err


def dump(config: Config) -> str:
    """The whole configuration as YAML, every default written out; `load` reads it back to an equal one."""
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def plain(settings: BaseModel) -> dict[str, Any]:
    """A configuration, or a section of one, as plain data, every default written out; `load` reads it back to an equal one."""
    return _plain(settings.model_dump())


def _plain(value: Any) -> Any:
    """For YAML: paths as text, tuples as lists. Not pydantic's JSON mode, which makes text of a number that is a key."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def template(preset: str) -> str:
    """A preset's file as it stands, comments and all: what `init-config` writes. Raises NotFound."""
    if preset not in presets():
        raise NotFound(kind="preset", name=preset)
    return presets()[preset].read_text(encoding="utf-8")


def _read(source: str | Path | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(source, Mapping):
        return Reason("the_configuration", "the configuration"), {key: _copied(value) for key, value in source.items()}
    path = presets().get(str(source), Path(source))
    if not path.is_file():
        kind = Reason("preset_or_file", "preset ({known}) or configuration file", known=", ".join(presets()))
        raise NotFound(kind=kind, name=str(source))
    try:
        values = parse_yaml(read_bytes(path))
    except ValueError as err:
        raise BadConfig(where=str(path), problems=Reason("", "- {why}", why=reason_in(err))) from err
    if not isinstance(values, dict):
        raise BadConfig(where=str(path), problems=Reason("no_keys", "- it holds no keys. `init-config` writes one to begin with."))
    return str(path), values


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copied(v) for k, v in value.items()}
    return list(value) if isinstance(value, list) else value


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        inner = values.get(parent)
        if inner is None:
            inner = values[parent] = {}
        if not isinstance(inner, dict):
            why = Reason("no_section", "- {path}: {parent} is no section. Give the path as section.key.", path=path, parent=parent)
            raise BadConfig(where=Reason("the_overrides", "the overrides"), problems=why)
        values = inner
    values[last] = value
    if last == "path" and value is not None:  # a model of one's own takes the place of a preset's random one
        values.pop("random", None)


def _problem(error: Any) -> Reason:
    """One line on one fault: where, what, and what was given or what there is."""
    loc = [str(part) for part in error["loc"]]
    path = ".".join(loc)
    if error["type"] == "extra_forbidden":
        known = _known_keys(loc[:-1])
        if near := difflib.get_close_matches(loc[-1], known, n=1):
            return Reason("no_key_near", "- {path}: there is no such key. Did you mean {near}?", path=path, near=near[0])
        return Reason("no_key", "- {path}: there is no such key. There are: {known}.", path=path, known=", ".join(known))
    why = invalid(error)
    if not loc:
        return Reason("", "- {why}", why=why)
    if error["type"] in ("missing", "value_error") or isinstance(error["input"], dict | list):
        return Reason("", "- {path}: {why}", path=path, why=why)
    return Reason("given", "- {path}: {why} (given: {given!r})", path=path, why=why, given=error["input"])


def _known_keys(path: list[str]) -> list[str]:
    model: Any = schema()
    for part in path:
        model = _model_in(model.model_fields[part].annotation) if part in getattr(model, "model_fields", {}) else None
        if model is None:
            return []
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    """The pydantic model in an annotation like `ModelChoice | None`."""
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
