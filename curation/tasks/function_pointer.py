"""Which functions can this call through a pointer reach?

>>> TASK.check({"targets": [{"name": "my_open"}], "completeness": "complete"})

Targets are the functions' names with their definitions' places; two answers are compared by the names. `completeness` says whether that
is all: complete, incomplete (there are more than could be seen), external (the targets lie outside the corpus), none (nothing is ever
called here). A row states the bare names, in the order in which its excerpt shows them; where it shows more than it may state, the first of
them, and "incomplete".
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from curation.freezing.shown import Shown
from curation.model import Candidate, Evidence, Item, Lang, Model, Proposal, Target
from curation.tasks import Style, Task
from curation.tasks._rows import PlaceName, Question, by_file

if TYPE_CHECKING:
    from curation.csource import Call, Program
    from curation.csource.targets.resolution import Resolution


class Answer(Model):
    targets: list[Target] = Field(default=[], json_schema_extra={"metric": "set", "key": "name", "names": True})
    completeness: Literal["complete", "incomplete", "external", "none"] = Field(
        default="complete", json_schema_extra={"metric": "accuracy"}
    )


STEPS_FOR = 9  # candidates whose way is told: those with a key of their own on the screen
_EVIDENCE_BEYOND = 2  # places kept of each candidate that no answer holds: of tables with hundreds of functions
MAX_TARGETS = 40  # put into a proposed answer; a longer list is nobody's to confirm, and is called incomplete


def propose(index: Program, files: list[str] | None = None) -> Iterator[Proposal]:
    """One proposal for each call through a pointer, in the order of files and places. files: only sites in these. A call in a template
    that several sources include is one site with the candidates of all inclusions. None in C++, where methods are called alike."""
    for file in index.files() if files is None else files:
        seen: set[tuple[int, int, str]] = set()
        sites = sorted((c for c in index.calls(file) if c.kind == "indirect"), key=lambda c: (c.line, c.column))
        if sites and index.is_cplusplus(file):
            continue
        met: dict[tuple[int, str, str | None], int] = {}  # how many such calls came before in the same instance
        same: dict[tuple[int, str, int], list[Call]] = {}
        for call in sites:
            if (call.line, call.column, call.callee + "@" + (call.function or "")) not in seen:
                seen.add((call.line, call.column, call.callee + "@" + (call.function or "")))
                nth = met.get((call.line, call.callee, call.function), 0)
                met[call.line, call.callee, call.function] = nth + 1
                same.setdefault((call.line, call.callee, nth), []).append(call)
        for instances in same.values():
            yield _proposal(index, instances)


def _together(found: list[Resolution]) -> Resolution:
    """The candidates of a call's instances as one: the likely ones of any first, then by score; complete where all are."""
    first = found[0]
    if len(found) == 1:
        return first
    likely = {(c.name, c.file) for one in found for c in one.candidates[: one.likely]}
    best: dict[tuple[str, str | None], Candidate] = {}
    for one in found:
        for candidate in one.candidates:
            known = best.get((candidate.name, candidate.file))
            if known is None or known.score < candidate.score:
                best[candidate.name, candidate.file] = candidate
    ordered = sorted(best.values(), key=lambda c: ((c.name, c.file) not in likely, -c.score, c.name))
    kinds = {one.completeness for one in found}
    told = next((one for one in found if one.found_by != "none"), first)
    return replace(told, candidates=ordered, completeness=first.completeness if len(kinds) == 1 else "incomplete", likely=len(likely))


def _proposal(index: Program, instances: list[Call]) -> Proposal:
    from curation.csource.targets.completeness import why_more
    from curation.csource.targets.witness import witnesses

    call = instances[0]
    found = _together([index.resolution(one) for one in instances])
    likely = found.candidates[: min(found.likely, MAX_TARGETS)]
    completeness = "incomplete" if found.likely > MAX_TARGETS else found.completeness
    openings = [one.model_dump(mode="json") for one in why_more(index, index.flow, instances, found, MAX_TARGETS)]
    targets = [Target(name=c.name, file=c.file, line=c.line) for c in likely]
    unique = {t.name: t for t in reversed(targets)}
    answer = Answer(targets=[t for t in targets if unique[t.name] is t], completeness=completeness)
    for candidate, way in zip(found.candidates, witnesses(index, instances, found.candidates[:STEPS_FOR], found.found_by), strict=False):
        candidate.steps = way
    for candidate in found.candidates[MAX_TARGETS:]:
        candidate.evidence = candidate.evidence[:_EVIDENCE_BEYOND]
    return Proposal(
        task="function_pointer",
        file=call.file,
        line=call.line,
        column=call.column,
        function=call.function,
        expression=call.callee,
        answer=answer.model_dump(mode="json"),
        candidates=found.candidates,
        evidence=_macro_place(index, call),
        score=found.candidates[0].score if found.candidates else 0.0,
        extra={
            "step": found.found_by, **({"macro": call.macro} if call.macro else {}), **({"openings": openings} if openings else {}),
        },
    )


def _macro_place(index: Program, call: Call) -> list[Evidence]:
    """Where the macro is defined whose body holds the call."""
    macro = index.macro(call.macro, call.file) if call.macro else None
    return [] if macro is None else [
        Evidence(file=macro.file, line=macro.line, kind="macro", text=index.line_text(macro.file, macro.line))]


def record(proposal: Proposal) -> dict[str, Any]:
    """The proposal as the command line writes it."""
    return {
        "task": proposal.task, "file": proposal.file, "line": proposal.line, "column": proposal.column, "function": proposal.function,
        "expression": proposal.expression,
        "candidates": [c.model_dump(mode="json") for c in proposal.candidates],
    }


SURE_TARGETS = 8  # of longer lists people should look at each


def sure(proposal: Proposal) -> str | None:
    """"flow": every target came by a flow that was followed, all are defined in the corpus, they are few, and nothing says that there
    may be more. How right such lists are is measured by calls observed at run time (docs/engine.md)."""
    targets = proposal.answer["targets"]
    whole = proposal.answer["completeness"] == "complete" and not proposal.extra.get("openings")
    defined = all(target["file"] is not None for target in targets)
    return "flow" if proposal.extra.get("step") == "flow" and whole and defined and 0 < len(targets) <= SURE_TARGETS else None


_WORDS: dict[Lang, dict[str, str]] = {
    "en": {
        "site": "The call `{expression}(...)` at {place}{inside} goes through a pointer.",
        "inside": " in `{function}`",
        "macro": " It stands in the body of the macro `{macro}`, which is used on that line.",
        "target": "It can reach `{name}`{defined}{why}{way}.",
        "way": "; from there it comes by way of {places}",
        "place": "{place} (`{text}`)",
        "defined": " (defined at {place})",
        "initializer": ": the initializer at {place} puts it there, `{text}`",
        "assignment": ": the assignment at {place} puts it there, `{text}`",
        "argument": ": it is passed as an argument at {place}, `{text}`",
        "return": ": it is returned at {place}, `{text}`",
        "same_field": ": at {place} it is stored in a field of the same name, `{text}`",
        "same_signature": ": its parameters have the types of this pointer, and its address is taken at {place}, `{text}`",
        "same_arity": ": it takes as many arguments, and its address is taken at {place}, `{text}`",
        "flow": ": it comes by way of {place}, `{text}`",
        "and": ", ",
        "more": "And likewise: {names}.",
        "complete": "Every place in this code that sets the pointer has been considered, so these are all the targets.",
        "incomplete": "There may be more: the pointer can also be set by code that is not shown here.",
        "external": "The function is supplied by code outside these sources.",
        "none": "Nothing in this code ever puts a function there, so the call has no target.",
    },
    "zh": {
        "site": "{place} 处{inside}的调用 `{expression}(...)` 是通过函数指针进行的。",
        "inside": "函数 `{function}` 中",
        "macro": "该调用位于宏 `{macro}` 的宏体内，宏在这一行展开。",
        "target": "它可能调用 `{name}`{defined}{why}{way}。",
        "way": "，随后经由 {places}传到这里",
        "place": "{place}（`{text}`）",
        "defined": "（定义于 {place}）",
        "initializer": "：{place} 的初始化语句 `{text}` 将其存入该指针",
        "assignment": "：{place} 的赋值语句 `{text}` 将其存入该指针",
        "argument": "：它在 {place} 作为实参传入，即 `{text}`",
        "return": "：它在 {place} 作为返回值给出，即 `{text}`",
        "same_field": "：{place} 的 `{text}` 将其存入了同名字段",
        "same_signature": "：其参数类型与该指针一致，且在 {place} 被取了地址，即 `{text}`",
        "same_arity": "：其参数个数与该调用一致，且在 {place} 被取了地址，即 `{text}`",
        "flow": "：它经由 {place} 的 `{text}` 传到这里",
        "and": "、",
        "more": "同理还有：{names}。",
        "complete": "这段代码中所有会设置该指针的位置都已考虑，因此以上就是全部目标。",
        "incomplete": "可能还有其他目标：未在此列出的代码也可能设置该指针。",
        "external": "目标函数由这些源文件之外的代码提供。",
        "none": "这段代码中没有任何位置把函数存入该指针，因此该调用没有目标。",
    },
}
_EXPLAINED = 6  # targets explained one by one
_PLACES = 4  # of one way


def draft(answer: dict[str, Any], proposal: Proposal, lang: Lang) -> str:
    """The explanation offered to the annotator: where the call is, why each target is one, whether they are all."""
    return _draft(answer, proposal, lang, by_file)


def _draft(answer: dict[str, Any], proposal: Proposal, lang: Lang, place: PlaceName, short: bool = False) -> str:
    words = _WORDS[lang]
    targets = answer.get("targets", [])
    sentences = [] if short else [_site(words, proposal, place)]
    sentences.extend(_target(words, target, proposal, place) for target in targets[: 1 if short else _EXPLAINED])
    if len(targets) > _EXPLAINED and not short:
        sentences.append(words["more"].format(names=words["and"].join(f"`{t['name']}`" for t in targets[_EXPLAINED:])))
    sentences.append(words[answer.get("completeness") or "incomplete"])
    return ("" if lang == "zh" else " ").join(sentences)


def _site(words: dict[str, str], proposal: Proposal, place: PlaceName) -> str:
    inside = words["inside"].format(function=proposal.function) if proposal.function else ""
    text = words["site"].format(expression=proposal.expression, place=place(proposal.file, proposal.line), inside=inside)
    return text + (words["macro"].format(macro=proposal.extra["macro"]) if proposal.extra.get("macro") else "")


def _target(words: dict[str, str], target: dict[str, Any], proposal: Proposal, place: PlaceName) -> str:
    known = next((c for c in proposal.candidates if c.name == target["name"] and target.get("file") in (None, c.file)), None)
    file, line = target.get("file"), target.get("line")
    if file is None and known is not None:
        file, line = known.file, known.line
    at = place(file, line)
    defined = words["defined"].format(place=at) if at is not None else ""
    shown = [e for e in known.evidence if e.kind in words and e.kind != "definition"] if known is not None else []
    why = next((e for e in shown if place(e.file, e.line) is not None), None)
    reason = words[why.kind].format(place=place(why.file, why.line), text=why.text) if why is not None else ""
    way = _way(words, known, place) if reason and known is not None else ""
    return words["target"].format(name=target["name"], defined=defined, why=reason, way=way)


def _way(words: dict[str, str], candidate: Candidate, place: PlaceName) -> str:
    """The places between the one that puts the function there and the call."""
    moves = [s for s in candidate.steps if s.kind in ("passed", "stored", "read", "returned", "written_back")][:_PLACES + 1]
    if candidate.steps and moves and moves[0] == candidate.steps[0]:
        moves = moves[1:]
    named = [(at, s.text) for s in moves[:_PLACES] if (at := place(s.file, s.line)) is not None]
    places = [words["place"].format(place=at, text=text) for at, text in named]
    return words["way"].format(places=words["and"].join(places)) if places else ""


_ASK: dict[Lang, str] = {
    "en": "Which functions can the call `{expression}(...)` on {place} reach? {how}",
    "zh": "{place}的调用 `{expression}(...)` 可能调用哪些函数？{how}",
}
_KEYS: dict[Lang, str] = {
    "en": "`targets` (a list of names, at most {most}, in the order of the code) and `completeness` (`complete`, `incomplete`, `external` "
    "or `none`)",
    "zh": " `targets`（函数名列表，最多 {most} 个，按代码中的先后）和 `completeness`（取 `complete`、`incomplete`、`external` 或 `none`）",
}


def shown(item: Item, answer: dict[str, Any], excerpt: Shown, style: Style) -> dict[str, Any] | None:
    """The answer with the targets whose names stand in the excerpt, in their order there, at most style.most_targets; incomplete when any
    is left out. None when the call is not shown, or none of its targets is."""
    checked = TASK.check(answer)
    targets = {target["name"]: target for target in reversed(checked["targets"])}
    found = sorted((at, name) for name in targets if (at := excerpt.value(name)) is not None)
    kept = [targets[name] for _, name in found[: style.most_targets]]
    if excerpt.marker(*excerpt.site) is None or (targets and not kept):
        return None
    return {"targets": kept, "completeness": checked["completeness"] if len(kept) == len(targets) else "incomplete"}


def facets(item: Item, answer: dict[str, Any], excerpt: Shown) -> tuple[str, int]:
    """The kind is how the targets were found (Resolution.found_by). One point of difficulty each for: more than one target; code of more
    than one file; a way of more than three steps or more than four targets."""
    steps = max((len(c["steps"]) for c in item.payload.get("candidates", []) if c.get("steps")), default=0)
    hard = [len(answer["targets"]) > 1, len({one.file for one in excerpt.lines}) > 1, steps > 3 or len(answer["targets"]) > 4]
    return str(item.payload.get("extra", {}).get("step") or "none"), 1 + sum(hard)


def first(item: Item) -> dict[str, Any] | None:
    """What a row would state of the engine's first candidate alone."""
    candidates = item.payload.get("candidates") or []
    return {"targets": [candidates[0]["name"]], "completeness": "complete"} if candidates else None


def _stated(kept: dict[str, Any], excerpt: Shown) -> dict[str, Any]:
    return {"targets": [target["name"] for target in kept["targets"]], "completeness": kept["completeness"]}


_QUESTION = Question(
    ask=_ASK, keys=_KEYS, Answer=Answer, shown=shown, stated=_stated, draft=_draft,
    named=lambda proposal: {"expression": proposal.expression}, listed=lambda style, lang: {"most": style.most_targets},
)
TASK = Task(
    name="function_pointer", kind="site", Answer=Answer, render=_QUESTION.row, goal=(2000, 5000), propose=propose, record=record, sure=sure,
    draft=draft, shown=shown, balanced="completeness", facets=facets, first=first,
    anchor="call",
    subject={
        "en": "which functions an indirect call through a function pointer can reach, and why",
        "zh": "通过函数指针的间接调用可能到达哪些函数、依据是什么",
    },
)
