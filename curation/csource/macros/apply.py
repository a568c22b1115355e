"""Which facts do the corpus's own macros hide? Their invocations are expanded and read; what is found belongs to the invocation's place.

A call inside a macro's body is a call at the line where the macro is invoked, as a debugger counts. Expanded are: invocations whose
expansion calls through a pointer, pastes names, assigns, defines or holds an initializer; elements of initializers that are macros
(tables made by X-macros).

>>> build_index([("a.c", "#define CALL(p) (p)->go(p)\\nvoid f(struct s *x) { CALL(x); }")]).calls("a.c")[-1].macro
'CALL'
"""
from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Set
from dataclasses import replace
from functools import lru_cache

from curation.csource.facts.model import Arg, Assignment, Call, FactsProblem, FileFacts, Operand
from curation.csource.lexing.brackets import split
from curation.csource.macros.expand import MAX_TEXT, Macros
from curation.csource.macros.reparse import Rereader
from curation.csource.macros.summaries import (
    Skeleton,
    calls_of,
    choices,
    is_shapeless,
    may_hold_function,
    shape_of,
    skeleton_of,
)
from curation.csource.parsing.file_parser import parse_fragment

_THROUGH_POINTER = re.compile(r"(?:->|\.)\s*\w+\s*\)*\s*\(|\)\s*\(|\]\s*\(")
_STORES = re.compile(r"(?:->|\.|\])\s*\w*\s*=[^=]|\.\w+\s*=|=\s*\{|##")
_PATH = re.compile(r"\(*\s*\*?\s*[A-Za-z_]\w*\s*(?:(?:->|\.)\s*\w+|\[[^\[\]]*\])+\s*\)*\Z")  # a place, as the body of an object-like macro
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"[A-Za-z_]\w*")
_NAME = re.compile(r"[A-Za-z_]\w*(?=\s*(?:\(.*\)\s*)?\Z)", re.DOTALL)  # of a macro that is the whole text
_MAX_INVOCATIONS = 50_000  # of one file
_BRACED = re.compile(r"\s*\{.*\}\s*\Z", re.DOTALL)
_LITERAL = re.compile(r"\)\s*\{", re.DOTALL)
_LAST_NAME = re.compile(r"(?:\|\||&&|[=?:,!])\s*([A-Za-z_]\w*)\s*\Z")
_NO_EXPRESSION = re.compile(r"[{};]|^\s*(?:struct|union|enum|const|unsigned|signed|int|char|void|long|short|static|volatile)\b")


class Asked:
    """What was asked of the corpus while one file was expanded: names looked up among macros, names looked up among functions and fields.
    When none of them has changed, the file need not be expanded again."""

    def __init__(self) -> None:
        self.macros: set[str] = set()
        self.names: set[str] = set()

    def take(self) -> Asked:
        """What was asked until now; from here on it is counted anew."""
        taken = Asked()
        taken.macros, taken.names, self.macros, self.names = self.macros, self.names, set(), set()
        return taken

    def add(self, other: Asked) -> None:
        self.macros |= other.macros
        self.names |= other.names


class Expander:
    """Adds to a file's facts what its macro invocations stand for. functions, fields: the names of all of the corpus; callables: those
    of the fields, and of the variables at file scope, that may hold a function. asked: what the
    tables given count their questions in, where they do."""

    def __init__(
        self, macros: Macros, functions: Set[str], fields: Set[str], callables: Set[str], rereader: Rereader, asked: Asked | None = None,
    ) -> None:
        self.macros, self.functions, self.fields, self.callables, self.rereader = macros, functions, fields, callables, rereader
        self.asked = asked if asked is not None else Asked()
        macros.functions = functions
        self.limit_s = math.inf  # processor time for the invocations of one file
        self.budget = 0
        self._interest: dict[str, tuple[bool, Asked]] = {}
        self._shapes: dict[tuple[str, str, int], tuple[bool, Asked]] = {}
        self._called: dict[str, frozenset[str]] = {}
        self._lists: dict[str, bool] = {}
        self._skeletons: dict[tuple[str, str, int, int], tuple[Skeleton, Asked]] = {}
        self._fragment = lru_cache(maxsize=4096)(self._expanded)

    def expand(self, file: str) -> FileFacts:
        """The facts of one file of a corpus of which no other file is expanded here."""
        again = self.rereader.template(file)
        one = again if again is not None else self.rereader.tables(file, self.functions)
        if one is None:
            one = self.rereader.facts[file]
        self.add_to(one)
        return one

    def interesting(self, name: str) -> bool:
        """Whether a macro's expansion can hold facts that its invocation does not show."""
        known = self._interest.get(name)
        if known is None:
            before = self.asked.take()
            self._interest[name] = (False, Asked())  # while its own body is looked at
            known = self._interest[name] = (self._judged(name), self.asked.take())
            self.asked.add(before)
        self.asked.add(known[1])
        return known[0]

    def called(self, name: str) -> frozenset[str]:
        """The names that a macro's body calls, also by way of other macros: one of them may be a local pointer where it is invoked."""
        known = self._called.get(name)
        if known is None:
            self._called[name] = frozenset()  # while its own body is looked at
            found: set[str] = set()
            for macro in self.macros.by_name.get(name, []):
                found.update(_CALLED.findall(macro.body))
                for word in _WORD.findall(macro.body):
                    if word in self.macros.by_name:
                        found |= self.called(word)
            known = self._called[name] = frozenset(found)
        return known

    def _skeleton(self, name: str, call: Call) -> Skeleton | None:
        """None for what must be read where it stands: an invocation at file scope, or with arguments that are no expressions."""
        macro = self.macros.get(name, call.file)
        if macro is None or macro.params is None or call.function is None or any(_NO_EXPRESSION.search(a.text) for a in call.args):
            return None
        key = (name, macro.file, macro.line, len(call.args))
        known = self._skeletons.get(key)
        if known is None:
            before = self.asked.take()
            known = self._skeletons[key] = (skeleton_of(self.macros, macro, len(call.args), self.functions), self.asked.take())
            self.asked.add(before)
        self.asked.add(known[1])
        return known[0]

    def _hands_function(self, call: Call, types: Mapping[tuple[str, str], str]) -> bool:
        """Whether an argument can be a function, or a pointer to one."""
        for arg in call.args:
            for operand in arg.operands:
                if operand.base is None or operand.call:
                    continue
                last = next((step for step in reversed(operand.fields) if step.isidentifier()), None)
                if last is not None:
                    if last in self.callables:
                        return True
                elif (known := types.get((call.function or "", operand.base))) is not None:
                    if may_hold_function(known):
                        return True
                elif operand.base in self.functions:
                    return True
        return False

    def _judged(self, name: str) -> bool:
        for macro in self.macros.by_name.get(name, []):
            body = macro.body
            if not body:
                continue
            if _THROUGH_POINTER.search(body) or _STORES.search(body) or macro.params is None and "(" in body:
                return True
            if macro.params and any(re.search(rf"\b{re.escape(p)}\s*\)?\s*\(", body) for p in macro.params if p.isidentifier()):
                return True
            if any(w in self.callables for w in _CALLED.findall(body)):
                return True
            if any((macro.params is not None and w in self.functions) or (w in self.macros.by_name and self.interesting(w))
                   for w in _WORD.findall(body)):
                return True
        return False

    def add_to(self, one: FileFacts) -> None:
        """Adds to facts as they were read."""
        self.budget = _MAX_INVOCATIONS
        self._fragment.cache_clear()
        locals_of: dict[str, set[str]] = {}
        types: dict[tuple[str, str], str] = {}
        for variable in one.variables:
            if variable.function is not None:
                locals_of.setdefault(variable.function, set()).add(variable.name)
                types[variable.function, variable.name] = variable.type
        self._spread_all(one, locals_of)
        self._reshape_all(one, locals_of)
        one.calls.extend(self._moved(one))
        added: list[FileFacts] = []
        until = time.process_time() + self.limit_s
        for call in list(one.calls):
            name = call.callee_name
            if name is None or name not in self.macros.by_name or self.budget <= 0:
                continue
            calls_local = not self.called(name).isdisjoint(locals_of.get(call.function or "", ()))
            if not self.interesting(name) and not calls_local:
                continue
            if time.process_time() > until:
                self.budget = 0
                why = f"its macros need more than {self.limit_s:g} s; those from this line on stand as they are written"
                one.problems.append(FactsProblem(one.file, "unexpanded", why, call.line))
                continue
            skeleton = self._skeleton(name, call)
            if skeleton is not None and not skeleton.heavy and not calls_local and not self._hands_function(call, types):
                added.append(FileFacts(one.file, calls=calls_of(skeleton, call)))
                continue
            self.budget -= 1
            local = locals_of.get(call.function or "", set())
            added.extend(self._readings(f"{name}({', '.join(a.text for a in call.args)})", call, local, name))
        for assignment in list(one.assignments):
            for operand in assignment.right:
                if operand.base in self.macros.by_name and not operand.fields and self.budget > 0:
                    self.budget -= 1
                    found = self._value(assignment, operand, locals_of.get(assignment.function or "", set()))
                    if found is not None:
                        added.append(found)
        for call in one.calls:
            for arg in call.args:
                for operand in arg.operands:
                    if operand.base in self.macros.by_name and not operand.fields and self._makes_literal(operand.base) and self.budget > 0:
                        self.budget -= 1
                        added.append(self._literal(call, operand, locals_of.get(call.function or "", set())))
        for found in added:
            one.functions.extend(found.functions)
            one.calls.extend(found.calls)
            one.uses.extend(found.uses)
            one.assignments.extend(found.assignments)
            one.variables.extend(found.variables)
            one.structs.extend(found.structs)
            one.typedefs.extend(found.typedefs)

    def _spread_all(self, one: FileFacts, locals_of: dict[str, set[str]]) -> None:
        """An argument that is a macro for several (`#define ON_LOOP(fn) KIND_LOOP, CHECKED(fn)`) becomes them."""
        for call in one.calls:
            if call.callee_name in self.macros.by_name or not any(self._is_list(arg.text) for arg in call.args):
                continue
            texts = [self._fragment(arg.text, call.file) or arg.text if self._is_list(arg.text) else arg.text for arg in call.args]
            local = locals_of.get(call.function or "", set())
            code = f"spread({', '.join(texts)});"
            found = parse_fragment(code, call.file, call.line, call.column, call.function or "@", local, "")
            call.args = next((made.args for made in found.calls if made.callee == "spread"), call.args)

    def _is_list(self, text: str) -> bool:
        """Whether an argument is a macro (invoked or by name) for several arguments."""
        name = _NAME.match(text)
        if name is None or name.group() not in self.macros.by_name:
            return False
        known = self._lists.get(name.group())
        if known is None:
            bodies = [macro.body for macro in self.macros.by_name.get(name.group(), [])]
            known = self._lists[name.group()] = any(len(split(body)) > 1 and not body.startswith("{") for body in bodies)
        return known

    def _moved(self, one: FileFacts) -> list[Call]:
        """Calls through pointers in the arguments of a macro that is written over several lines, once more at the line where the macro
        begins: there a debugger sees them, while a person reads them where they stand."""
        wide = [c for c in one.calls if c.end_line > c.line and c.function is not None and c.callee_name in self.macros.by_name]
        if not wide:
            return []
        indirect: dict[int, list[Call]] = {}
        for call in one.calls:
            if call.kind == "indirect":
                indirect.setdefault(call.line, []).append(call)
        found: list[Call] = []
        done = 0
        for outer in sorted(wide, key=lambda c: (c.line, c.column)):
            if outer.line < done:  # within another macro's arguments
                continue
            done = outer.end_line
            for line in range(outer.line + 1, outer.end_line + 1):
                found.extend(replace(c, line=outer.line, column=outer.column, macro=outer.callee_name) for c in indirect.get(line, ()))
        return found

    def _reshape_all(self, one: FileFacts, locals_of: dict[str, set[str]]) -> None:
        """Operands whose base or field is a macro (`#define alookup funcs->lookup`, `TABLE(x)[i].fn`) get the shape of what it stands
        for."""
        facts: list[Call | Assignment] = [*one.calls, *one.assignments]
        for fact in facts:
            local = locals_of.get(fact.function or "", set())
            if isinstance(fact, Call):
                if fact.callee_name is None:
                    fact.operand = self._callee(fact.operand, one.file, local)
                fact.others = [self._reshape(o, one.file, local) for o in fact.others]
                fact.args = [self._reshaped(arg, one.file, local) for arg in fact.args]
            else:
                fact.left = self._reshape(fact.left, one.file, local) if fact.kind == "assignment" else fact.left
                fact.right = [self._reshape(o, one.file, local) for o in fact.right]

    def _reshaped(self, arg: Arg, file: str, local: set[str]) -> Arg:
        """An argument; the one given, which others may share, where nothing changes."""
        made = [self._reshape(o, file, local) for o in arg.operands]
        return arg if all(a is b for a, b in zip(made, arg.operands, strict=True)) else Arg(arg.text, made)

    def _callee(self, operand: Operand, file: str, local: set[str]) -> Operand:
        """As _reshape; of `UNTIL(fn)(x)` for `done = done || fn(x)` the name at the end is what is called."""
        if operand.call and not operand.fields and operand.base in self.macros.by_name:
            last = _LAST_NAME.search(self._fragment(operand.text, file) or "")
            if last is not None:
                return Operand(operand.text, last.group(1))
        return self._reshape(operand, file, local)

    def _reshape(self, operand: Operand, file: str, local: set[str]) -> Operand:
        if not operand.fields and not operand.call:
            if operand.base is None or operand.base not in self.macros.by_name or operand.base in local or operand.base in self.functions:
                return operand  # a function's name is a macro only in some configurations
            macro = self.macros.get(operand.base, file)
            if macro is None or macro.params is not None or not _PATH.match(macro.body):
                return operand
        elif not any(w in self.macros.by_name and w not in self.fields for w in operand.fields) and (
            operand.base not in self.macros.by_name or operand.base in local
        ):
            return operand
        if operand.call and operand.base is not None:
            macro = self.macros.get(operand.base, file)
            if macro is not None and macro.params is None and operand.base in self.functions:
                return operand  # likewise
            if not operand.fields and self._shapeless(operand.base, file):
                return operand
        text = self._fragment(operand.text, file)
        shaped = shape_of(text, file) if text is not None else None
        if shaped is None or shaped.call and shaped.base == operand.base or shaped.base is None and "{" in (text or ""):
            return operand
        return Operand(
            operand.text, shaped.base, shaped.fields, operand.address or shaped.address, operand.cast or shaped.cast, shaped.call
        )

    def _shapeless(self, name: str, file: str) -> bool:
        """Whether a macro's value is no place and no result of one call, whatever its arguments are."""
        macro = self.macros.get(name, file)
        if macro is None or macro.params is None:
            return False
        key = (macro.name, macro.file, macro.line)
        known = self._shapes.get(key)
        if known is None:
            before = self.asked.take()
            known = self._shapes[key] = (is_shapeless(self.macros, macro), self.asked.take())
            self.asked.add(before)
        self.asked.add(known[1])
        return known[0]

    def _expanded(self, text: str, file: str, variant: tuple[int, int] = (0, 0)) -> str | None:
        """`variant` is what the macros are set to now, told so that it is part of what is remembered."""
        expanded = self.macros.expand(text, file)
        return expanded if expanded != text and len(expanded) < MAX_TEXT else None

    def _readings(self, invocation: str, call: Call, local: set[str], name: str) -> list[FileFacts]:
        """What an invocation stands for, under each of the definitions that conditional compilation chooses from."""
        found: list[FileFacts] = []
        texts: list[str] = []
        told: set[tuple[str, str | None]] = set()
        stale = False
        declares = call.function is None and call.file.endswith(".h")  # for many to see: one definition's is enough of a costly thing
        for chosen in [(0, 0)] if declares else choices(self.macros, name, call.file):
            if chosen[1] and stale:
                continue
            self.macros.pinned, self.macros.variant = (name, chosen[0]), chosen[1]
            text = self._fragment(invocation, call.file, chosen)
            stale = text is None or text in texts
            if text is None or stale:
                continue
            texts.append(text)
            one = self._read(text, call, local, name)
            one.calls = [c for c in one.calls if len(texts) == 1 or (c.callee, c.callee_name) not in told]
            told.update((c.callee, c.callee_name) for c in one.calls)
            found.append(one)
        self.macros.pinned, self.macros.variant = None, 0
        return found

    def _read(self, text: str, call: Call, local: set[str], name: str) -> FileFacts:
        found = parse_fragment(text, call.file, call.line, call.column, call.function, local, name)
        shown = {a.text for a in call.args}
        if call.function is not None:  # calls written in the arguments are facts of the invocation already
            found.calls = [c for c in found.calls if not any(c.callee + "(" in a for a in shown)]
        return found

    def _makes_literal(self, name: str | None) -> bool:
        """Whether a macro may stand for `(struct s) { ... }`."""
        return any(_LITERAL.search(macro.body) for macro in self.macros.by_name.get(name or "", ()))

    def _literal(self, call: Call, operand: Operand, local: set[str]) -> FileFacts:
        """What an argument `PAIR(f, g)` for `(struct pair) { f, g }` puts into the struct's members."""
        text = self._fragment(operand.text, call.file)
        if text is None:
            return FileFacts(call.file)
        found = parse_fragment(f"v = {text};", call.file, call.line, call.column, call.function or "@", local, operand.base or "")
        kept = [a for a in found.assignments if a.kind == "initializer" and a.left.base is None and a.left.cast]
        for made in kept:
            made.function = call.function
        return FileFacts(call.file, assignments=kept)

    def _value(self, assignment: Assignment, operand: Operand, local: set[str]) -> FileFacts | None:
        """What a macro as a value, or as a piece of a brace list, puts into the assignment's left side."""
        text = self._fragment(operand.text, assignment.file)
        if (
            text is None
            or not (_WORD.search(text))
            or not any(w in self.functions or w in local for w in _WORD.findall(text))
            and "->" not in text
        ):
            return None
        listed = assignment.kind == "initializer" and bool(assignment.left.fields)
        whole = _BRACED.match(text) if not listed else None  # `struct attribute a = ATTRIBUTE(name);`
        code = f"int v[] = {{ {text} }};" if listed else f"struct v v = {text};" if whole is not None else f"v = {text};"
        function = assignment.function or "@"
        found = parse_fragment(code, assignment.file, assignment.line, assignment.column, function, local, operand.base or "")
        kept = FileFacts(assignment.file)
        for made in found.assignments:
            if made.left.base != "v":
                if made.left.base is None and made.left.cast and made.kind == "initializer":  # within `(struct s) { f, g }`
                    made.function = assignment.function
                    kept.assignments.append(made)
                continue
            path = made.left.fields
            if listed:
                head, last = assignment.left.fields[:-1], assignment.left.fields[-1]
                if path and path[0].startswith("#"):
                    path = (*head, last, *path[1:])
                else:
                    path = (*head, *path)
            else:
                path = (*assignment.left.fields, *path) if whole is not None else assignment.left.fields
            left = Operand(assignment.left.text, assignment.left.base, path, False, assignment.left.cast, assignment.left.call)
            made.left, made.function, made.kind = left, assignment.function, assignment.kind
            kept.assignments.append(made)
        names = {o.base for m in kept.assignments for o in m.right}
        for use in found.uses:
            if use.name in names and use.name in self.functions:
                use.function, use.kind, use.variable, use.fields = (
                    assignment.function,
                    "initializer",
                    assignment.left.base,
                    assignment.left.fields,
                )
                kept.uses.append(use)
        return kept
