"""What do the annotations of one item say together? A pure function: the stored annotations are the truth, this is derived.

Rules, first match wins:
1. Somebody adjudicated (and did not take it back): that answer counts. Without an answer it means "rejected" for a pair, else what its
   reason says: "none", "external", or "unknown".
2. Somebody's latest word is a flag: flagged. The item is held back until the flag is taken back or the item is adjudicated.
3. All who answered gave the same answer: answered (pairs: accepted or rejected). Different answers: disputed.
4. Nobody answered: unknown if somebody said so, else skipped, else open.

A person's latest annotation that was not undone is that person's word. Two answers to a task are the same when its scored fields are
(Task.compared); the other fields are those of the latest word. Without a task, or for the text of a pair, they are the same when their
`essence` is: sets of targets by name, places without their text.

>>> resolve([]).status
'open'
"""
from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Any, Literal

from curation.model import Action, Annotation, Lang, Resolved, canonical_json
from curation.tasks import Task

ANSWERS: frozenset[Action] = frozenset({"confirm", "mend", "none", "external", "incomplete", "accept", "reject", "choose"})


def live(annotations: list[Annotation]) -> list[Annotation]:
    """The annotations that count, oldest first: neither undone nor an undo. Only the one who wrote an annotation can undo it."""
    undone = {(a.undoes, a.user) for a in annotations if a.action == "undo"}
    return sorted((a for a in annotations if a.action != "undo" and (a.id, a.user) not in undone), key=lambda a: a.id)


def latest_by_user(annotations: list[Annotation]) -> dict[str, Annotation]:
    """Each person's word: the latest live annotation, in the order in which the words were given."""
    words: dict[str, Annotation] = {}
    for a in live(annotations):
        words.pop(a.user, None)
        words[a.user] = a
    return words


def essence(value: Any) -> Any:
    """What two equal answers have in common. A thing with a name is its name (model.Target), a list of things is a set, the copied
    source text of a place does not count. A list of plain values keeps its order (a call chain)."""
    if isinstance(value, dict):
        if "name" in value:
            return value["name"]
        return {k: essence(v) for k, v in value.items() if k != "text"}
    if isinstance(value, list):
        if all(isinstance(v, dict) for v in value):
            return sorted({canonical_json(essence(v)) for v in value})
        return [essence(v) for v in value]
    return value


def answer_of(annotation: Annotation, task: Task | None) -> dict[str, Any] | None:
    """What was answered. "none" and "external" without an answer are the one for which the task has them stand; None: there is none."""
    if annotation.answer is None and task is not None and task.kind == "site" and annotation.action in ("none", "external"):
        return task.says(annotation.action)
    return annotation.answer


def field_value(given: Any, metric: dict[str, Any]) -> Hashable:
    """One field's value, comparable as its metric says: for "set" the frozenset of the values (of their "key", if any), else text."""
    if metric.get("metric") != "set":
        return canonical_json(given)
    key = metric.get("key")
    keys = [key] if isinstance(key, str) else key or []
    return frozenset(canonical_json([v.get(k) for k in keys] if keys and isinstance(v, dict) else v) for v in given or [])


def same_answer_key(annotation: Annotation, task: Task | None = None) -> Hashable:
    """Two annotations of one item give the same answer if and only if their keys are equal."""
    answer = answer_of(annotation, task)
    if answer is None:
        return annotation.action
    compared = task.compared() if task is not None else None
    if compared is None:
        return "answer " + canonical_json(essence(answer))
    return tuple(field_value(answer.get(name), metric) for name, metric in compared.items())


def resolve(annotations: list[Annotation], task: Task | None = None) -> Resolved:
    """The state of an item of `task` whose annotations (in any order, all of one item) these are. task None: whole answers are compared."""
    counting = live(annotations)
    words = list(latest_by_user(annotations).values())
    decided: Literal["answered", "accepted"] = "accepted" if any(_of_a_pair(a) for a in counting) else "answered"
    last_word = next((a for a in reversed(counting) if a.action == "adjudicate"), None)
    if last_word is not None:
        if last_word.answer is None and last_word.reason in ("none", "external"):
            return Resolved(status="answered", action=last_word.reason, users=[last_word.user])  # type: ignore[arg-type]
        if last_word.answer is None:
            return Resolved(status="rejected" if decided == "accepted" else "unknown", action="adjudicate", users=[last_word.user])
        return _decided(decided, words, last_word, task)
    flags = [a.user for a in words if a.action == "flag"]
    if flags:
        return Resolved(status="flagged", action="flag", users=flags)
    answers = [a for a in words if a.action in ANSWERS]
    if answers:
        users = [a.user for a in answers]
        if len(set(map(partial(same_answer_key, task=task), answers))) > 1:
            return Resolved(status="disputed", users=users)
        if answers[-1].action == "reject":
            return Resolved(status="rejected", action="reject", users=users)
        return _decided(decided, answers, answers[-1], task)
    unknown = [a.user for a in words if a.action == "unknown"]
    if unknown:
        return Resolved(status="unknown", action="unknown", users=unknown)
    skipped = [a.user for a in words if a.action == "skip"]
    return Resolved(status="skipped", action="skip", users=skipped) if skipped else Resolved(status="open")


def _of_a_pair(annotation: Annotation) -> bool:
    """Whether it decides a pair under review: by its action, or (mend) because its answer is a PairAnswer."""
    return annotation.action in ("accept", "reject") or {"instruction", "output"} <= (annotation.answer or {}).keys()


def _decided(status: Literal["answered", "accepted"], words: list[Annotation], counts: Annotation, task: Task | None) -> Resolved:
    """`counts` gives the answer; each language's explanation is that of the latest word which gives the same answer and has one.
    The action is "incomplete" if one of those who agree said so."""
    same = same_answer_key(counts, task)
    agreeing = [a for a in words if a is not counts and same_answer_key(a, task) == same] + [counts]
    explanation: dict[Lang, str] = {}
    for a in agreeing:
        explanation.update(a.explanation)
    incomplete = counts.action != "adjudicate" and any(a.action == "incomplete" for a in agreeing)
    return Resolved(
        status=status,
        answer=counts.answer,
        action="incomplete" if incomplete else counts.action,
        explanation=explanation,
        users=[a.user for a in agreeing],
    )
