"""Which asynchronous mechanism is at work here, where are its phases, and which function handles it?

>>> TASK.check({"mechanism": "workqueue", "handler": "my_work", "phases": [{"phase": "bind", "file": "a.c", "line": 4}]})

A pattern is one object (or handler) of one mechanism: where a handler is bound to it, where it is triggered, executed and waited for.
`propose` yields one proposal for each of its places, all with the whole answer, as the command line writes one line a place;
the first of a pattern (its first binding) says so (`extra["group_first"]`) and is the one item to label. Compared are the mechanism,
the handler and the phases with their places: file and line between people, the excerpt's line numbers in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from curation.freezing.shown import Shown
from curation.knowledge.mechanisms import Mechanism
from curation.model import Evidence, Item, Lang, Model, Phase, PhaseStep, Proposal, stable_id
from curation.tasks import Style, Task
from curation.tasks._rows import PlaceName, Question, by_file

if TYPE_CHECKING:
    from curation.csource import Program
    from curation.knowledge.patterns.grouping import PhaseSite
    from curation.knowledge.patterns.uses import MechanismUse

MAX_STEPS = 8  # of one phase of a pattern in an answer; a longer list is nobody's to confirm
_PHASES: tuple[Phase, ...] = ("bind", "trigger", "execute", "wait")


class Answer(Model):
    """mechanism: None when there is none. handler: the function executed later; None for mechanisms that only wake a waiter, or unknown."""

    mechanism: Mechanism | None = Field(default=None, json_schema_extra={"metric": "accuracy"})
    handler: str | None = Field(default=None, json_schema_extra={"metric": "accuracy", "names": True})
    phases: list[PhaseStep] = Field(
        default=[], json_schema_extra={"metric": "set", "key": ["phase", "line"], "people_key": ["phase", "file", "line"]})


def propose(index: Program, files: list[str] | None = None) -> Iterator[Proposal]:
    """One proposal for each place of each pattern, pattern by pattern, its anchor (the first binding, else the first place) first.
    files: only places in these; the anchor of a pattern may then be elsewhere."""
    from curation.knowledge.matching import corpus_of
    from curation.knowledge.patterns.uses import patterns

    index = index.near(files)
    seen: set[tuple[str, int, int, str]] = set()
    wanted = set(files) if files is not None else None
    for pattern in patterns(corpus_of(index), files):
        yield from _of_pattern(index, pattern, seen, wanted)


def _of_pattern(index: Program, pattern: MechanismUse, seen: set[tuple[str, int, int, str]], wanted: set[str] | None) -> Iterator[Proposal]:
    kept = [s for phase in _PHASES for s in [one for one in pattern.sites if one.phase == phase][:MAX_STEPS]]
    answer = Answer.model_validate(
        {
            "mechanism": pattern.mechanism,
            "handler": pattern.handlers[0] if pattern.handlers else None,
            "phases": [
                PhaseStep(phase=s.phase, file=s.file, line=s.line, function=s.function, text=index.line_text(s.file, s.line)) for s in kept
            ],
        }
    )
    evidence = [Evidence(file=s.file, line=s.line, column=s.column, kind=s.phase, text=index.line_text(s.file, s.line)) for s in kept]
    group = stable_id(pattern.mechanism, pattern.file, pattern.key)
    for site in pattern.sites:
        if wanted is not None and site.file not in wanted:
            continue
        expression = _expression(site, pattern, seen)
        handler = site.handler or answer.handler
        extra = {
            "phase": site.phase,
            "handler": handler,
            "group": group,
            "group_first": site is pattern.sites[0],
            "api": site.api,
            "handlers": pattern.handlers,
        }
        yield Proposal(
            task="async_pattern",
            file=site.file,
            line=site.line,
            column=site.column,
            function=site.function,
            expression=expression,
            answer=answer.model_dump(mode="json"),
            evidence=evidence,
            score=1.0 if pattern.handlers else 0.7,
            extra=extra,
        )


def _expression(site: PhaseSite, pattern: MechanismUse, seen: set[tuple[str, int, int, str]]) -> str:
    """The API's name; with the mechanism and phase where one call is several places (pthread_create binds and triggers)."""
    for expression in (site.api, f"{site.api} ({pattern.mechanism})", f"{site.api} ({pattern.mechanism}, {site.phase})"):
        key = (site.file, site.line, site.column, expression)
        if key not in seen:
            break
    seen.add(key)
    return expression


def record(proposal: Proposal) -> dict[str, Any]:
    """The place as the command line writes it. handler: the one bound or executed at the place, else the pattern's first."""
    return {
        "task": proposal.task,
        "file": proposal.file,
        "line": proposal.line,
        "column": proposal.column,
        "function": proposal.function,
        "mechanism": proposal.answer["mechanism"],
        "phase": proposal.extra["phase"],
        "handler": proposal.extra["handler"],
    }


def sure(proposal: Proposal) -> str | None:
    """"bound": the place where a known API binds the handler is seen, with at least one more phase of the pattern."""
    phases = {step["phase"] for step in proposal.answer["phases"]}
    bound = proposal.extra.get("group_first") and proposal.answer["handler"] and "bind" in phases and len(phases) > 1
    return "bound" if bound else None


_WORDS: dict[Lang, dict[str, str]] = {
    "en": {
        "mechanism": "This code uses the mechanism `{mechanism}`{handler}.",
        "handler": " with the handler `{handler}`",
        "none": "No asynchronous mechanism is at work here.",
        "bind": "Bind: {places}.",
        "trigger": "Trigger: {places}.",
        "execute": "Execute: {places}.",
        "wait": "Wait: {places}.",
        "place": "{place}{inside}, `{text}`",
        "inside": " in `{function}`",
        "and": "; ",
        "later": "So `{handler}` does not run where it is named: binding only stores it, and the trigger makes it run later.",
        "missing_trigger": "No trigger is seen in the code at hand.",
        "hardware": "The trigger is the device itself: it raises the interrupt.",
    },
    "zh": {
        "mechanism": "这段代码使用了 `{mechanism}` 机制{handler}。",
        "handler": "，处理函数为 `{handler}`",
        "none": "这里没有使用异步机制。",
        "bind": "绑定：{places}。",
        "trigger": "触发：{places}。",
        "execute": "执行：{places}。",
        "wait": "等待：{places}。",
        "place": "{place}{inside}，即 `{text}`",
        "inside": "（函数 `{function}` 中）",
        "and": "；",
        "later": "因此 `{handler}` 并不在出现其名字的地方执行：绑定只是把它保存下来，触发之后才会执行。",
        "missing_trigger": "在现有代码中没有看到触发它的位置。",
        "hardware": "触发者是设备本身：由它发出中断。",
    },
}
_SHOWN = 4  # places told of one phase


def draft(answer: dict[str, Any], proposal: Proposal, lang: Lang) -> str:
    """The explanation offered to the annotator: the mechanism, its handler, and the places of each phase."""
    return _draft(answer, proposal, lang, by_file)


def _draft(answer: dict[str, Any], proposal: Proposal, lang: Lang, place: PlaceName, short: bool = False) -> str:
    words, given = _WORDS[lang], Answer.model_validate(answer)
    if given.mechanism is None:
        return words["none"]
    handler = words["handler"].format(handler=given.handler) if given.handler else ""
    text = [words["mechanism"].format(mechanism=given.mechanism, handler=handler)]
    for phase in () if short else _PHASES:
        steps = [told for s in given.phases if s.phase == phase and (told := _place(words, s, place)) is not None]
        if steps:
            text.append(words[phase].format(places=words["and"].join(steps[:_SHOWN])))
    phases = {s.phase for s in given.phases}
    if given.handler and {"bind", "trigger"} <= phases:
        text.append(words["later"].format(handler=given.handler))
    elif given.handler and "trigger" not in phases:
        text.append(words["hardware" if given.mechanism in ("irq", "threaded_irq") else "missing_trigger"])
    return ("" if lang == "zh" else " ").join(text)


def _place(words: dict[str, str], step: PhaseStep, place: PlaceName) -> str | None:
    inside = words["inside"].format(function=step.function) if step.function and step.phase != "execute" else ""
    where = place(step.file, step.line)
    if where is None:
        return None
    return words["place"].format(place=where, inside=inside, text=step.text) if step.text else f"{where}{inside}"


_ASK: dict[Lang, str] = {
    "en": "Which asynchronous mechanism does the code on {place} (`{expression}`) take part in? {how}",
    "zh": "{place}的代码（`{expression}`）参与了哪种异步机制？{how}",
}
_KEYS: dict[Lang, str] = {
    "en": "`mechanism` (a short name such as `workqueue`, or null), `handler` (the function that runs later, or null) and `phases` (an "
    "object: of `bind`, `trigger`, `execute` and `wait` those that are there, each with its line numbers, at most {most})",
    "zh": " `mechanism`（如 `workqueue` 的简短名称，或 null）、`handler`（稍后执行的函数，或 null）和 `phases`（对象："
    "`bind`、`trigger`、`execute`、`wait` 中出现的阶段，各为行号列表，最多 {most} 个）",
}


def shown(item: Item, answer: dict[str, Any], excerpt: Shown, style: Style) -> dict[str, Any] | None:
    """The answer with the places that the excerpt shows, phase by phase in their order there, at most style.most_places of each. None when
    the site, the handler or all places are not shown."""
    checked = TASK.check(answer)
    if excerpt.marker(*excerpt.site) is None:
        return None
    if checked["mechanism"] is None:
        return checked
    if checked["handler"] is not None and excerpt.value(checked["handler"]) is None:
        return None
    phases: list[dict[str, Any]] = []
    for phase in _PHASES:
        places = {excerpt.marker(s["file"], s["line"]): s for s in reversed(checked["phases"]) if s["phase"] == phase}
        phases += [places[marker] for marker in sorted(m for m in places if m is not None)[: style.most_places]]
    return {**checked, "phases": phases} if phases else None


def facets(item: Item, answer: dict[str, Any], excerpt: Shown) -> tuple[str, int]:
    """The kind is the mechanism. One point of difficulty each for: more than two phases; places in more than one file; more than four
    places."""
    steps = answer["phases"]
    hard = [len({s["phase"] for s in steps}) > 2, len({s["file"] for s in steps}) > 1, len(steps) > 4]
    return answer["mechanism"] or "none", 1 + sum(hard)


def _stated(kept: dict[str, Any], excerpt: Shown) -> dict[str, Any]:
    # {"bind": [12], "execute": [3]}: half the tokens of a list of objects, which a small model went on writing without an end
    phases: dict[str, list[int | None]] = {}
    for step in kept["phases"]:
        phases.setdefault(step["phase"], []).append(excerpt.marker(step["file"], step["line"]))
    return {"mechanism": kept["mechanism"], "handler": kept["handler"], "phases": phases}


_QUESTION = Question(
    ask=_ASK, keys=_KEYS, Answer=Answer, shown=shown, stated=_stated, draft=_draft,
    named=lambda proposal: {"expression": proposal.extra.get("api") or proposal.expression},
    listed=lambda style, lang: {"most": style.most_places},
)
TASK = Task(
    name="async_pattern",
    kind="site",
    Answer=Answer,
    render=_QUESTION.row,
    goal=(1000, 3000),
    propose=propose,
    record=record,
    sure=sure,
    draft=draft,
    shown=shown,
    balanced="mechanism",
    facets=facets,
    places=True,
    anchor="occurrence",
    subject={
        "en": "which asynchronous mechanism the code uses, and where it is bound, triggered, executed and waited for",
        "zh": "代码使用了哪种异步机制，绑定、触发、执行和等待各发生在哪里",
    },
)
