"""Which macros does a file define, and which of its branches of conditional compilation are kept, under which conditions?

>>> code = "\\n" * 3 + "int a;\\n" + "\\n"; ends = [i for i, c in enumerate(code) if c == "\\n"]
>>> directives = DirectivePass(code, "a.c", code, ends)
>>> directives.read([(0, 1, "#define A 1", "A"), (1, 2, "#ifdef A", ""), (10, 11, "#endif", "")])
>>> [m.name for m in directives.macros], directives.conditions
(['A'], [(2, 5, 'ifdef A')])
"""
from __future__ import annotations

import re
from bisect import bisect_left

from curation.csource.facts.model import Macro
from curation.csource.lexing.conditionals import Branch, ConditionalGroup, choose, never
from curation.csource.lexing.keywords import KEYWORDS, one_space

# start, end, the directive, the macro's name: with it a #define of one line without parameters, whose body stands for the directive.
Directive = tuple[int, int, str, str]
Conditions = list[tuple[int, int, str]]  # first line, last line, condition of each branch

_MAX_NESTED = 60  # #if within each other whose branches are looked at; each looks at all that is in it
_COMMENT = re.compile(r"//.*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_DEFINE = re.compile(r"\s*#\s*define\s+(\w+)(\(([^()]*)\))?(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"\s*#\s*(\w*)\s*(.*)", re.DOTALL | re.ASCII)


class DirectivePass:
    """Goes over the directives of one file in order. code: prepared but for its branches. ends: offsets of the line ends."""

    def __init__(self, text: str, file: str, code: str, ends: list[int]) -> None:
        self.text, self.file, self.ends = text, file, ends
        self.macros: list[Macro] = []
        self.conditions: Conditions = []
        self._written = code
        self._code: bytearray | None = None  # with branches blanked, once a group has ended
        self._dropped: list[tuple[int, int]] = []
        self._groups: list[ConditionalGroup] = []  # those that we stand in
        self._hidden = 0  # how many of the branches we stand in are never compiled
        self._in_force: dict[str, list[Macro]] = {}
        self._assumed: dict[str, bool] = {}

    def read(self, directives: list[Directive]) -> None:
        """Whatever they say, no error is raised: an #endif or #else without an #if is passed over."""
        for start, end, token, name in directives:
            if name:
                self._define_short(start, end, token, name)
                continue
            word, rest = _DIRECTIVE.match(token).groups()  # type: ignore[union-attr]
            if word == "define":
                self._define(start, end, token)
            elif word == "undef":
                for macro in self._in_force.pop(rest.strip().split(" ")[0], ()):
                    macro.ended = self._line(start, token)
            elif word in ("if", "ifdef", "ifndef"):
                self._groups.append(ConditionalGroup([self._branch(f"{word} {_condition(rest)}", end)], [start]))
            elif self._groups and word in ("elif", "else", "elifdef", "elifndef"):
                self._end_branch(start)
                self._groups[-1].branches.append(self._branch(f"{word} {_condition(rest)}".strip(), end))
            elif self._groups and word == "endif":
                self._end_branch(start)
                self._end_group()
        self.conditions.sort(key=lambda c: (c[0], -c[1]))

    def result(self) -> tuple[str, list[Macro], Conditions, list[tuple[int, int]]]:
        """(code without the branches left out, macros, conditions, spans of the branches left out that could be compiled)."""
        code = self._code.decode("ascii") if self._code is not None else self._written
        return code, self.macros, self.conditions, self._dropped

    def _line(self, start: int, token: str) -> int:
        return bisect_left(self.ends, start + len(token) - len(token.lstrip())) + 1

    def _define_short(self, start: int, end: int, token: str, name: str) -> None:
        if not self._hidden and name not in KEYWORDS:
            body = token if token.isascii() else self.text[end - len(token):end]
            self._add(Macro(name, self.file, bisect_left(self.ends, start) + 1, None, " ".join(body.split())))

    def _define(self, start: int, end: int, token: str) -> None:
        macro = _macro(self.text[start:end], self.file, self._line(start, token)) if not self._hidden else None
        if macro is not None and macro.name not in KEYWORDS:
            self._add(macro)

    def _add(self, macro: Macro) -> None:
        self.macros.append(macro)
        self._in_force.setdefault(macro.name, []).append(macro)

    def _branch(self, condition: str, end: int) -> Branch:
        """A branch begins."""
        branch = Branch(condition, end)
        self._hidden += never(branch.condition)
        return branch

    def _end_branch(self, at: int) -> None:
        """The last branch of the innermost group ends at a directive."""
        group = self._groups[-1]
        last = group.branches[-1]
        last.end = at
        group.marks.append(at)
        self._hidden -= never(last.condition)

    def _end_group(self) -> None:
        group = self._groups.pop()
        if len(self._groups) >= _MAX_NESTED:
            return
        if self._code is None:
            self._code = bytearray(self._written, "ascii")
        self._dropped += choose(self._code, group, self._assumed)
        if self._groups or not _is_include_guard(group, self.text):
            self._add_conditions(group)

    def _add_conditions(self, group: ConditionalGroup) -> None:
        """Those of a group's branches, each from its directive to the next."""
        opening = group.branches[0].condition
        for branch, mark in zip(group.branches, group.marks, strict=False):
            condition = one_space(branch.condition)
            if branch.condition.startswith("else"):
                condition = f"else of {one_space(opening)}"
            self.conditions.append((bisect_left(self.ends, mark) + 1, bisect_left(self.ends, branch.end) + 1, condition))


def _condition(rest: str) -> str:
    return _COMMENT.sub(" ", rest).strip()


def _is_include_guard(group: ConditionalGroup, text: str) -> bool:
    """Whether a group is one `#ifndef NAME` that is at once followed by `#define NAME`."""
    opening = group.branches[0].condition
    if len(group.branches) != 1 or not opening.startswith(("ifndef", "if !")):
        return False
    name = re.search(r"\w+\W*\Z", opening)
    start = group.branches[0].start
    return name is not None and re.match(rf"\s*#\s*define\s+{re.escape(name.group().strip(' )'))}\b", text[start:start + 400]) is not None


def _macro(token: str, file: str, line: int) -> Macro | None:
    """What a #define over one or more lines defines."""
    found = _DEFINE.match(token.replace("\\\n", "\n"))
    if found is None:
        return None
    name, has_params, params, body = found.groups()
    body = " ".join(_COMMENT.sub(" ", body).split()) if "/" in body else " ".join(body.split())
    return Macro(name, file, line, [p.strip() for p in params.split(",") if p.strip()] if has_params else None, body)
