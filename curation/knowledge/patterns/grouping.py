"""Which places are about the same object of one mechanism?

First by equal names; then a place without a handler goes to the objects that its name may mean from inside (`q->work` to `dev->tx.work`),
to the objects of the handler whose parameter it is, to the one object of the file that a local can only be. An object that gets several
handlers becomes one group for each; groups that say no more than another are dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from posixpath import dirname

from curation.knowledge.mechanisms import ONLY_WITH_OTHERS
from curation.knowledge.patterns.objects import UNKNOWN, Names, ObjectPath
from curation.knowledge.patterns.occurrence import Occurrence
from curation.knowledge.patterns.occurrences import OccurrenceFinder
from curation.model import Phase

_MOST = 12
_FEW = 6  # handlers of one object that all its places are given to
_NUMBERED = ("irq", "dma_callback")  # known by a number or channel that is kept under many names
_WAKING = ("completion", "waitqueue", "pthread_cond", "libuv_cond")  # mechanisms without a handler
_SAME_CALLS = {"irq": "threaded_irq"}  # released and awaited by the same calls


@dataclass(frozen=True)
class PhaseSite:
    """One place. api: the function, macro or field there; the handler's name for execute. handler: the one bound or executed there."""

    phase: Phase
    file: str
    line: int
    column: int
    function: str | None
    api: str
    handler: str | None = field(default=None, compare=False)


@dataclass
class ObjectGroup:
    """The places of one object. names: of the object. sites: further places (where a loop dispatches). called: handlers found there."""

    mechanism: str
    names: set[ObjectPath]
    occurrences: list[Occurrence]
    sites: list[PhaseSite] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    @property
    def handlers(self) -> list[str]:
        return list(dict.fromkeys(h for occurrence in self.occurrences for h in occurrence.handlers))

    @property
    def bound(self) -> bool:
        return any("bind" in occurrence.phases and not occurrence.weak for occurrence in self.occurrences)

    @property
    def real(self) -> bool:
        """Whether the mechanism is really used here: not only by calls that say little alone."""
        return any(occurrence.api not in ONLY_WITH_OTHERS and not occurrence.weak for occurrence in self.occurrences)

    @property
    def key(self) -> str:
        path = min(self.names, default=None, key=lambda p: (p.root.startswith(("^", UNKNOWN)), len(p.root), p))
        if path is not None:
            return ".".join((path.root, *path.steps)) + ("/" + self.handlers[0] if self.handlers else "")
        return "=" + (self.handlers[0] if self.handlers else f"{self.occurrences[0].function}")

    def files(self) -> set[str]:
        return {occurrence.file for occurrence in self.occurrences}


def groups(finder: OccurrenceFinder, files: list[str], occurrences: Iterable[Occurrence]) -> list[ObjectGroup]:
    """The groups of all mechanisms. Occurrences that name neither object nor handler are left out."""
    by_mechanism: dict[str, list[Occurrence]] = defaultdict(list)
    for occurrence in occurrences:
        if occurrence.loop is None and (occurrence.objects or occurrence.handlers):
            by_mechanism[occurrence.mechanism].append(occurrence)
    found = {mechanism: _Grouping(finder, mechanism, list_).groups() for mechanism, list_ in by_mechanism.items()}
    for mechanism, kin in _SAME_CALLS.items():
        _to_kin(found.get(mechanism, []), found.get(kin, []))
    return [g for list_ in found.values() for g in _distinct(list_) if g.occurrences]


def _to_kin(own: list[ObjectGroup], kin: list[ObjectGroup]) -> None:
    """free_irq() waits for the handler and the thread of an interrupt; where there is only a thread, for that."""
    by_file, handled_in = by_files(kin), {f for g in own if g.handlers for f in g.files()}
    for group in own:
        beside = list({id(k): k for f in group.files() for k in by_file[f]}.values())
        if group.handlers:
            bound = {(s.file, s.line, s.column) for s in group.occurrences if s.handlers}
            for one in beside:
                if any((s.file, s.line, s.column) in bound for s in one.occurrences if s.handlers):
                    one.occurrences += [s for s in group.occurrences if not s.handlers and "wait" in s.phases]
            continue
        near = [k for k in beside if k.handlers]
        same = [k for k in beside if k.names & group.names] or (near if len(near) == 1 else [])
        handled = bool(group.files() & handled_in)
        if same and (not handled or any(k.names & group.names for k in same)):
            for one in same:
                one.occurrences += group.occurrences
            group.occurrences = []


class _Grouping:
    def __init__(self, finder: OccurrenceFinder, mechanism: str, occurrences: list[Occurrence]) -> None:
        self.objects = finder.objects
        self.mechanism = mechanism
        self.occurrences = occurrences
        self.parent: dict[ObjectPath, ObjectPath] = {}

    def groups(self) -> list[ObjectGroup]:
        made, left = self._by_name()
        made = [part for group in made for part in _open_bindings(group)]
        made = self._attach(made)
        self._parameters(made, left)
        made = self._join_only(made)
        made = _in_handler(made) if self.mechanism == "fasync" else made
        made = [part for group in made for part in self._by_file(group)]
        return _one_for_a_handler([part for group in made for part in _by_handler(group)])

    # -- equal names -------------------------------------------------------------------------------------------------------------

    def _find(self, path: ObjectPath) -> ObjectPath:
        while self.parent.setdefault(path, path) != path:
            path = self.parent[path]
        return path

    def _by_name(self) -> tuple[list[ObjectGroup], list[tuple[Occurrence, ObjectPath]]]:
        left: list[tuple[Occurrence, ObjectPath]] = []
        for occurrence in self.occurrences:
            for names in occurrence.objects:
                plain = [p for p in names if not p.root.startswith("^")]
                for path in plain[1:]:
                    self.parent[self._find(path)] = self._find(plain[0])
        made: dict[ObjectPath | tuple[str, str], ObjectGroup] = {}
        for occurrence in self.occurrences:
            for names in occurrence.objects:
                self._place(occurrence, names, made, left)
            if not occurrence.objects:
                own = made.setdefault((occurrence.file, occurrence.handlers[0]), ObjectGroup(self.mechanism, set(), []))
                own.occurrences.append(occurrence)
        return list(made.values()), left

    def _place(
        self, occurrence: Occurrence, names: Names, made: dict[ObjectPath | tuple[str, str], ObjectGroup],
        left: list[tuple[Occurrence, ObjectPath]],
    ) -> None:
        for path in names:
            if path.root.startswith("^"):
                left.append((occurrence, path))
        plain = [p for p in names if not p.root.startswith("^")]
        if plain:
            group = made.setdefault(self._find(plain[0]), ObjectGroup(self.mechanism, set(), []))
            group.names.update(plain)
            if occurrence not in group.occurrences:
                group.occurrences.append(occurrence)

    def _may_be(self, path: ObjectPath, group: ObjectGroup) -> bool:
        """Whether one of the two is not known down to its struct and the rest fits."""
        for other in group.names:
            short, long = sorted((path, other), key=lambda p: len(p.steps))
            if short.steps and long.steps[-len(short.steps) :] == short.steps:
                if self._rootless(path) or self._rootless(other) or (len(long.steps) > len(short.steps) and not self.objects.forms(long)):
                    return True
        return False

    def _rootless(self, path: ObjectPath) -> bool:
        """Whether neither a struct nor a variable's type is known for the root."""
        return path.root == UNKNOWN or (path.root.startswith("@") and not self.objects.typed(path.root))

    # -- names from inside ---------------------------------------------------------------------------------------------------------

    def _attach(self, made: list[ObjectGroup]) -> list[ObjectGroup]:
        """Gives the places of groups without a handler to the groups that their name can mean."""
        handled = self.mechanism not in _WAKING and any(g.handlers for g in made)
        strong = [g for g in made if (g.handlers if handled else g.bound)]
        exact: dict[ObjectPath, list[ObjectGroup]] = defaultdict(list)
        inside: dict[ObjectPath, list[ObjectGroup]] = defaultdict(list)
        tails: dict[tuple[str, str], list[ObjectGroup]] = defaultdict(list)
        for group in strong:
            folders = {dirname(f) for f in group.files()}
            for path in group.names:
                exact[_bare(path)].append(group)
                for form in self.objects.forms(path):
                    inside[_bare(form)].append(group)
                for folder in folders if path.steps else ():
                    tails[path.steps[-1], folder].append(group)
        kept = []
        known = {id(g) for g in strong}
        for group in made:
            same = self._meant(group, exact, inside, tails) if id(group) not in known else []
            if 0 < len(same) <= _MOST:
                for one in same:
                    one.occurrences += [s for s in group.occurrences if s not in one.occurrences]
                    one.names |= group.names if len(same) == 1 else set()
            else:
                kept.append(group)
        return self._unbound(kept, strong)

    def _meant(
        self, group: ObjectGroup, exact: dict[ObjectPath, list[ObjectGroup]], inside: dict[ObjectPath, list[ObjectGroup]],
        tails: dict[tuple[str, str], list[ObjectGroup]],
    ) -> list[ObjectGroup]:
        found: list[ObjectGroup] = []
        for path in sorted(group.names):
            found += [g for g in exact.get(_bare(path), []) if _same_element(path, g)] + inside.get(_bare(path), [])
            for form in self.objects.forms(path):
                found += exact.get(_bare(form), [])
        if not found:
            folders = {dirname(f) for f in group.files()}
            for path in group.names:
                near = [g for folder in folders for g in tails.get((path.steps[-1] if path.steps else "", folder), [])]
                found += [g for g in near if self._may_be(path, g)]
            found = found if len({id(g) for g in found}) <= 2 else []
        return list({id(g): g for g in found}.values())

    def _unbound(self, made: list[ObjectGroup], strong: list[ObjectGroup]) -> list[ObjectGroup]:
        """Groups that nobody binds here are one where the names of one are those of the other from inside."""
        known = {id(g) for g in strong}
        weak = [g for g in made if id(g) not in known]
        by_form = {_bare(form): g for g in weak for path in g.names for form in self.objects.forms(path)}
        for group in weak:
            other = next((by_form[_bare(p)] for p in group.names if _bare(p) in by_form), None)
            if other is not None and other is not group and other.occurrences:
                other.occurrences += [s for s in group.occurrences if s not in other.occurrences]
                group.occurrences = []
        return [g for g in made if g.occurrences]

    def _parameters(self, made: list[ObjectGroup], left: list[tuple[Occurrence, ObjectPath]]) -> None:
        """A handler's parameter is the object that the handler is bound to."""
        by_handler: dict[str, list[ObjectGroup]] = defaultdict(list)
        for group in made if left else []:
            for handler in group.handlers:
                by_handler[handler].append(group)
        placed = {occurrence for occurrence, _ in left if any(not p.root.startswith("^") for names in occurrence.objects for p in names)}
        for occurrence, path in left:
            file, _, handler = path.root[1:].rpartition("::")
            same = [g for g in by_handler[handler] if any(handler in s.handlers and self._means(s, handler, file) for s in g.occurrences)]
            for group in same:
                if occurrence not in group.occurrences:
                    group.occurrences.append(occurrence)
            if not same and occurrence not in placed:
                placed.add(occurrence)
                made.append(ObjectGroup(self.mechanism, {ObjectPath(f"{file}::{handler}::")}, [occurrence]))

    def _means(self, occurrence: Occurrence, handler: str, file: str) -> bool:
        return occurrence.file == file or any(f.file == file for f in self.objects.index.functions(handler, occurrence.file))

    def _join_only(self, made: list[ObjectGroup]) -> list[ObjectGroup]:
        """Places whose object is a local that nothing is known of belong to the only object of their file."""
        kept = []
        by_file = by_files(g for g in made if g.handlers or g.bound)
        for group in made:
            unknown = all(_local(p) or self.mechanism in _NUMBERED for p in group.names) and all(s.known for s in group.occurrences)
            if group.handlers or group.bound or not unknown:
                kept.append(group)
                continue
            for file in sorted(group.files()):
                own = [s for s in group.occurrences if s.file == file]
                same = [g for g in by_file[file] if g is not group]
                local = [g for g in same if self.mechanism in _WAKING and all(_local(p) for p in g.names)]
                if self.mechanism == "dma_callback" and same:  # a channel that is not seen to be the descriptor's
                    local = same
                chosen = same if len({tuple(g.handlers) for g in same}) == 1 and (same[0].handlers or len(same) == 1) else local[:_FEW]
                for one in chosen:
                    one.occurrences += [s for s in own if s not in one.occurrences]
                if not chosen:
                    kept.append(ObjectGroup(self.mechanism, set(group.names), own))
        return kept

    def _by_file(self, group: ObjectGroup) -> list[ObjectGroup]:
        """One for each file that binds the object, where several do: drivers that share a header bind the same member each to its own.
        Two files with a `main` are two programs, which share nothing."""
        binding = sorted({s.file for s in group.occurrences if s.handlers} or {s.file for s in group.occurrences if "bind" in s.phases})
        index = self.objects.index
        programs = {file for file in group.files() if index.is_program(file)}
        if len(binding) < 2:
            other = [s for s in group.occurrences if {s.file, *binding} <= programs and s.file not in binding]
            if all(p.root.startswith("#") for p in group.names):  # a number means the same only nearby
                other = [s for s in group.occurrences if s in other or binding and dirname(s.file) != dirname(binding[0])]
            kept = [s for s in group.occurrences if s not in other]
            return [ObjectGroup(group.mechanism, group.names, part) for part in (kept, other) if part]
        made = {file: ObjectGroup(group.mechanism, set(group.names), [s for s in group.occurrences if s.file == file]) for file in binding}
        for occurrence in group.occurrences:
            if occurrence.file not in made:
                free = [f for f in binding if not {f, occurrence.file} <= programs]
                near = [f for f in free if dirname(f) == dirname(occurrence.file)]
                near = near or ([] if all(p.root.startswith("#") for p in group.names) else free)
                for file in near[:3]:
                    made[file].occurrences.append(occurrence)
        return list(made.values())


def _in_handler(made: list[ObjectGroup]) -> list[ObjectGroup]:
    """fasync: the queue that the handler hands to fasync_helper() is the one that the handler is for."""
    kept = []
    for group in made:
        same = [g for g in made if g is not group and any(s.function in g.handlers for s in group.occurrences if "bind" in s.phases)]
        if same and not group.handlers:
            for one in same:
                one.occurrences += [s for s in group.occurrences if s not in one.occurrences]
                one.names |= group.names
        else:
            kept.append(group)
    return kept


def _open_bindings(group: ObjectGroup) -> list[ObjectGroup]:
    """Without the places that bind a handler which is not known, where others of the object bind known ones."""
    open_ = [s for s in group.occurrences if s.row is not None and s.row.takes_handler and not s.handlers]
    if not open_ or not group.handlers:
        return [group]
    kept = ObjectGroup(group.mechanism, group.names, [s for s in group.occurrences if s not in open_])
    return [kept, *(ObjectGroup(group.mechanism, {ObjectPath(f"{s.file}:{s.line}:{s.api}()")}, [s]) for s in open_)]


def _by_handler(group: ObjectGroup) -> list[ObjectGroup]:
    """One for each handler that the object is bound to at places of its own."""
    bound: dict[str, list[Occurrence]] = defaultdict(list)
    for occurrence in group.occurrences:
        if occurrence.handlers:
            bound[occurrence.handlers[0]].append(occurrence)
    if len(bound) < 2:
        return [group]
    within = {handler: {(s.file, s.function) for s in occurrences} for handler, occurrences in bound.items()}
    made = {handler: ObjectGroup(group.mechanism, set(group.names), list(occurrences)) for handler, occurrences in bound.items()}
    loose = []
    for occurrence in group.occurrences:
        if occurrence.handlers:
            continue
        near = [h for h in made if (occurrence.file, occurrence.function) in within[h]] or [h for h in made if occurrence.function == h]
        if not near and len(made) > _FEW:
            loose.append(occurrence)
        for handler in near or (made if len(made) <= _FEW else ()):
            made[handler].occurrences.append(occurrence)
    return [*made.values(), *([ObjectGroup(group.mechanism, set(group.names), loose)] if loose else [])]


def _one_for_a_handler(made: list[ObjectGroup]) -> list[ObjectGroup]:
    """Objects that have no name beyond a function, or are numbers (signals), are one where their handlers and file are."""
    kept: list[ObjectGroup] = []
    known: dict[tuple[object, ...], ObjectGroup] = {}
    for group in made:
        binding = {s.file for s in group.occurrences if s.handlers}
        if group.handlers and len(binding) == 1 and all(_local(p) or "::" in p.root or p.root.startswith("#") for p in group.names):
            first = known.setdefault((*binding, *group.handlers), group)
            if first is not group:
                first.occurrences += [s for s in group.occurrences if s not in first.occurrences]
                first.names |= group.names
                continue
        kept.append(group)
    return kept


def _distinct(made: list[ObjectGroup]) -> list[ObjectGroup]:
    """Without groups whose places another of the same handlers has as well."""
    kept: list[ObjectGroup] = []
    at: dict[tuple[str, int, int], list[tuple[set[tuple[str, int, int]], ObjectGroup]]] = defaultdict(list)
    for group in sorted(made, key=lambda g: -len(g.occurrences)):
        places = {(s.file, s.line, s.column) for s in group.occurrences}
        others = at[next(iter(places))] if places else []
        if places and not any(places <= more and (group.handlers == o.handlers or not group.handlers) for more, o in others):
            kept.append(group)
            for place in places:
                at[place].append((places, group))
    return kept


def by_files(made: Iterable[ObjectGroup]) -> dict[str, list[ObjectGroup]]:
    """The groups that have a place in a file, by file."""
    found: dict[str, list[ObjectGroup]] = defaultdict(list)
    for group in made:
        for file in group.files():
            found[file].append(group)
    return found


def _bare(path: ObjectPath) -> ObjectPath:
    """Without constant subscripts."""
    return ObjectPath(path.root, tuple(s for s in path.steps if not s.startswith("[")))


def _same_element(path: ObjectPath, group: ObjectGroup) -> bool:
    """Not two elements that constants tell apart."""
    same = [p for p in group.names if _bare(p) == _bare(path)]
    return any(p == path or _bare(p) == p or _bare(path) == path for p in same)


def _local(path: ObjectPath) -> bool:
    """Known only within a function: a local, a parameter, what a call made. A member of such a struct is known better."""
    return not path.steps and ("::" in path.root or path.root == UNKNOWN) or path.root.endswith("()")
