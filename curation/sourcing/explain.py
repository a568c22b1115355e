"""Why is this function proposed here? The steps of a path in words, and all that is proposed at one line of the source.

>>> explanation = explain(index, "a.c", 21)
>>> [(c.name, [s.line for s in c.steps]) for c in explanation.sites[0].candidates]
[('my_open', [8, 25, 13, 18, 21])]
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from curation.csource import Program
from curation.csource.sources.path_hints import is_foreign, is_test
from curation.errors import BadValue, Reason
from curation.model import Anchor, Candidate, Evidence, Model, PathStep, Place, Proposal
from curation.sourcing.sentences import said
from curation.tasks import get_task, site_tasks

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


def explain(index: Program, file: str, line: int) -> Explanation:
    """What is proposed at a line: its calls through pointers; callbacks defined or registered there; async patterns with a place there.
    file: as the index names it, or an ending of one name alone. Raises BadValue when the index has no such file or line."""
    file = _file(index, file)
    if not 1 <= line <= len(index.lines(file)):
        why = Reason("no_line", "the file has {lines} lines", lines=len(index.lines(file)))
        raise BadValue(field="line", value=line, why=why, todo=Reason("give_line", "Give a line of the file."))
    return Explanation(file=file, line=line, sites=[_site(index, one) for one in _proposals(index, file, line)])


def _file(index: Program, name: str) -> str:
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


def _proposals(index: Program, file: str, line: int) -> Iterator[Proposal]:
    for task in sorted(site_tasks(), key=lambda task: get_args(Anchor).index(task.anchor)):  # calls first
        assert task.propose is not None
        files = _files_of_callbacks(index, file, line) if task.anchor == "definition" else [file]
        seen: set[str] = set()
        for one in task.propose(index, files):
            key = str(one.extra.get("group") or f"{one.line}:{one.column}:{one.expression}")
            if key not in seen and _is_at(one, file, line):
                seen.add(key)
                yield one


def _is_at(proposal: Proposal, file: str, line: int) -> bool:
    places = {(proposal.file, proposal.line)}
    if get_task(proposal.task).anchor != "call":
        places |= {(e.file, e.line) for e in proposal.evidence}
    return (file, line) in places


def _files_of_callbacks(index: Program, file: str, line: int) -> list[str]:
    """Where the functions named on the line are defined: a callback is proposed at its definition."""
    wanted = {file}
    for number in range(max(1, line - 3), min(len(index.lines(file)), line + 3) + 1):
        for word in _IDENTIFIER.findall(index.lines(file)[number - 1]):
            wanted.update(f.file for f in index.functions(word, file))
    return [one for one in index.files() if one in wanted]


def _site(index: Program, proposal: Proposal) -> Site:
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


def ranked_by(index: Program, proposal: Proposal, candidate: Candidate) -> list[Reason]:
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
