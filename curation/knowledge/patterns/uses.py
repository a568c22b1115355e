"""Which places belong to one use of an asynchronous mechanism?

A pattern is one object (a work item, a timer, a descriptor) or, where the API names none, one handler, with the places that bind a
handler to it, trigger it, execute and wait. Places are tied by the objects they are about (objects.py): `&dev->work` at INIT_WORK, the
`work` that a function hands to schedule_work() and the handler's own parameter are one. An object that gets different handlers at
different places is one pattern for each.

>>> [(p.mechanism, p.handlers, [(s.phase, s.line) for s in p.sites]) for p in patterns(corpus, ["a.c"])]
[('workqueue', ['my_work'], [('bind', 4), ('trigger', 9), ('execute', 1)])]

Not covered: which of several objects a place is about at run time (it then belongs to each, up to twelve); objects found by a lookup.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from posixpath import dirname

from curation.csource.facts.model import Function
from curation.knowledge.matching import Corpus
from curation.knowledge.mechanisms import ONLY_WITH_OTHERS
from curation.knowledge.patterns.descriptors import Descriptors
from curation.knowledge.patterns.grouping import ObjectGroup, PhaseSite, by_files, groups
from curation.knowledge.patterns.objects import ObjectPath
from curation.knowledge.patterns.occurrence import Occurrence
from curation.knowledge.patterns.occurrences import occurrences_of
from curation.model import Phase

_ORDER: dict[Phase, int] = {"bind": 0, "trigger": 1, "execute": 2, "wait": 3}
_SMALL = 3000  # files of a corpus that is read as one; of a bigger one the files of the same folder
_GETS_OBJECT = {  # mechanisms whose handler gets the object as its first parameter, and of which type
    "urb": "urb",
    "workqueue": "work_struct",
    "delayed_work": "work_struct",
    "timer": "timer_list",
    "hrtimer": "hrtimer",
    "tasklet": "tasklet_struct",
    "irq_work": "irq_work",
    "napi": "napi_struct",
    "rcu_callback": "rcu_head",
    "bio_endio": "bio",
    "kthread_worker": "kthread_work",
    "task_work": "callback_head",
}
_OUTER = re.compile(r"\bcontainer_of\s*\(\s*(\w+)\s*,\s*(struct \w+)\s*,\s*([\w.]+)\s*\)")
_KIN = {  # a place of the first that names no object may be about one of the others
    "workqueue": ("delayed_work",),
    "irq": ("threaded_irq",),
    "libevent_event": ("libevent_bufferevent", "libevent_listener", "libevent_http"),
}


@dataclass
class MechanismUse:
    """file: where it is bound, else where it is first met. key: the object's name, or the handler's where the API names no object.
    handlers: those of the mechanism, the main one first."""

    mechanism: str
    file: str
    key: str
    sites: list[PhaseSite] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)


def patterns(corpus: Corpus, files: list[str] | None) -> Iterator[MechanismUse]:
    """The patterns with a place in these files (None: all), by file and first place."""
    order = {file: n for n, file in enumerate(corpus.index.files())}
    wanted = set(order if files is None else files)
    found = [p for p in _PatternFinder(corpus).of(_related(corpus, files)) if any(s.file in wanted for s in p.sites)]

    def place(pattern: MechanismUse) -> tuple[int, int, int, str]:
        first = min((s for s in pattern.sites if s.file == pattern.file), key=lambda s: (s.line, s.column))
        return order.get(pattern.file, 0), first.line, first.column, pattern.mechanism

    yield from sorted(found, key=place)


def _related(corpus: Corpus, files: list[str] | None) -> list[str]:
    """The files whose places may belong to a pattern of these."""
    known = corpus.index.files()
    if files is None or len(known) <= _SMALL:
        return known
    folders = {dirname(file) for file in files}
    return [file for file in known if dirname(file) in folders]


class _PatternFinder:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.index = corpus.index
        self.finder = occurrences_of(corpus)

    def of(self, files: list[str]) -> list[MechanismUse]:
        descriptors = Descriptors(self.finder)
        occurrences = [s for file in files for s in self.finder.of_file(file)]
        occurrences += descriptors.occurrences(files, occurrences)
        made = groups(self.finder, files, occurrences)
        self._waits(made, files, occurrences)
        self._loose(made, occurrences)
        descriptors.finish(made)
        for group in made:
            self._own_handler(group)
        return [p for group in made if group.real and (p := self._pattern(group)) is not None]

    # -- places that name no object ----------------------------------------------------------------------------------------------

    def _waits(self, made: list[ObjectGroup], files: list[str], occurrences: list[Occurrence]) -> None:
        """A place that waits for a group (an anchor, a work queue) belongs to all that were put into it, else to all of the file."""
        waiting = [s for s in occurrences if s.group]
        inside: dict[ObjectPath, set[ObjectPath]] = defaultdict(set)  # a group's name -> the names of what was put into it
        for member in [m for file in files for m in self.finder.members(file)] if waiting else []:
            for path in {p for names in member.group for p in names}:
                inside[path] |= {p for names in member.objects for p in names}
        named = {m: _by_name(g for g in made if g.mechanism == m) for s in waiting for m in (s.mechanism, *_KIN.get(s.mechanism, ()))}
        beside, alone = by_files(made), dict[tuple[str, str, ObjectPath], ObjectGroup]()
        for occurrence in waiting:
            members = {m for names in occurrence.group for path in names for m in inside.get(path, ())}
            kin = (occurrence.mechanism, *_KIN.get(occurrence.mechanism, ()))
            found = list({id(g): g for m in kin for path in members for g in named[m].get(path, [])}.values())
            if not found and "wait" in occurrence.phases:
                found = _near(beside[occurrence.file], occurrence)
            for group in found:
                group.occurrences.append(occurrence)
            if not found:
                names = {path for names in occurrence.group for path in names}
                own = alone.setdefault((occurrence.mechanism, occurrence.file, min(names)), ObjectGroup(occurrence.mechanism, names, []))
                own.occurrences.append(occurrence)
        made += alone.values()

    def _loose(self, made: list[ObjectGroup], occurrences: list[Occurrence]) -> None:
        alone: dict[tuple[str, str, str | None], ObjectGroup] = {}
        beside = by_files(made)
        for occurrence in occurrences:
            if occurrence.loop is not None:
                for group in beside[occurrence.file]:
                    if group.mechanism in occurrence.loop:
                        group.occurrences.append(occurrence)
            elif not (occurrence.objects or occurrence.handlers or occurrence.group):
                near = _near(beside[occurrence.file], occurrence)
                near = [g for g in near if g.handlers or g.bound] or near
                for group in near:
                    group.occurrences.append(occurrence)
                if not near and occurrence.api not in ONLY_WITH_OTHERS:
                    where = (occurrence.mechanism, occurrence.file, occurrence.function)
                    alone.setdefault(where, ObjectGroup(occurrence.mechanism, set(), [])).occurrences.append(occurrence)
        made += alone.values()

    def _own_handler(self, group: ObjectGroup) -> None:
        """A function that gets the object as its first parameter and is only ever put somewhere to be called, is the object's handler."""
        if group.handlers or group.mechanism not in _GETS_OBJECT:
            return
        for occurrence in group.occurrences:
            function = self.index.function_in(occurrence.file, occurrence.function) if occurrence.function else None
            if function is None or not function.params or self.index.calls_to(function.name):
                continue
            name, kind = function.params[0]
            given = {ObjectPath(f"{occurrence.file}::{function.name}::{name}"), ObjectPath(f"{occurrence.file}::{function.name}::")}
            if group.names <= given and _GETS_OBJECT[group.mechanism] in kind and self.index.uses(function.name):
                group.called.append(function.name)
                return
        group.called += self._by_outer(group)

    def _by_outer(self, group: ObjectGroup) -> list[str]:
        """The one function that gets such an object and takes it for the member that the group's object is:
        `container_of(work, struct dev, work)`."""
        wanted = {(path.root.split("@")[0], path.steps) for path in group.names if path.steps}
        found = []
        for file in sorted(group.files()) if wanted else []:
            text = self.index.text(file)
            for said in _OUTER.finditer(text):
                member = tuple(said[3].split("."))
                if (said[2], member) in wanted or (said[2], member[:-1]) in wanted:
                    function = self.index.enclosing(file, text.count("\n", 0, said.start()) + 1)
                    if function is not None and function.params[:1] and self._takes(function, said[1], group.mechanism):
                        found.append(function.name)
        found = list(dict.fromkeys(found))
        return found if len(found) == 1 else []

    def _takes(self, function: Function, name: str, mechanism: str) -> bool:
        given, kind = function.params[0]
        return given == name and f"struct {_GETS_OBJECT[mechanism]} *" in kind and not self.index.calls_to(function.name)

    # -- from groups to patterns -----------------------------------------------------------------------------------------------------

    def _pattern(self, group: ObjectGroup) -> MechanismUse | None:
        sites = [site for occurrence in group.occurrences for site in _sites(occurrence, group)]
        sites += group.sites
        handlers = list(dict.fromkeys([*group.handlers, *group.called]))
        if not sites:
            return None
        files = [s.file for s in sites if s.phase == "bind"] or [s.file for s in sites]
        pattern = MechanismUse(group.mechanism, files[0], group.key, sites, handlers)
        for handler in handlers:
            if definition := self._definition(handler, pattern):
                sites.append(PhaseSite("execute", definition.file, definition.line, definition.column, handler, handler, handler))
        home = pattern.file
        pattern.sites = sorted(dict.fromkeys(sites), key=lambda s: (s.file != home, _ORDER[s.phase], s.file, s.line, s.column))
        return pattern

    def _definition(self, handler: str, pattern: MechanismUse) -> Function | None:
        files = [pattern.file, *(s.file for s in pattern.sites)]
        return next((f for file in dict.fromkeys(files) for f in self.index.functions(handler, file)), None)


def _near(beside: list[ObjectGroup], occurrence: Occurrence) -> list[ObjectGroup]:
    """The patterns of the mechanism (or, without any, of its kin) with a place in the same file."""
    here = [g for g in beside if g.mechanism == occurrence.mechanism and g.real]
    return here or [g for g in beside if g.mechanism in _KIN.get(occurrence.mechanism, ())]


def _by_name(made: Iterable[ObjectGroup]) -> dict[ObjectPath, list[ObjectGroup]]:
    found: dict[ObjectPath, list[ObjectGroup]] = defaultdict(list)
    for group in made:
        for path in group.names:
            found[path].append(group)
    return found


def _sites(occurrence: Occurrence, group: ObjectGroup) -> Iterable[PhaseSite]:
    handler = occurrence.handlers[0] if occurrence.handlers else None
    for line, column, file, function in occurrence.also:
        api = occurrence.row.handler_field or occurrence.api if occurrence.row else occurrence.api
        yield PhaseSite("bind", file, line, column, function, api, handler)
    for phase in occurrence.phases:
        yield PhaseSite(phase, occurrence.file, occurrence.line, occurrence.column, occurrence.function, occurrence.api, handler)
