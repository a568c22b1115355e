"""Which operands are not what they look like, since their base or field is a macro for a place, or one argument a macro for several?

>>> text = "#define ALOOKUP funcs->lookup\\nint f(void) { v = ALOOKUP; }"; one = parse_file(text, "a.c"); macros = Macros.of(one.macros)
>>> OperandMacros(macros, set(), set(), Dependencies(), ExpansionCache(macros)).put_places(one, LocalNames(one))
>>> one.assignments[0].right[0].base, one.assignments[0].right[0].fields
('funcs', ('lookup',))
"""
from __future__ import annotations

import re
from collections.abc import Set

from curation.csource.facts.model import Arg, Assignment, Call, FileFacts, Operand
from curation.csource.lexing.brackets import split
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import ExpansionCache, Macros
from curation.csource.macros.local_names import LocalNames
from curation.csource.macros.summaries import is_computed, value_of
from curation.csource.parsing.file_parser import parse_fragment

_PATH = re.compile(r"\(*\s*\*?\s*[A-Za-z_]\w*\s*(?:(?:->|\.)\s*\w+|\[[^\[\]]*\])+\s*\)*\Z")  # a place, as the body of an object-like macro
_NAME = re.compile(r"[A-Za-z_]\w*(?=\s*(?:\(.*\)\s*)?\Z)", re.DOTALL)  # of a macro that is the whole text
_LAST_NAME = re.compile(r"(?:\|\||&&|[=?:,!])\s*([A-Za-z_]\w*)\s*\Z")


class OperandMacros:
    """functions, fields: see apply.Expander."""

    def __init__(
        self, macros: Macros, functions: Set[str], fields: Set[str], dependencies: Dependencies, expansions: ExpansionCache,
    ) -> None:
        self.macros, self.functions, self.fields, self.dependencies, self.expansions = macros, functions, fields, dependencies, expansions
        self._lists: dict[str, bool] = {}
        self._computed: dict[tuple[str, str, int], tuple[bool, Dependencies]] = {}

    # ---- one argument for several

    def spread_arguments(self, one: FileFacts, local: LocalNames) -> None:
        """An argument that is a macro for several (`#define ON_LOOP(fn) KIND_LOOP, CHECKED(fn)`) becomes them."""
        for call in one.calls:
            if call.callee_name in self.macros.by_name or not any(self._is_list(arg.text) for arg in call.args):
                continue
            texts = [self.expansions.get(arg.text, call.file) or arg.text if self._is_list(arg.text) else arg.text for arg in call.args]
            code = f"spread({', '.join(texts)});"
            found = parse_fragment(code, call.file, call.line, call.column, call.function or "@", local.within(call.function), "")
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

    # ---- the place that a macro stands for

    def put_places(self, one: FileFacts, local: LocalNames) -> None:
        """Operands whose base or field is a macro (`#define alookup funcs->lookup`, `TABLE(x)[i].fn`) become the place that it stands
        for."""
        facts: list[Call | Assignment] = [*one.calls, *one.assignments]
        for fact in facts:
            names = local.within(fact.function)
            if isinstance(fact, Call):
                if fact.callee_name is None:
                    fact.operand = self._callee(fact.operand, one.file, names)
                fact.others = [self._place(o, one.file, names) for o in fact.others]
                fact.args = [self._argument(arg, one.file, names) for arg in fact.args]
            else:
                fact.left = self._place(fact.left, one.file, names) if fact.kind == "assignment" else fact.left
                fact.right = [self._place(o, one.file, names) for o in fact.right]

    def _argument(self, arg: Arg, file: str, local: set[str]) -> Arg:
        """The one given, which others may share, where nothing changes."""
        operands = [self._place(o, file, local) for o in arg.operands]
        return arg if all(a is b for a, b in zip(operands, arg.operands, strict=True)) else Arg(arg.text, operands)

    def _callee(self, operand: Operand, file: str, local: set[str]) -> Operand:
        """As _place; of `UNTIL(fn)(x)` for `done = done || fn(x)` the name at the end is what is called."""
        if operand.call and not operand.fields and operand.base in self.macros.by_name:
            last = _LAST_NAME.search(self.expansions.get(operand.text, file) or "")
            if last is not None:
                return Operand(operand.text, last.group(1))
        return self._place(operand, file, local)

    def _place(self, operand: Operand, file: str, local: set[str]) -> Operand:
        if not self._is_macro(operand, file, local):
            return operand
        text = self.expansions.get(operand.text, file)
        value = value_of(text, file) if text is not None else None
        if value is None or value.call and value.base == operand.base or value.base is None and "{" in (text or ""):
            return operand
        return Operand(operand.text, value.base, value.fields, operand.address or value.address, operand.cast or value.cast, value.call)

    def _is_macro(self, operand: Operand, file: str, local: set[str]) -> bool:
        """Whether an operand's base or one of its fields is a macro that may stand for a place. A function's name is a macro only in some
        configurations."""
        base, by_name = operand.base, self.macros.by_name
        if not operand.fields and not operand.call:
            if base is None or base not in by_name or base in local or base in self.functions:
                return False
            macro = self.macros.get(base, file)
            return macro is not None and macro.params is None and _PATH.match(macro.body) is not None
        if not any(w in by_name and w not in self.fields for w in operand.fields) and (base not in by_name or base in local):
            return False
        if not operand.call or base is None:
            return True
        macro = self.macros.get(base, file)
        if macro is not None and macro.params is None and base in self.functions:
            return False
        return bool(operand.fields) or not self._is_computed(base, file)

    def _is_computed(self, name: str, file: str) -> bool:
        """Whether a macro's value is no place and no result of one call, whatever its arguments are."""
        macro = self.macros.get(name, file)
        if macro is None or macro.params is None:
            return False
        return self.dependencies.remembered(self._computed, (macro.name, macro.file, macro.line), is_computed, self.macros, macro)
