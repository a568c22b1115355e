"""What may a person do in the app with models and runs? Every press that starts, stops or changes something comes here, with who pressed.

A shell acts as whoever owns the machine and calls runs, own_configs and model_store itself. Pages call these functions alone: each asks for
the right before it does anything, whatever buttons the page showed.

>>> start(Actor(name="wang", role="annotator"), "tiny", {}, runs_dir, dataset_dir)
Traceback (most recent call last):
curation.errors.NotAllowed: wang (annotator) may not train a model. Ask a lead to do it or to change the role.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.model import Actor
from curation.people.access import require
from training import chat, config, model_store, own_configs, runs, served
from training.served import Servable

TRAIN = "train a model"
END = "stop or resume a run"
GENERATE = "generate pairs"


def start(actor: Actor, source: str | Path, put: Mapping[str, Any], runs_dir: Path, dataset_dir: Path) -> str:
    """Starts a run of a preset or file with `put` over it, and gives its name. Raises what config.load and runs.start raise."""
    require(actor, "lead", action=TRAIN)
    return runs.start(config.load(source, put), runs_dir, dataset_dir=dataset_dir).name


def keep_config(actor: Actor, home: Path, name: str, data: bytes) -> Path:
    """As own_configs.keep, in the workspace's folder of configurations."""
    require(actor, "lead", action=TRAIN)
    return own_configs.keep(own_configs.folder(home), name, data)


def fetch_model(actor: Actor, name: str) -> None:
    """As model_store.begin_get."""
    require(actor, "lead", action=TRAIN)
    model_store.begin_get(name)


def stop(actor: Actor, run_dir: Path) -> None:
    require(actor, "lead", action=END)
    runs.stop(run_dir)


def resume(actor: Actor, run_dir: Path) -> None:
    require(actor, "lead", action=END)
    runs.resume(run_dir)


def kill(actor: Actor, run_dir: Path) -> None:
    require(actor, "lead", action=END)
    runs.kill(run_dir)


def extend(actor: Actor, run_dir: Path, stages: list[str]) -> None:
    """As runs.extend, with stages alone."""
    require(actor, "lead", action=TRAIN)
    runs.extend(run_dir, stages)


def package_refused(actor: Actor, run_dir: Path, why: str) -> None:
    """Packs the run's bundle again although a gate refuses it; the reason and who gave it stay in version.json."""
    require(actor, "lead", action="ship a model that was refused")
    runs.extend(run_dir, ["package"], {"package.override": f"{actor.name}: {why}"})


def ask(actor: Actor, models: dict[str, Servable], messages: dict[str, list[dict[str, str]]], sampling: chat.Sampling) -> chat.Asked:
    """As chat.Asked, which begins to answer when it is run."""
    require(actor, "reviewer", action="talk to a model")
    return chat.Asked(models, messages, sampling)


def lend(actor: Actor, name: str, runs_dir: Path) -> tuple[str, str]:
    """(name, URL) of a model that is served for a campaign of pairs until `take_back`. Raises what served.find and chat.lend raise."""
    require(actor, "lead", action=GENERATE)
    model = served.find(name, runs_dir=runs_dir, say=lambda _: None)
    return model.name, chat.lend(model)


def take_back(actor: Actor, url: str) -> None:
    """As chat.take_back."""
    require(actor, "lead", action=GENERATE)
    chat.take_back(url)
