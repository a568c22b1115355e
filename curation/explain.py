"""Why is this function proposed here? The steps of a path in words, and all that is proposed at one line of the source.

A step (model.PathStep) is free of language. `said` makes it a Reason: English as it stands, Chinese by ui/locales/zh.toml.

>>> str(said(PathStep(file="a.c", line=4, kind="stored", source=["parameter", "o", "add"], target=["field", "ops", "struct dev"])))
'parameter `o` of `add` is stored into field `ops` of `struct dev`'
>>> explanation = explain(index, "a.c", 21)
>>> [(c.name, [s.line for s in c.steps]) for c in explanation.sites[0].candidates]
[('my_open', [8, 25, 13, 18, 21])]
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from curation.csource import Index
from curation.csource.steps import UNNAMED
from curation.csource.surroundings import is_foreign, is_test
from curation.errors import BadValue, Reason
from curation.model import Candidate, Evidence, Model, PathStep, Place, Proposal
from curation.tasks import get_task

_PLACE = re.compile(r"(?P<file>.+):(?P<line>[1-9]\d{0,8})\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


class Why(Model):
    """A candidate's rank, its way to the call, and what speaks for (or against) its place in the list, in words."""

    rank: int
    name: str
    file: str | None
    line: int | None
    score: float
    chosen: bool
    why: list[str]
    steps: list[PathStep]


class Site(Place):
    """One thing proposed at the line. answer: of the task. reasons: why the candidates are all, or may not be (function_pointer). steps:
    the places of a callback or an async pattern."""

    task: str
    expression: str
    function: str | None
    text: str
    answer: dict[str, Any]
    step: str | None
    reasons: list[str]
    candidates: list[Why]
    steps: list[PathStep]


class Explanation(Place):
    sites: list[Site]


def place_of(text: str) -> tuple[str, int]:
    """FILE:LINE. Raises BadValue."""
    found = _PLACE.match(text)
    if found is None:
        raise BadValue(
            field="place", value=text, why=Reason("no_place", "is no place in a source"),
            todo=Reason("give_place", "Give a file and a line: {example}.", example="drivers/a.c:120"),
        )
    return found["file"], int(found["line"])


def explain(index: Index, file: str, line: int) -> Explanation:
    """What is proposed at a line: its calls through pointers; callbacks defined or registered there; async patterns with a place there.
    file: as the index names it, or an ending of one name alone. Raises BadValue when the index has no such file or line."""
    file = _file(index, file)
    if not 1 <= line <= len(index.lines(file)):
        why = Reason("no_line", "the file has {lines} lines", lines=len(index.lines(file)))
        raise BadValue(field="line", value=line, why=why, todo=Reason("give_line", "Give a line of the file."))
    return Explanation(file=file, line=line, sites=[_site(index, one) for one in _proposals(index, file, line)])


def _file(index: Index, name: str) -> str:
    files = index.files()
    if name in files:
        return name
    ending = [one for one in files if one.endswith(f"/{name}") or name.endswith(f"/{one}")]
    if len(ending) != 1:
        raise BadValue(
            field="file", value=name,
            why=Reason("file_not_read", "is not among the files read") if not ending
            else Reason("file_many", "is the end of {count} files: {first}, ...", count=len(ending), first=ending[0]),
            todo=Reason("give_file", "Give the path relative to the folder or source, such as {example}.", example=(ending or files)[0])
            if files else Reason("give_folder", "Give a folder that holds C files."),
        )
    return ending[0]


def _proposals(index: Index, file: str, line: int) -> Iterator[Proposal]:
    for name in ("function_pointer", "callback_timing", "async_pattern"):
        propose = get_task(name).propose
        assert propose is not None
        files = _files_of_callbacks(index, file, line) if name == "callback_timing" else [file]
        seen: set[str] = set()
        for one in propose(index, files):
            key = str(one.extra.get("group") or f"{one.line}:{one.column}:{one.expression}")
            if key not in seen and _is_at(one, file, line):
                seen.add(key)
                yield one


def _is_at(proposal: Proposal, file: str, line: int) -> bool:
    places = {(proposal.file, proposal.line)}
    if proposal.task != "function_pointer":
        places |= {(e.file, e.line) for e in proposal.evidence}
    return (file, line) in places


def _files_of_callbacks(index: Index, file: str, line: int) -> list[str]:
    """Where the functions named on the line are defined: a callback is proposed at its definition."""
    wanted = {file}
    for number in range(max(1, line - 3), min(len(index.lines(file)), line + 3) + 1):
        for word in _IDENTIFIER.findall(index.lines(file)[number - 1]):
            wanted.update(f.file for f in index.functions(word, file))
    return [one for one in index.files() if one in wanted]


def _site(index: Index, proposal: Proposal) -> Site:
    chosen = {t["name"] for t in proposal.answer.get("targets", [])}
    candidates = [
        Why(rank=rank, name=c.name, file=c.file, line=c.line, score=c.score, chosen=c.name in chosen,
            why=[str(one) for one in ranked_by(index, proposal, c)], steps=c.steps)
        for rank, c in enumerate(proposal.candidates, 1)
    ]
    return Site(
        file=proposal.file, line=proposal.line, column=proposal.column, task=proposal.task, expression=proposal.expression,
        function=proposal.function, text=index.line_text(proposal.file, proposal.line), answer=proposal.answer,
        step=proposal.extra.get("step"), reasons=[str(one) for one in completeness(proposal)], candidates=candidates,
        steps=[] if candidates else steps_of(proposal),
    )


def steps_of(proposal: Proposal) -> list[PathStep]:
    """The way that a proposal's record tells: of the first candidate, or the places of a callback or async pattern."""
    if proposal.candidates:
        return proposal.candidates[0].steps
    return [_of_evidence(e) for e in proposal.evidence]


def _of_evidence(evidence: Evidence) -> PathStep:
    return PathStep(file=evidence.file, line=evidence.line, column=evidence.column, kind=f"at_{evidence.kind}", text=evidence.text)


# ---- why here


def ranked_by(index: Index, proposal: Proposal, candidate: Candidate) -> list[Reason]:
    """Facts that the order goes by, the strongest first (csource/resolve.py weighs them)."""
    found: list[Reason] = []
    kinds = {step.kind for step in candidate.steps}
    if candidate.file is None:
        found.append(Reason("rank_external", "no definition in this code"))
    if "other_object" in kinds:
        found.append(Reason("rank_other_object", "only known to lie in another object"))
    if candidate.file == proposal.file:
        found.append(Reason("rank_same_file", "defined in the same file"))
    elif candidate.file is not None and candidate.file.rpartition("/")[0] == proposal.file.rpartition("/")[0]:
        found.append(Reason("rank_same_folder", "defined in the same folder"))
    first = next(iter(candidate.steps), None)
    if first is not None and first.kind not in ("call", "same_field", "same_signature", "same_arity") and first.file == proposal.file:
        found.append(Reason("rank_put_here", "put there in the same file"))
    moves = sum(step.kind in ("passed", "stored", "read", "returned", "copied", "written_back") for step in candidate.steps)
    if moves:
        found.append(Reason("rank_moves", "after {count} moves", count=moves))
    if candidate.file is not None and is_test(candidate.file) and not is_test(proposal.file):
        found.append(Reason("rank_test", "test or example code"))
    if candidate.file is not None and is_foreign(candidate.file, candidate.name) and not is_foreign(proposal.file, ""):
        found.append(Reason("rank_foreign", "code for another system"))
    if candidate.file not in (None, proposal.file) and index.is_program(str(candidate.file)):
        found.append(Reason("rank_program", "another program (its file has a main)"))
    if first is not None and first.kind != "call" and index.conditional(first.file, first.line):
        found.append(Reason("rank_conditional", "put there under an #if"))
    return found


def completeness(proposal: Proposal) -> list[Reason]:
    """Why the candidates are all there is, or why there may be more; [] for a task that does not say."""
    said_all = proposal.answer.get("completeness")
    if said_all is None:
        return []
    openings = [said(PathStep.model_validate(one)) for one in proposal.extra.get("openings", [])]
    if openings:
        return openings
    if said_all == "complete":
        return [Reason("all_seen", "every place in this code that puts a function there was seen")]
    if said_all == "external":
        return [Reason("open_external", "nothing in this code puts a function there")]
    if said_all == "none":
        return [Reason("open_none", "nothing says what is called here")]
    return [Reason("open_more", "code that is not here, or was not followed, may put others there")]


# ---- words


def said(step: PathStep) -> Reason:
    """What happens at a step, as a sentence without a full stop."""
    n = step.names
    value, source, target = n.get("value", ""), spot_said(step.source), spot_said(step.target)
    match step.kind:
        case "initializer" if "object" in n:
            return Reason("step_initializer", "the address of `{value}` is put into {target} by the initializer of `{object}`",
                          value=value, target=target, object=n["object"])
        case "initializer":
            return Reason("step_starts", "{target} starts with the address of `{value}`", value=value, target=target)
        case "passed" | "written_back":
            return _passed(step, value, source, target)
        case "stored":
            return (Reason("step_moved", "{source} is stored into {target}", source=source, target=target) if step.source
                    else Reason("step_stored", "the address of `{value}` is stored into {target}", value=value, target=target))
        case "returned":
            function = step.target[1] if len(step.target) > 1 else ""
            return (Reason("step_returns_from", "`{function}` returns {source}", function=function, source=source) if step.source
                    else Reason("step_returns", "`{function}` returns the address of `{value}`", function=function, value=value))
        case "read":
            return Reason("step_read", "{source} is read into {target}", source=source, target=target)
        case "named":
            return Reason("step_named", "the call itself names `{value}`", value=value)
        case "call":
            return Reason("step_call", "the call goes through `{expression}`", expression=n.get("expression", ""))
        case "more":
            return Reason("step_more", "{count} further steps are left out", count=n.get("count", ""))
        case "macro" if value:
            return Reason("step_macro_value", "macro `{macro}`, used in the next step, makes the name `{value}`",
                          macro=n.get("macro", ""), value=value)
        case "macro":
            return Reason("step_macro", "macro `{macro}` makes the call", macro=n.get("macro", ""))
    return _not_followed(step, value)


def _passed(step: PathStep, value: str, source: Reason, target: Reason) -> Reason:
    callee, position = step.names.get("callee", ""), step.names.get("position", "")
    if step.kind == "written_back":
        return Reason("step_written_back", "what is stored through {source} reaches {target}, whose address is passed here",
                      source=source, target=target)
    if step.target[:1] == ["variadic"]:
        what = source if step.source else Reason("step_value", "`{value}`", value=value)
        return Reason("step_passed_variadic", "{what} is passed among the variable arguments of `{callee}`", what=what, callee=callee)
    what = source if step.source else Reason("step_value", "`{value}`", value=value)
    return Reason("step_passed", "{what} is passed as argument {position} of `{callee}` (its parameter `{parameter}`)",
                  what=what, position=position, callee=callee, parameter=step.target[1] if len(step.target) > 1 else "")


def _not_followed(step: PathStep, value: str) -> Reason:
    """Steps of what flow does not know, and the openings by which others can come."""
    n = step.names
    member, struct = n.get("field", ""), n.get("struct", "")
    match step.kind:
        case "any_object":
            return Reason("step_any_object", "which object of `{struct}` is used here is not known: field `{member}` of any counts, "
                          "`{value}` among them", struct=struct, member=member, value=value)
        case "other_object":
            return Reason("step_other_object", "no way of `{value}` to this call is seen: it counts because field `{member}` is one for "
                          "all objects of `{struct}`", value=value, member=member, struct=struct)
        case "same_field":
            return Reason("step_same_field", "no flow was found: `{value}` is proposed because it is put into a field of the same name, "
                          "`{member}`", value=value, member=member)
        case "same_signature":
            return Reason("step_same_signature", "no flow was found: `{value}` is proposed because its parameters have the pointer's types "
                          "and its address is taken", value=value)
        case "same_arity":
            return Reason("step_same_arity", "no flow was found: `{value}` is proposed only because it takes as many arguments and its "
                          "address is taken", value=value)
    return _opening(step)


def _opening(step: PathStep) -> Reason:
    """Why there may be more."""
    n = step.names
    match step.kind:
        case "open_parameter":
            return Reason("open_parameter", "`{function}` is not static: code outside may call it with another function as `{parameter}`",
                          function=n.get("function", ""), parameter=n.get("parameter", ""))
        case "open_field":
            return Reason("open_field", "field `{member}` is reached where its struct is not known: others of that name may count too",
                          member=n.get("field", ""))
        case "open_callee":
            return Reason("open_callee", "what `{expression}` can hold was not found", expression=n.get("expression", ""))
        case "open_many":
            return Reason("open_many", "more places lead here than were followed")
        case "open_long":
            return Reason("open_long", "{count} candidates, of which an answer holds {most}",
                          count=n.get("count", ""), most=n.get("most", ""))
        case "open_no_flow":
            return Reason("open_no_flow", "no flow to this call was found: the candidates only look alike")
        case "open_outside":
            return Reason("open_outside", "`{value}` is not defined in this code (such candidates: {count})",
                          value=n.get("value", ""), count=n.get("count", ""))
        case "open_nothing":
            return Reason("open_nothing", "nothing in this code puts a function into `{expression}`", expression=n.get("expression", ""))
    return Reason("", "{code}", code=step.kind.removeprefix("at_"))


def spot_said(spot: list[str]) -> Reason:
    """A spot in words."""
    kind, name, of = (*spot, "", "", "")[:3]
    match kind:
        case "field" if of == UNNAMED:
            return Reason("spot_unnamed_field", "field `{member}` of an unnamed struct", member=name)
        case "field" if of:
            return Reason("spot_field", "field `{member}` of `{struct}`", member=name, struct=of)
        case "field":
            return Reason("spot_any_field", "field `{member}` of a struct that is not known", member=name)
        case "variable":
            return Reason("spot_variable", "variable `{name}`", name=name)
        case "local":
            return Reason("spot_local", "local `{name}` of `{function}`", name=name, function=of)
        case "parameter":
            return Reason("spot_parameter", "parameter `{name}` of `{function}`", name=name, function=of)
        case "result":
            return Reason("spot_result", "the result of `{function}`", function=name)
        case "variadic":
            return Reason("spot_variadic", "the variable arguments of `{function}`", function=name)
        case "called":
            return Reason("spot_called", "what a function called through a pointer returned")
    return Reason("spot_place", "a place without a name")


# ---- as text


def written(explanation: Explanation, most: int = 10) -> Iterator[str]:
    """The lines of an explanation as people read it in a terminal. most: candidates told with their steps."""
    yield f"{explanation.file}:{explanation.line}"
    if not explanation.sites:
        yield "  nothing is proposed on this line: no call through a pointer, no callback, no asynchronous mechanism"
    for site in explanation.sites:
        yield from ["", *_site_written(site, most)]


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain JSON; each step with its sentence as `says`."""
    found = explanation.model_dump(mode="json")
    for site, plain in zip(explanation.sites, found["sites"], strict=True):
        told = [(site.steps, plain["steps"]), *((c.steps, p["steps"]) for c, p in zip(site.candidates, plain["candidates"], strict=True))]
        for steps, records in told:
            for step, record in zip(steps, records, strict=True):
                record["says"] = str(said(step))
    return found


def _site_written(site: Site, most: int) -> Iterator[str]:
    inside = f" in {site.function}" if site.function and site.function != site.expression else ""
    yield f"{site.task}: {site.expression}{inside}  ({site.file}:{site.line})"
    yield f"    {site.text}"
    yield from (f"  {line}" for line in _answer_written(site.answer))
    yield from (f"    because {reason}" for reason in site.reasons)
    for one in site.candidates[:most]:
        where = f"{one.file}:{one.line}" if one.file else "not defined in this code"
        yield f"  {one.rank}. {one.name}  ({where})  {one.score:.2f}{'' if one.chosen else '  not in the answer'}"
        if one.why:
            yield f"     {', '.join(one.why)}"
        yield from _steps_written(one.steps)
    if len(site.candidates) > most:
        yield f"  and {len(site.candidates) - most} more: {', '.join(c.name for c in site.candidates[most:])}"
    yield from _steps_written(site.steps)


def _answer_written(answer: dict[str, Any]) -> Iterator[str]:
    for name, value in answer.items():
        if isinstance(value, list):
            value = " > ".join(value) if value and all(isinstance(one, str) for one in value) else None
        if value is not None:
            yield f"{name}: {value}"


def _steps_written(steps: Iterable[PathStep]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield f"       {number:>2}. {step.file}:{step.line}: {step.text}"
        yield f"           {said(step)}"
