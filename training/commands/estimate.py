"""What will a run need, and what fits where? `estimate CONFIG`: memory of each stage, hours and cost on a card, the settings that fit."""
from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from curation.errors import BadValue
from training import cost
from training import estimate as reckon
from training.commands import Subcommands, add_config, declare, loaded
from training.data import open_dataset
from training.estimate.cards import card_of

ORDER = 21


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "estimate", _estimate,
        "Estimate a run before it is started: memory of each stage, what fits on which card, hours and cost. From the model's shape alone: "
        "nothing is loaded, nothing is downloaded.", "qwen2.5-coder-7b --card rtx-4090 --price 0.45",
        "smollm2-135m --data datasets/demo/v0001", "deepseek-coder-6.7b --card a100-80 --gpus 4 --json")
    add_config(command)
    command.add_argument("--data", type=Path, help="a frozen version, for the number and the lengths of its rows")
    command.add_argument("--card", help="a card: " + ", ".join(reckon.cards()))
    command.add_argument("--gpus", type=int, default=1, help="how many of the card (default 1)")
    command.add_argument("--price", help="of one card for an hour, in whatever currency")
    command.add_argument("--tokens-per-second", type=float, help="measured on one such card: hours follow from it instead of a formula")
    command.add_argument("--json", action="store_true", help="as JSON")


def _estimate(given: argparse.Namespace) -> int:
    price = _price(given.price)
    if given.gpus < 1:
        raise BadValue(field="--gpus", value=str(given.gpus), why="is no number of cards", todo="Give 1 or more.")
    wanted = loaded(given)
    card = card_of(given.card) if given.card else None
    lengths = cost.tokens_of(open_dataset(given.data).path, "sft") if given.data else []
    found = reckon.estimate(wanted, lengths=lengths, card=card, price=price, gpus=given.gpus, tokens_per_second=given.tokens_per_second)
    fits = reckon.table(wanted, found.longest)
    if given.json:
        print(json.dumps({**asdict(found), "card": card and card.model_dump(),
                          "cards": [{"card": each.name, "gb": each.gb, "plan": plan and asdict(plan)} for each, plan in fits]},
                         ensure_ascii=False, indent=1))
    else:
        print(_text(found, fits, price))
    return 0


def _price(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        price = float(given)
    except ValueError:
        price = -1.0
    if not 0 <= price < 1e6:
        raise BadValue(field="--price", value=given, why="is no price", todo="Give a number, e.g. 0.45.")
    return price


def _text(found: reckon.Estimate, fits: list[tuple[reckon.Card, reckon.Plan | None]], price: float | None) -> str:
    on = f"{found.card.title} ({found.card.gb:g} GB)" if found.card else "the processor"
    lines = [f"{found.shape.parameters / 1e6:,.0f} million parameters; rows of at most {found.longest} tokens; on {on}"]
    for of in found.stages:
        parts = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in of.memory.parts.items())
        room = {True: "", False: "  -- does not fit", None: ""}[of.fits]
        lines.append(f"{of.stage}: {of.memory.total / 1e9:.2f} GB ({parts}){room}")
        if of.steps:
            lines.append(f"  {of.steps} steps, {of.tokens:,} tokens" + (f", about {of.seconds / 3600:.2f} hours" if of.seconds else ""))
    if found.hours is not None:
        paid = f", {found.cost:,.2f} at {price:g} an hour" if found.cost is not None else ""
        lines.append(f"learning: about {found.hours:.2f} hours{paid}")
    if found.card is not None and found.plan is None:
        lines.append("nothing smaller fits on this card: take a larger card, a smaller model, or more cards with ZeRO 3")
    elif found.plan is not None and found.plan.change:
        lines.append(f"fits with {_change(found.plan)} ({found.plan.memory / 1e9:.1f} GB)")
    if found.zero is not None:
        lines.append(f"over several cards it fits as it is with ZeRO {found.zero}")
    lines += ["", "the first settings that fit, by card"]
    for said, alike in groupby(fits, key=lambda each: "nothing" if each[1] is None else _change(each[1]) or "as it is"):
        lines.append(f"{', '.join(f'{card.title} ({card.gb:g} GB)' for card, _ in alike)}: {said}")
    return "\n".join(lines)


def _change(plan: reckon.Plan) -> str:
    return " ".join(f"--set {key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in plan.change.items())
