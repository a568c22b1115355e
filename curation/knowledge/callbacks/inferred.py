"""When does a callback run for which there is no row?

Every function of the corpus whose name is put into a field, a variable or an argument is a callback. What is known of it, strongest
first: its own body sleeps; the code that calls it through the pointer, with the locks held there (knowledge/contexts.py); what a field it
is copied to says; how functions registered alike behave; what its struct's other fields do; the name of the interface. Each answer names
the places it rests on.

>>> [(i.callback, i.runs_in) for i in inference_of(corpus).all(None)]     # of: int each(int (*f)(int)) { return f(1); }   each(my_f);
[('my_f', 'sync')]

Not covered: functions that are only returned or compared; contexts that differ between the objects that hold the function.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname

from curation.csource.facts.model import Function, NameUse
from curation.knowledge import Row
from curation.knowledge.callbacks import conventions
from curation.knowledge.callbacks.callback_use import CallbackUse
from curation.knowledge.callbacks.callers import CallSite
from curation.knowledge.callbacks.contexts import Contexts, together
from curation.knowledge.callbacks.conventions import RunContext
from curation.knowledge.callbacks.indirect_registrations import indirect_registrations
from curation.knowledge.callbacks.origins import Origins, Shares, mean, origins_of
from curation.knowledge.callbacks.registrations import behind_cast, registrations
from curation.knowledge.matching import Corpus
from curation.model import Context, Evidence, Place

_CHAIN = 5  # functions told that lead to a callback
_SAME_STATEMENT = 8  # lines of a call whose argument is a cast
_ALIKE = 12  # functions registered alike that are looked at


@dataclass(frozen=True)
class Inferred:
    """A callback handed to `via` at `place`. chain: the functions that lead to the call through the pointer, outermost first; () when none
    is known. at_once: called before the function `via` returns. sure: whether
    code says it, not only the habit of names. row: of the API or field that the function gets to by a way of its own."""

    callback: str
    definition: Function
    via: str
    place: Place
    function: str | None
    runs_in: Context | None
    may_sleep: bool | None
    chain: tuple[str, ...]
    at_once: bool
    sure: bool
    row: Row | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class _Finding:
    """An answer with what it rests on: (kind, file, line)."""

    where: RunContext
    places: tuple[tuple[str, str, int], ...] = ()
    caller: str = ""
    sure: bool = True
    row: Row | None = None
    at_once: bool = False


class Inference:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.index = corpus, corpus.index
        self.contexts = Contexts(corpus)
        self.known: set[tuple[str, str, int]] = set()  # (name, file, line) that a row speaks about
        self.by_rows: dict[str, Counter[RunContext]] = defaultdict(Counter)  # struct -> what rows say of its fields
        self.elsewhere: set[tuple[str, str]] = set()  # (file, name) of callbacks that more than a variable holds
        for r in registrations(corpus):
            if r.definition is not None:
                self.elsewhere.add((r.definition.file, r.definition.name))
            for place in (r.place, *(e for e in r.evidence if e.kind in ("initializer", "assignment", "call"))):
                self.known.add((r.callback, place.file, place.line))
        for row in corpus.knowledge.rows:
            if row.kind == "field" and row.struct and row.runs_in:
                self.by_rows[row.struct][row.runs_in, row.may_sleep] += len(row.fields)
        self.indirect = indirect_registrations(corpus)
        self.uses: dict[str, list[CallbackUse]] = {}
        self.alike: dict[tuple[str, str], list[Function]] = defaultdict(list)
        self.beside: dict[str, dict[str, Function]] = defaultdict(dict)  # struct -> a function of each of its fields
        for file in self.index.files():
            self.uses[file] = list(self._uses(file))
            for use in self.uses[file]:
                if use.api or use.member:
                    self.elsewhere.add((use.definition.file, use.definition.name))
                if use.struct and use.member and not conventions.begins_or_ends(use.member):
                    self.beside[use.struct][use.member] = use.definition
                if use.kind is not None and len(self.alike[use.kind]) < _ALIKE:
                    self.alike[use.kind].append(use.definition)

    @cached_property
    def origins(self) -> Origins:
        origins = origins_of(self.corpus)
        kept = (use for uses in self.uses.values() for use in uses if not conventions.begins_or_ends(use.member or use.definition.name))
        origins.adopt((use.definition.file, use.definition.name) for use in kept if self.corpus.platform(use.file) == "user")
        return origins

    def all(self, files: list[str] | None) -> Iterator[Inferred]:
        """Callbacks that no row speaks about, by the files and lines that register them. files: only callbacks defined in these."""
        for file in self.index.files():
            for use in self.uses[file]:
                name = use.definition.name
                if (files is not None and use.definition.file not in files) or (name, use.file, use.line) in self.known:
                    continue
                if use.api or use.member or (use.definition.file, name) not in self.elsewhere:
                    yield self._inferred(use)

    def of_callback(self, definition: Function, file: str, line: int, function: str | None, via: str) -> _Finding | None:
        """What the code says of a callback whose row leaves it open."""
        struct, _, member = via.partition(".")
        owner, api = (struct, None) if member else (None, via)
        use = CallbackUse(definition, file, line, None, function, owner, member or None, api, None)
        return self._finding(use, by_name=False)

    # -- uses ----------------------------------------------------------------------------------------------------------------

    def _uses(self, file: str) -> Iterator[CallbackUse]:
        for use in self.index.facts[file].uses:
            if use.kind not in ("initializer", "assignment", "argument") or (definition := self._function(use)) is None:
                continue
            if use.kind == "argument":
                api = self._registering(use)
                if api and not conventions.NO_REGISTRATION.match(api):
                    yield CallbackUse(definition, file, use.line, use.column, use.function, None, None, api, None)
                continue
            struct, member = self.corpus.field_of_use(use)
            if member is not None and not member[0].isalpha() and member[0] != "_":
                member = None
            table = f"{use.variable}{'[]' if '[' in (use.struct or '') else ''}" if use.variable else None
            yield CallbackUse(
                definition, file, use.line, use.column, use.function, struct, member, None, use.variable, use.function is None, table)

        for call in self.index.calls(file):  # in the bodies of macros
            if call.macro is None or not call.callee_name or conventions.NO_REGISTRATION.match(call.callee_name):
                continue
            for name in dict.fromkeys(name for arg in call.args for name in arg.names):
                if (named := self._named(name, file, call.function)) is not None:
                    yield CallbackUse(named, file, call.line, call.column, call.function, None, None, call.callee_name, None)

    def _registering(self, use: NameUse) -> str | None:
        """The function that a name is handed to; of `connect(w, CAST(f))`, with a macro that the corpus does not define, the outer one."""
        if use.call is None or behind_cast(self.corpus, f"{use.call}({use.name})", use.file) is None:
            return use.call
        for call in self.index.calls(use.file):
            if abs(call.line - use.line) <= _SAME_STATEMENT and call.callee_name not in (None, use.call):
                if any(behind_cast(self.corpus, arg.text, use.file) == use.name for arg in call.args):
                    return call.callee_name
        return use.call

    def _function(self, use: NameUse) -> Function | None:
        return self._named(use.name, use.file, use.function)

    def _named(self, name: str, file: str, function: str | None) -> Function | None:
        """The function of the corpus that a name means at a place; None where it is a local variable."""
        found = self.index.functions(name, file)
        if not found:
            return None
        variable = self.index.variable(name, file, function)
        return None if variable is not None and variable.function is not None else found[0]

    # -- what is known ---------------------------------------------------------------------------------------------------------

    def _inferred(self, use: CallbackUse) -> Inferred:
        said = self._finding(use, by_name=True)
        where: tuple[Context | None, bool | None] = said.where if said else (None, None)
        places = [("registration", use.file, use.line), *(said.places if said else ())]
        places.append(("definition", use.definition.file, use.definition.line))
        evidence = tuple(
            Evidence(file=file, line=line, kind=kind, text=self.index.line_text(file, line)) for kind, file, line in dict.fromkeys(places)
        )
        return Inferred(
            use.definition.name,
            use.definition,
            use.via,
            Place(file=use.file, line=use.line, column=use.column),
            use.function,
            *where,
            chain=self._chain(use, said) if said else (),
            at_once=said is not None and said.at_once,
            sure=said is not None and said.sure,
            row=said.row if said else None,
            evidence=evidence,
        )

    def _chain(self, use: CallbackUse, said: _Finding) -> tuple[str, ...]:
        """From the outermost function that is known to lead to the call; an API without a body is the chain itself."""
        if said.row is not None:
            return tuple(said.row.chain)
        chain = [said.caller] if said.caller else []
        site = next((p for p in said.places if p[0] in ("call", "lock")), None)
        while site is not None and chain and len(chain) < _CHAIN:
            callers = self.contexts.callers.by_name(site[1], chain[0])
            if len({(c.file, c.function) for c in callers}) != 1 or callers[0].function in (*chain, use.definition.name):
                break
            chain.insert(0, callers[0].function)
            site = ("call", callers[0].file, callers[0].line)
        return tuple(chain)

    def _finding(self, use: CallbackUse, by_name: bool) -> _Finding | None:
        if self.corpus.platform(use.file) == "user":
            return self._in_user_space(use, by_name)
        ways = [self._at_once, self._body, self._types, self._callers, self._same_field]
        if by_name:  # what a row leaves open is not in another row, and differs between those registered alike
            ways = [self._at_once, self._flows, *ways[1:], self._alike, self._kindred]
        return next((said for way in ways if (said := way(use))), None) or (self._by_name(use) if by_name else None)

    def _flows(self, use: CallbackUse) -> _Finding | None:
        """What the rows say of the fields and APIs that the function gets to from here."""
        rows = self.indirect.get((use.definition.file, use.definition.name), [])
        told = {(row.runs_in, row.may_sleep) for row in rows}
        if len(told) != 1 or rows[0].runs_in in (None, "sync"):
            return None
        row = rows[0]
        return _Finding((row.runs_in, row.may_sleep), (), row.chain[-1] if row.chain else "", row=row) if row.runs_in else None

    def _body(self, use: CallbackUse) -> _Finding | None:
        if (told := conventions.of_signature(use.definition)) and not told[1] and "irqreturn_t" not in use.definition.return_type:
            return None  # a timer's or URB's function that sleeps on some way does not do so there; an interrupt's may be its thread
        found = self.contexts.sleeps(use.definition)
        return _Finding(("process", True), (("sleeps", use.definition.file, found[1]),)) if found else None

    def _at_once(self, use: CallbackUse) -> _Finding | None:
        """The context of the caller, where the callback is called before the registering function returns."""
        inside = self._called_inside(use) if use.api else None
        if use.api is None or (inside is None and not (conventions.walks_at_once(use.api) and not self._defined(use))):
            return None
        here = CallSite(use.file, use.line, use.function or "")
        places = (("call", inside.file, inside.line),) if inside else ()
        if inside is not None and self.contexts.held(inside.file, inside.function, inside.line):
            return _Finding(("atomic", False), (*places, ("lock", inside.file, inside.line)), inside.function, at_once=True)
        where = self.contexts.at(here) if use.function else None
        caller = inside.function if inside else use.api
        found = self._body(use) if where is None else None
        told = where or (found.where if found else ("process", True))
        return _Finding(told, places, caller, sure=bool(where or found), at_once=True)

    def _defined(self, use: CallbackUse) -> bool:
        return bool(use.api and self.index.functions(use.api, use.file))

    def _called_inside(self, use: CallbackUse) -> CallSite | None:
        """Where the registering function of the corpus, or one it calls, calls the callback."""
        if not use.api or not (found := self.index.functions(use.api, use.file)):
            return None
        inside = {(found[0].file, found[0].name): found[0]}
        todo = [(found[0], 0)]
        while todo and len(inside) < 60:
            function, depth = todo.pop()
            for name, _, _ in self.contexts.bodies.of(function).calls[:80]:
                for called in self.index.functions(name, function.file)[:1]:
                    if (called.file, called.name) not in inside and depth < 3:
                        inside[called.file, called.name] = called
                        todo.append((called, depth + 1))
        sites = self.contexts.callers.through_pointers(use.definition.file, use.definition.name)
        within = ((s, inside.get((s.file, s.function))) for s in sites)  # of two definitions under #if and #else only the first is read
        return next((s for s, f in within if f is not None and f.start_line <= s.line <= f.end_line), None)

    def _callers(self, use: CallbackUse) -> _Finding | None:
        known = [(site, where) for sites in self._sites(use) for site in sites if (where := self.contexts.at(site))]
        if not known or (where := together([w for _, w in known])) is None:
            return None
        site = next((s for s, w in known if w[0] == where[0]), known[0][0])
        kind = "lock" if self.contexts.held(site.file, site.function, site.line) else "call"
        return _Finding(where, ((kind, site.file, site.line),), site.function)

    def _sites(self, use: CallbackUse) -> tuple[list[CallSite], list[CallSite]]:
        """The calls of the function: through pointers, by name."""
        callers = self.contexts.callers
        sites = callers.through_pointers(use.definition.file, use.definition.name)
        if use.member is not None and use.struct is None:  # the flow then leads to fields of that name of any struct
            sites = [s for s in sites if dirname(s.file) == dirname(use.file)]
        return sites, callers.by_name(use.definition.file, use.definition.name)

    def _types(self, use: CallbackUse) -> _Finding | None:
        """What the types of the function itself say."""
        told = conventions.of_signature(use.definition)
        return _Finding(told, (("definition", use.definition.file, use.definition.line),)) if told else None

    def _same_field(self, use: CallbackUse) -> _Finding | None:
        """What all rows say of fields of that name, where the struct is not known."""
        if use.struct is not None or use.member is None:
            return None
        structs = self.corpus.knowledge.structs_by_field.get(use.member, ())
        rows = [r for s in structs for r in self.corpus.rows_for_field(s, use.member, use.file)]
        told = {(r.runs_in, r.may_sleep) for r in rows}
        where = told.pop() if len(told) == 1 else (None, None)
        return _Finding((where[0], where[1]), sure=False, row=rows[0]) if where[0] is not None else None

    def _alike(self, use: CallbackUse) -> _Finding | None:
        """How other functions behave that are registered the same way."""
        for other in self.alike.get(use.kind, []) if use.kind else []:
            if found := self.contexts.sleeps(other):
                return _Finding(("process", True), (("alike", other.file, found[1]),))
        for other in [use.definition, *(self.alike.get(use.kind, []) if use.kind else [])]:
            if found := self.contexts.bodies.of(other).atomic:
                return _Finding(("atomic", False), (("alike", other.file, found[1]),))
        return None

    def _kindred(self, use: CallbackUse) -> _Finding | None:
        """What the rows say of nearly all other fields of the struct."""
        told = self.by_rows.get(use.struct or "", Counter())
        best = told.most_common(1)
        if best and best[0][1] * 10 >= sum(told.values()) * 9 and (use.member is None or conventions.of_field(use.member) is None):
            return _Finding(best[0][0], sure=False)
        return None

    def _by_name(self, use: CallbackUse) -> _Finding | None:
        """What the name of the interface says. Of an API whose name says nothing nothing is known; of fields nine of ten run in process
        context (conventions.py)."""
        told = conventions.of_api(use.api) if use.api else conventions.of_field(use.member or "") or ("process", True)
        return _Finding(told, sure=False) if told else None

    # -- in user space ----------------------------------------------------------------------------------------------------------

    def _in_user_space(self, use: CallbackUse, by_name: bool) -> _Finding | None:
        inside = self._called_inside(use)
        if inside is not None:
            return _Finding(("sync", True), (("call", inside.file, inside.line),), inside.function, at_once=True)
        if said := self._flows(use) or self._origin(use, self._sites(use)):
            return said
        sites = self.contexts.callers.through_pointers(use.definition.file, use.definition.name)
        if use.api and not self._defined(use) and by_name and (told := conventions.of_user_api(use.api)):
            return _Finding(told, sure=False)
        if said := self._origin(use, ()):
            return said
        places = tuple(("call", s.file, s.line) for s in sites[:1])
        return _Finding(("sync", True), places, sites[0].function if sites else "", sure=False) if by_name else None

    def _origin(self, use: CallbackUse, sites: tuple[list[CallSite], ...]) -> _Finding | None:
        """Where the ways begin that lead to these calls of the function (without any: to those of its kin): on the event loop, in a
        thread, in `main`. What compares, hashes or frees the elements of a container runs where the container is used: in its caller."""
        told = ([(s, shares) for s in some if (shares := self.origins.at(s.file, s.function, s.line))] for some in sites)
        known = next((some for some in told if some), [])  # a call through the pointer says more than one by name
        shares = self._shares_of_kin(use) if not sites else mean(shares for _, shares in known)
        if not shares:
            return None
        context = conventions.of_shares(shares)
        own = [what for site, _ in known if (what := self.origins.roots.get((site.file, site.function)))]
        if own and context == "sync":  # the body of a thread or a pool calls it, elsewhere it runs at once: without threads
            context = own[0]
        if conventions.serves_container(use.definition, use.member or use.api or ""):
            context = "sync"
        where: RunContext = (context, context not in ("eventloop", "signal"))
        if not known:
            return _Finding(where, sure=False)
        site = max(known, key=lambda one: one[1].get(context, 0.0))[0]
        return _Finding(where, (("call", site.file, site.line),), site.function)

    def _shares_of_kin(self, use: CallbackUse) -> Shares:
        """Where nobody is known to call it: the functions in the other fields of its struct; else from where others call what it calls."""
        if conventions.begins_or_ends(use.member or use.definition.name):
            return {}
        origins = self.origins
        kin = self.beside.get(use.struct or "", {}) if use.member else {}
        known = [origins.of(f.file, f.name) for f in kin.values() if f.name != use.definition.name]
        return mean(known) or origins.of(use.definition.file, use.definition.name)


def inference_of(corpus: Corpus) -> Inference:
    """What is inferred of a corpus; read once, forgotten with the corpus."""
    known = corpus.attached.get("inference")
    if not isinstance(known, Inference):
        known = corpus.attached["inference"] = Inference(corpus)
    return known
