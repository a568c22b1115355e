"""`python -m curation review`: decide from a shell, over the same services as the screens: sites, pairs and preferences."""
from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Callable
from itertools import islice
from typing import Any

from curation.commands import Subcommands, Workspace, add_user, declare, workspace
from curation.errors import BadValue
from curation.labeling import label, sure
from curation.labeling.resolve import resolve
from curation.model import Item, canonical_json
from curation.pairs import prefer, review
from curation.store import items
from curation.tasks import all_tasks, get_task

SITE_ACTIONS = ("confirm", "none", "unknown", "external", "skip", "flag")
PAIR_ACTIONS = ("accept", "reject", "skip", "flag")
CHOICES = ("a", "b", "tie", "both_bad", "imported")
ACTIONS = (
    "list", "show", "accept", "reject", "mend", "incomplete", "confirm", "none", "unknown", "external", "skip", "flag", "choose", "undo",
)


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "review", run,
        "List what is to be decided, and decide it. accept, reject, mend: pairs. confirm, mend, incomplete, none, unknown, external: "
        "sites. choose: preferences. skip, flag: any. undo takes back your last decision on the task. The items are named by their ids, or "
        "--all with the filters.",
        "review list --task function_pointer", "review show 3fa9c1b07d2e4f568a90",
        "review confirm --task function_pointer --all --limit 50",
        "review accept --task self_instruct --all --flag none",
        "review reject 3fa9c1b07d2e4f568a90 --reason refusal",
        "review mend 3fa9c1b07d2e4f568a90 --answer '{\"instruction\": \"...\", \"input\": \"\", \"output\": \"...\"}'",
        "review choose 77b0e2c49a1d5f3e6b80 --choice b",
    )
    command.add_argument("action", choices=ACTIONS)
    command.add_argument("ids", nargs="*", metavar="ID", help="items, by the ids that `review list` shows")
    command.add_argument("--all", action="store_true", help="every item that the filters leave")
    command.add_argument("--task", choices=sorted(all_tasks()), help="filter: the task")
    command.add_argument("--status", default="open", help="filter: open (default), answered, accepted, rejected, ... or any")
    command.add_argument("--flag", help="filter: pairs with this filter's flag; none: pairs without any flag")
    command.add_argument("--sure", action="store_true", help="filter: sites whose proposal the task's rule lets a program confirm")
    command.add_argument("--lang", choices=["en", "zh"], help="filter: the language")
    command.add_argument("--source", help="filter: sites of this source")
    command.add_argument("--limit", type=int, metavar="N", help="filter: the first N (list: 50)")
    command.add_argument("--reason", help="why; reject needs one")
    command.add_argument("--answer", metavar="JSON", help="mend, incomplete: the answer; @FILE reads it from a file")
    command.add_argument("--explain", action="append", default=[], metavar="LANG=TEXT", help="confirm, mend, incomplete: the explanation")
    command.add_argument("--choice", choices=CHOICES, help="choose: which answer is better; imported: the one that the imported file had")
    add_user(command)


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    if given.action == "undo":
        return _undo(work, given)
    if given.action == "list":
        given.all, given.limit = True, given.limit or 50
    chosen = _chosen(work, given)
    if given.action == "list":
        for item in chosen:
            print(_line(work, item))
    elif given.action == "show":
        for item in chosen:
            print(_shown(work, item))
    else:
        print(f"{given.action}: {_decide(work, given, chosen)} items")
    return 0


def _chosen(work: Workspace, given: argparse.Namespace) -> list[Item]:
    """The items named, or those that the filters leave. Raises NotFound, BadValue."""
    if given.ids:
        return [items.get(work.store, item_id) for item_id in given.ids]
    if not given.all:
        raise BadValue(field="ID", value=None, why="is missing", todo="Name the items, or give --all with filters.")
    found = items.find(
        work.store, tasks=[given.task] if given.task else None, source=given.source, lang=given.lang,
        statuses=None if given.status == "any" else [given.status],
    )
    kept = (item for item in found if _has_flag(item, given.flag) and (not given.sure or sure.rule_of(item) is not None))
    return list(islice(kept, given.limit))


def _has_flag(item: Item, flag: str | None) -> bool:
    names = {f.filter for f in item.flags}
    return flag is None or (not names if flag == "none" else flag in names)


def _line(work: Workspace, item: Item) -> str:
    status = resolve(items.annotations(work.store, [item.id])[item.id], get_task(item.task)).status
    where = f"{item.source}/{item.file}:{item.line}" if item.file else item.lang or ""
    flags = ",".join(f.filter for f in item.flags)
    return "\t".join([item.id, item.task, status, where, flags, _gist(item)])


def _gist(item: Item) -> str:
    payload = item.payload
    text = payload.get("expression") or payload.get("instruction") or payload.get("prompt") or ""
    if get_task(item.task).kind == "site":
        text += " -> " + canonical_json(payload.get("answer"))
    return " ".join(printable(text).split())[:120]


def printable(text: str) -> str:
    """Text of any origin for a terminal: control characters, which could move its cursor or colour it, are shown as `?`."""
    return "".join(c if c in "\n\t" or (ord(c) >= 32 and not 127 <= ord(c) < 160) else "?" for c in text)


def _shown(work: Workspace, item: Item) -> str:
    given = items.annotations(work.store, [item.id])[item.id]
    whole = {**item.model_dump(mode="json"), "resolved": resolve(given, get_task(item.task)).model_dump(mode="json"),
             "annotations": [a.model_dump(mode="json") for a in given]}
    return json.dumps(whole, ensure_ascii=False, indent=1)  # JSON escapes control characters


def _decide(work: Workspace, given: argparse.Namespace, chosen: list[Item]) -> int:
    op = uuid.uuid4().hex
    kinds = {get_task(item.task).kind for item in chosen}
    if kinds == {"pair"} and given.action in PAIR_ACTIONS:
        done = 0
        for start in range(0, len(chosen), review.BULK_MAX):
            part = [item.id for item in chosen[start:start + review.BULK_MAX]]
            done += review.decide_many(work.store, work.actor, part, op, given.action, given.reason)
        return done
    for item in chosen:
        _decision(work, given, item)(op)
    return len(chosen)


def _decision(work: Workspace, given: argparse.Namespace, item: Item) -> Callable[[str], object]:
    """The service call that decides one item. Raises BadValue when the action does not fit it."""
    kind, action = get_task(item.task).kind, given.action
    if kind == "preference" and action == "choose":
        return lambda op: prefer.choose(work.store, work.actor, item.id, op, _choice(given, item), given.reason)
    if kind == "preference" and action in ("skip", "flag"):
        return lambda op: prefer.set_aside(work.store, work.actor, item.id, op, action, given.reason)
    if kind == "pair" and action in (*PAIR_ACTIONS, "mend"):
        pair = _answer(given) if action == "mend" else None
        return lambda op: review.decide(work.store, work.actor, item.id, op, action, pair, given.reason)
    if kind == "site" and action in (*SITE_ACTIONS, "mend", "incomplete"):
        answer = _answer(given) if action in ("mend", "incomplete") else None
        return lambda op: label.save(
            work.store, work.actor, item.id, op, action, answer=answer, explanation=_explanation(given), reason=given.reason,
        )
    raise BadValue(
        field="action", value=action, why=f"does not fit an item of {item.task}",
        todo="Name a --task whose items it fits; `review --help` says which.",
    )


def _choice(given: argparse.Namespace, item: Item) -> Any:
    if given.choice is None:
        raise BadValue(field="choice", value=None, why="is missing", todo=f"Give --choice {', '.join(CHOICES)}.")
    if given.choice != "imported":
        return given.choice
    if "chosen_in_file" not in item.meta:
        raise BadValue(field="choice", value="imported", why=f"is not known for {item.id}", todo="Give --choice a, b, tie or both_bad.")
    return item.meta["chosen_in_file"]


def _answer(given: argparse.Namespace) -> dict[str, Any]:
    text = given.answer
    if text is None:
        raise BadValue(field="answer", value=None, why="is missing", todo="Give --answer with the answer as JSON, or @FILE.")
    try:
        if text.startswith("@"):
            with open(text[1:], encoding="utf-8") as file:
                text = file.read()
        answer = json.loads(text)
    except (OSError, ValueError) as err:
        raise BadValue(field="answer", value=given.answer[:80], why=f"cannot be read: {err}", todo="Give one JSON object.") from err
    if not isinstance(answer, dict):
        raise BadValue(field="answer", value=given.answer[:80], why="is no JSON object", todo="Give one JSON object.")
    return answer


def _explanation(given: argparse.Namespace) -> dict[Any, str]:
    pairs = [text.partition("=") for text in given.explain]
    wrong = next((lang for lang, _, _ in pairs if lang not in ("en", "zh")), None)
    if wrong is not None:
        raise BadValue(field="explain", value=wrong, why="is no language", todo="Give en=TEXT or zh=TEXT.")
    return {lang: text for lang, _, text in pairs}


def _undo(work: Workspace, given: argparse.Namespace) -> int:
    kind = get_task(given.task).kind if given.task else "pair"
    op = uuid.uuid4().hex
    if kind == "pair":
        number = review.undo(work.store, work.actor, op)
    else:
        number = int((label.undo if kind == "site" else prefer.undo)(work.store, work.actor, op) is not None)
    print(f"undo: {number} items")
    if not number:
        print("there is nothing of yours to take back", file=sys.stderr)
    return 0
