"""What does the machine propose for the sites of some C sources? From texts in memory, a folder, or an imported source.

>>> for proposal in propose_folder(Path("src"), ["function_pointer"]):
...     print(proposal.file, proposal.line, [c.name for c in proposal.candidates])
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation import jobs
from curation.csource import FactsProblem, Program, build_index, make_slice
from curation.csource.sources.inclusions import Unanswered
from curation.errors import BadValue, NotFound, Reason
from curation.knowledge import using
from curation.model import Actor, Item, Proposal, stable_id
from curation.people.access import require
from curation.settings import Settings
from curation.sourcing import catalog, indexing
from curation.sourcing.explain import steps_of
from curation.sourcing.follow import Followed, follow
from curation.store import Store, items, moves
from curation.tasks import Task, get_task, site_tasks

JOB = "propose"  # the kind of its jobs
PROPOSER = "csource-1"  # written into each item's meta: which generation of proposals it is
EXCERPT_TOKENS = 1200


@dataclass
class ProposeReport:
    """sites: how many proposals of each task. added, known: items new in the store, and items that it had already. withdrawn: items that
    are no sites any more and nobody labeled. followed: labeled items whose code moved. stale: labeled items that do not fit the code any
    more (sourcing/follow.py). problems: files or parts of files that gave no facts. unanswered: #includes that no file answers."""

    sites: dict[str, int] = field(default_factory=dict)
    added: int = 0
    known: int = 0
    withdrawn: int = 0
    followed: int = 0
    stale: int = 0
    problems: list[FactsProblem] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)


def chosen_tasks(names: Iterable[str] | None) -> list[Task]:
    """The site tasks of these names; None or "all": every one. Raises NotFound, and BadValue for a task that has no sites."""
    wanted = list(names) if names is not None else ["all"]
    if "all" in wanted:
        return site_tasks()
    tasks = [get_task(name) for name in wanted]
    for task in tasks:
        if task.propose is None:
            raise BadValue(
                field="task",
                value=task.name,
                why=Reason("no_sites_task", "has no sites to propose"),
                todo=Reason("give_one_of", "Give one of {known}.", known=", ".join(t.name for t in site_tasks())),
            )
    return tasks


def propose_index(index: Program, tasks: Iterable[str] | None = None, files: list[str] | None = None) -> Iterator[Proposal]:
    """Every proposal, task by task. files: only sites in these."""
    for task in chosen_tasks(tasks):
        assert task.propose is not None
        yield from task.propose(index, files)


def within(index: Program, given: Iterable[str]) -> list[str]:
    """The files of the index that are given by name, or lie in a folder that is. Raises NotFound for a name that means none."""
    known = index.files()
    chosen: dict[str, None] = {}
    for name in given:
        plain = name.rstrip("/")
        found = [file for file in known if file == plain or file.startswith(plain + "/")]
        if not found:
            raise NotFound(kind="source file", name=name)
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def propose_texts(texts: Iterable[Any], tasks: Iterable[str] | None = None, *, cache_dir: Path | None = None) -> Iterator[Proposal]:
    """Proposals for (path, text) pairs, or objects with `path` and `text`, read as one corpus."""
    yield from propose_index(build_index(texts, cache_dir), tasks)


def propose_folder(path: Path, tasks: Iterable[str] | None = None, *, cache_dir: Path | None = None) -> Iterator[Proposal]:
    """Proposals for a folder's C files; `file` is relative to the folder. Raises NotFound."""
    yield from propose_index(indexing.index_folder(path, cache_dir=cache_dir).program, tasks)


def record_of(proposal: Proposal) -> dict[str, Any]:
    """A proposal as the command line writes it: plain JSON with the task's own keys, and the steps of its first way as `steps`."""
    record = get_task(proposal.task).record
    assert record is not None
    return {**record(proposal), "steps": [step.model_dump(mode="json") for step in steps_of(proposal)]}


def propose_source(
    store: Store, settings: Settings, actor: Actor, source: str, tasks: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ProposeReport:
    """Proposes the sites of an imported source and adds them as items to label, in the order of files and lines. Again: adds what is not
    there yet, proposes anew what nobody has labeled, and withdraws what is no site any more and nobody has labeled. progress is called
    with (done, all) files read. Raises NotFound, NotAllowed."""
    require(actor, "lead", action="propose sites")
    wanted = chosen_tasks(tasks)
    index = indexing.index_source(store, settings, source, progress).program
    report = ProposeReport(problems=index.problems(), unanswered=index.unanswered())
    made: list[Item] = []
    with using(catalog.knowledge(store)):  # the shipped rows and those of this workspace
        for task in wanted:
            assert task.propose is not None
            # of the several places of one async pattern, the first alone is an item (tasks/async_pattern.py)
            proposals = [p for p in task.propose(index, None) if p.extra.get("group_first", True)]
            report.sites[task.name] = len(proposals)
            made.extend(item_of(index, source, proposal) for proposal in proposals)
    made.sort(key=lambda i: (i.file or "", i.line or 0, i.task))
    unread = {problem.file for problem in report.problems}  # their sites may only be missing this time
    followed = _follow(store, source, [task.name for task in wanted], made, unread)
    report.followed, report.stale = len(followed.moved), sum(state is not None for state in followed.stale.values())
    taken = {item.id for item in followed.moved.values()}
    report.added, report.known = items.add(store, [item for item in made if item.id not in taken], renew=True)
    moves.relocate(store, followed.moved)
    moves.mark_stale(store, followed.stale)
    report.withdrawn = items.withdraw(
        store, source=source, tasks=[task.name for task in wanted], keep={item.id for item in made}, keep_files=unread)
    return report


def _follow(store: Store, source: str, tasks: list[str], made: list[Item], unread: set[str]) -> Followed:
    stored = list(items.find(store, tasks=tasks, source=source))
    given = items.annotations(store, [item.id for item in stored])
    return follow(stored, made, {item_id for item_id, said in given.items() if said}, unread)


def start(settings: Settings, actor: Actor, source: str) -> str:
    """Proposes the sites of a source as a job of its own (see curation/jobs.py) and returns the job's id. Raises NotAllowed, JobRuns."""
    require(actor, "lead", action="propose sites")
    return jobs.start(settings, JOB, ["propose", "--source", source, "--user", actor.name])


def stop(settings: Settings, actor: Actor, job: str) -> None:
    """Ends the job; nothing of it is kept. Raises NotAllowed, NotFound."""
    require(actor, "lead", action="propose sites")
    jobs.stop(settings, job)


def item_of(index: Program, source: str, proposal: Proposal) -> Item:
    """A proposal as an item to label. Its id is made of the source, the task, the place and the expression: the same site again is the
    same item. meta["needed"]: which lines of the excerpt are needed most (csource/excerpt.py), so that it can be narrowed later."""
    excerpt = make_slice(index, proposal, get_task(proposal.task).anchor, EXCERPT_TOKENS)
    return Item(
        id=stable_id(proposal.task, source, proposal.file, proposal.line, proposal.column, proposal.expression),
        task=proposal.task,
        origin="site",
        source=source,
        file=proposal.file,
        line=proposal.line,
        payload=proposal.model_dump(mode="json"),
        excerpt=excerpt.text,
        group=f"{source}/{proposal.file}",
        meta={"proposer": PROPOSER, "needed": excerpt.needed},
    )
