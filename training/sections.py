"""How is a configuration read whose sections are named as other tools' guides name them: model, training, lora, data, parallel, system?

Each known key becomes one of ours, with a note of what it became; a value that asks for what is not done here (several devices, fp16, code
that comes with a model) is refused with the reason. `config.load_with_notes` calls this; what comes out is validated as any configuration.

>>> translated({"model": {"name": "owner/model"}, "lora": {"r": 8}})[0]
{'teacher': {'path': 'owner/model'}, 'sft': {'adapter': {'rank': 8}}, 'stages': ['sft', 'merge', ...]}

Not covered: per-stage settings of other tools (their dpo, reward, ppo sections); ours are named dpo, distill, ... in every file.
"""
from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from curation.errors import Reason

SECTIONS = ("model", "training", "lora", "data", "parallel", "system")
# What the default stages are without a student.
WITHOUT_STUDENT = ["sft", "dpo", "merge", "quantize", "evaluate", "package"]

_ONE_DEVICE = Reason("one_device", "one device is used; several come with a launcher of their own, and there is only `local`")
_COMMAND = Reason("by_command", "not a setting: it is given to the command")


class Refused(Exception):
    """Why a value cannot be read: a Reason."""


def _same(value: Any) -> Any:
    return value


def _dtype(value: Any) -> str:
    names = {"float32": "float32", "fp32": "float32", "no": "float32", "bfloat16": "bfloat16", "bf16": "bfloat16", "auto": "auto"}
    if str(value).lower() not in names:
        raise Refused(Reason("no_fp16", "{value!r} is not computed in here; take auto, float32 or bfloat16", value=value))
    return names[str(value).lower()]


def _method(value: Any) -> Any:
    return {"full_finetune": "full", "full-finetune": "full", "freeze": "full"}.get(value, value)


def _steps(value: Any) -> Any:
    return None if value == -1 else value


def _modules(value: Any) -> Any:
    if value in ("all", "all-linear"):
        return "all-linear"
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _reporters(value: Any) -> Any:
    return [] if value in (None, "none", []) else [value] if isinstance(value, str) else value


def _one(value: Any) -> None:
    """A number of devices, processes or nodes, or a strategy for several: one, or none."""
    if value not in (None, 1, "1", "none", "None", "no", "single", "local", False, "auto"):
        raise Refused(_ONE_DEVICE)


def _is(wanted: Any, why: Reason) -> Callable[[Any], None]:
    """Read where it says what holds here anyway."""

    def check(value: Any) -> None:
        if value not in (wanted, None):
            raise Refused(why)

    return check


def _when(true: Any, false: Any = None) -> Callable[[Any], Any]:
    return lambda value: true if value is True else false if value is False else value


_LENGTH = ("sft.max_length", _same)
_PACKING = ("sft.packing", _same)
_SEED = ("seed", _same)
_CHECKPOINTING = ("sft.activation_checkpointing", _same)
_REPORT = ("report_to", _reporters)
Target = tuple[str | None, Callable[[Any], Any]]  # our dotted path (None: nothing to set) and what makes our value
KEYS: dict[str, dict[str, Target]] = {
    "model": {
        **dict.fromkeys(("name", "path", "name_or_path", "model_name_or_path", "model_name", "base_model"), ("teacher.path", _same)),
        "revision": ("teacher.revision", _same), **dict.fromkeys(("dtype", "torch_dtype"), ("dtype", _dtype)),
        **dict.fromkeys(("attn_implementation", "attention"), ("attention", _same)),
        "load_in_4bit": ("sft.method", _when("qlora", "lora")), **dict.fromkeys(("max_length", "max_seq_length"), _LENGTH),
        "trust_remote_code": (None, _is(False, Reason("no_own_code", "code that comes with a model is never run"))),
    },
    "training": {
        **dict.fromkeys(("method", "finetuning_type"), ("sft.method", _method)), "stages": ("stages", _same),
        **dict.fromkeys(("epochs", "num_epochs", "num_train_epochs"), ("sft.epochs", _same)), "max_steps": ("sft.max_steps", _steps),
        **dict.fromkeys(("batch_size", "per_device_train_batch_size", "micro_batch_size"), ("sft.batch_size", _same)),
        **dict.fromkeys(("gradient_accumulation_steps", "gradient_accumulation"), ("sft.gradient_accumulation", _same)),
        **dict.fromkeys(("learning_rate", "lr"), ("sft.learning_rate", _same)),
        **dict.fromkeys(("lr_scheduler_type", "lr_scheduler", "scheduler"), ("sft.scheduler", _same)),
        "lr_scheduler_kwargs": ("sft.scheduler_options", _same), **dict.fromkeys(("warmup_ratio", "warmup"), ("sft.warmup", _same)),
        "weight_decay": ("sft.weight_decay", _same), "max_grad_norm": ("sft.max_grad_norm", _same),
        **dict.fromkeys(("optim", "optimizer"), ("sft.optimizer", _same)), "logging_steps": ("sft.log_every", _same),
        "save_steps": ("sft.save_every", _same), "eval_steps": ("sft.eval_every", _same), "save_total_limit": ("sft.save_limit", _same),
        **dict.fromkeys(("neftune_noise_alpha", "neftune"), ("sft.neftune", _same)), "packing": _PACKING,
        **dict.fromkeys(("gradient_checkpointing", "activation_checkpointing"), _CHECKPOINTING),
        "group_by_length": ("sft.sampling", _when("group_by_length", "random")), "train_sampling_strategy": ("sft.sampling", _same),
        "early_stopping_patience": ("sft.early_stopping_patience", _same),
        "early_stopping_threshold": ("sft.early_stopping_threshold", _same), "seed": _SEED, "report_to": _REPORT,
        "bf16": ("dtype", _when("bfloat16", "float32")),
        "fp16": (None, _is(False, Reason("no_fp16_flag", "float16 is not computed in here"))),
        **dict.fromkeys(("max_length", "max_seq_length", "cutoff_len"), _LENGTH), "output_dir": (None, _same),
    },
    "lora": {
        **dict.fromkeys(("r", "rank", "lora_rank"), ("sft.adapter.rank", _same)),
        **dict.fromkeys(("alpha", "lora_alpha"), ("sft.adapter.alpha", _same)),
        **dict.fromkeys(("dropout", "lora_dropout"), ("sft.adapter.dropout", _same)),
        **dict.fromkeys(("target_modules", "lora_target"), ("sft.adapter.target_modules", _modules)),
        "layers_to_transform": ("sft.adapter.layers_to_transform", _same),
        **dict.fromkeys(("use_rslora", "rslora"), ("sft.adapter.rslora", _same)),
        **dict.fromkeys(("use_dora", "dora"), ("sft.adapter.dora", _same)), "enabled": ("sft.method", _when("lora", "full")),
        "bias": (None, _is("none", Reason("no_bias", "biases are not trained"))),
        "task_type": (None, _is("CAUSAL_LM", Reason("only_causal", "only causal language models are trained"))),
    },
    "data": {
        **dict.fromkeys(("path", "dataset", "train_file", "dataset_dir"), (None, _same)), "system_prompt": ("system_prompt", _same),
        **dict.fromkeys(("max_length", "max_seq_length", "cutoff_len"), _LENGTH), "packing": _PACKING, "seed": _SEED,
        **dict.fromkeys(("eval_rows", "max_eval_samples"), ("sft.eval_rows", _same)), "allow_dropped": ("sft.allow_dropped", _same),
    },
    "parallel": dict.fromkeys(
        ("num_gpus", "gpus", "world_size", "num_processes", "nproc_per_node", "num_nodes", "nodes", "data_parallel", "tensor_parallel",
         "pipeline_parallel", "context_parallel", "data_parallel_size", "tensor_parallel_size", "pipeline_parallel_size", "strategy",
         "backend", "deepspeed", "fsdp", "zero_stage"), (None, _one),
    ),
    "system": {
        "device": ("device", _same), **dict.fromkeys(("threads", "num_threads", "cpu_threads"), ("threads", _same)), "seed": _SEED,
        **dict.fromkeys(("dtype", "precision", "mixed_precision"), ("dtype", _dtype)), "report_to": _REPORT,
        **dict.fromkeys(("num_gpus", "gpus", "num_workers", "dataloader_num_workers"), (None, _one)), "output_dir": (None, _same),
    },
}


def translated(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Reason], list[Reason]]:
    """(our values, notes of what each key became, problems). Without such a section the values come back as they are."""
    ours = {key: value for key, value in values.items() if key not in SECTIONS}
    notes: list[Reason] = []
    problems: list[Reason] = []
    given: dict[str, str] = {}
    for section in (name for name in SECTIONS if name in values):
        inside = values[section]
        if not isinstance(inside, Mapping):
            problems.append(Reason("section_of_keys", "- {section}: this section holds keys", section=section))
            continue
        for key, value in inside.items():
            path = f"{section}.{key}"
            if key not in KEYS[section]:
                problems.append(_unknown(section, str(key)))
                continue
            target, make = KEYS[section][key]
            try:
                made = make(value)
            except Refused as why:
                problems.append(Reason("given", "- {path}: {why} (given: {given!r})", path=path, why=why.args[0], given=value))
                continue
            if target is None:
                notes.append(Reason("read_as_is", "{path}: {value} ({why})", path=path, value=value, why=_why_nothing(section, key)))
            elif target in given or not _put(ours, target, made):
                first = given.get(target, target)
                problems.append(Reason("given_twice", "- {path}: {target} is given by {first} too", path=path, target=target, first=first))
            else:
                given[target] = path
                notes.append(Reason("became", "{path} became {target}: {value}", path=path, target=target, value=made))
    if given and "stages" not in ours and "student" not in ours:
        ours["stages"] = list(WITHOUT_STUDENT)
        notes.append(Reason("became_stages", "no stages are named: {stages}", stages=", ".join(WITHOUT_STUDENT)))
    return ours, notes, problems


def _unknown(section: str, key: str) -> Reason:
    path, known = f"{section}.{key}", list(KEYS[section])
    if near := difflib.get_close_matches(key, known, n=1):
        return Reason("no_key_near", "- {path}: there is no such key. Did you mean {near}?", path=path, near=near[0])
    return Reason("no_key", "- {path}: there is no such key. There are: {known}.", path=path, known=", ".join(known))


def _why_nothing(section: str, key: str) -> Reason:
    if key in ("output_dir", "path", "dataset", "train_file", "dataset_dir"):
        return _COMMAND
    return _ONE_DEVICE if section in ("parallel", "system") else Reason("so_anyway", "it is so anyway")


def _put(values: dict[str, Any], path: str, value: Any) -> bool:
    """Sets a dotted path in sections of our own; False where it stands there already, or goes through a value."""
    *parents, last = path.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            return False
        values = inner
    if last in values:
        return False
    values[last] = value
    return True
