"""Which C would a person read here? Text made ready for reading without a preprocessor, every character at its old place.

Comments, string contents and directives are blanked; macros are taken out of `#define`; conditional branches are all kept when the result
can still be one program (else the first that is not `#if 0`, branches.py), and each branch is told with its condition.

>>> prepare("int a; /* b */ char *c = \\"d{\\";\\n#ifdef E\\nint e;\\n#endif\\n", "a.c").code
'int a;         char *c = "  ";\\n        \\nint e;\\n      \\n'
"""
from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np

from curation.csource.facts.model import Macro
from curation.csource.lexing.conditionals import Branch, Group, choose, never
from curation.csource.lexing.keywords import KEYWORDS, QUALIFIERS, STORAGE, macro_like, one_space

# start, end, the directive, the macro's name: with it a #define of one line without parameters, whose body stands for the directive.
_Directive = tuple[int, int, str, str]


@dataclass
class Prepared:
    """code: as long as the text, ASCII only. ends: offsets of the line ends. conditions: (first line, last line, condition) of each branch.
    dropped: (start, end) offsets of conditional branches left out."""

    code: str
    ends: list[int]
    macros: list[Macro] = field(default_factory=list)
    conditions: list[tuple[int, int, str]] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)


_REST = (  # of a directive, up to the end of its last line
    r"""(?:[^\\\n/"']+|\\.|/(?![/*])|"(?:[^"\\\n]+|\\.)*"?|'(?:[^'\\\n]+|\\.)*'?|//(?:[^\\\n]+|\\.)*|/\*.*?(?:\*/|\Z))*"""
)
_OTHER = r"""//(?:[^\\\n]+|\\.)*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]+|\\.)*"?|'(?:[^'\\\n]+|\\.)*'?"""
_PLAIN_DEFINE = r"""\n[ \t]*+\#[ \t]*+define[ \t]++(\w++)[ \t]++([^\n"'/\\]++)(?=\n)"""
_TOKEN = re.compile(_OTHER + r"|\\\n|" + _PLAIN_DEFINE + r"|\n[ \t]*\#" + _REST, re.DOTALL | re.ASCII)
LEX = re.compile(_OTHER + r"|^[ \t]*\#" + _REST, re.DOTALL | re.MULTILINE)  # comments, strings and directives
_MAX_NESTED = 60  # #if within each other whose branches are looked at; each looks at all that is in it
_LINE_END = re.compile("\n")
_NEWLINE = 10
_SHORT = 2000  # characters: in longer texts an array finds the line ends faster
_BLANKED = "".join("\n" if code == _NEWLINE else " " for code in range(128))  # for str.translate
_COMMENT = re.compile(r"//.*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_DEFINE = re.compile(r"\s*#\s*define\s+(\w+)(\(([^()]*)\))?(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"\s*#\s*(\w*)\s*(.*)", re.DOTALL | re.ASCII)
_FUNCTION_POINTER = re.compile(r"\((?:\s*([A-Z_][A-Z0-9_]+)\s)?\s*\*\s*\w*\s*(?:\[[^\]\n]*\]\s*)*\)\s*\(", re.ASCII)
_WORD_BEFORE = re.compile(rf"(?<![\w.>])(?!(?:return|else|{'|'.join(sorted(STORAGE | QUALIFIERS))})\b)\w+[\s*]+([A-Z_][A-Z0-9_]+)\s*\Z",
                          re.ASCII)
_TYPE_BEFORE = re.compile(r"(?<![\w.>])(?!(?:return|else|do|case|sizeof)\b)\w+[\s*]*\Z", re.ASCII)
_POINTER_AFTER = re.compile(r"\)\s*\*++\s*[A-Za-z_]\w*+\s*[;,=(\[]", re.ASCII)
_MADE_BEFORE = re.compile(r"(?:[;{}]\s*|\n)(?:(?:static|extern|const)\s+)*+([A-Z][A-Z0-9_]+)\s*\(\s*\w+\s*\Z", re.ASCII)
_NO_WORD = re.compile(r"[^\w\n]", re.ASCII)
_NEAR = 300  # characters before a declared name in which its declaration begins
_GRAMMAR = (".y", ".yy", ".l", ".ll", ".ypp", ".lex")
_GRAMMAR_VALUE = re.compile(r"\$(?:<\w+>)?(?:\$|\w+)|@(?:\$|\w+)", re.ASCII)


def blank(text: str) -> str:
    return text.translate(_BLANKED) if "\n" in text else " " * len(text)


def _line_ends(code: str) -> list[int]:
    """The offsets of the line ends of a text in ASCII."""
    if len(code) < _SHORT:
        return [m.start() for m in _LINE_END.finditer(code)]
    found: list[int] = np.flatnonzero(np.frombuffer(code.encode("ascii"), np.uint8) == _NEWLINE).tolist()
    return found


def prepare(text: str, file: str) -> Prepared:
    """`file` names the macros' place only. Never raises; linear in the text."""
    code = text if text.isascii() else re.sub(r"[^\x00-\x7f]", "x", text)
    if "\f" in code or "\v" in code:
        code = code.replace("\f", " ").replace("\v", " ")
    prepared = Prepared(code, _line_ends(code))
    directives: list[_Directive] = []

    def replaced(found: re.Match[str]) -> str:
        token = found.group()
        lead = token[0]
        if lead == "/":
            return blank(token)
        if lead == "\\":  # a line that goes on, outside of a macro
            return " \n"
        if lead != "\n":
            return _literal(token)
        start = found.start()  # of the directive: the line end that was put in front counts
        if found.lastindex:
            directives.append((start, start + len(token) - 1, found.group(2), found.group(1)))
            return "\n" + " " * (len(token) - 1)
        directives.append((start, start + len(token) - 1, token[1:], ""))
        return blank(token)

    prepared.code = _TOKEN.sub(replaced, "\n" + code)[1:]
    if file.endswith(_GRAMMAR):
        prepared.code = _without_grammar(prepared.code)
    if directives:
        _read_directives(prepared, directives, text, file)
    prepared.code = _with_made_types(_without_conventions(prepared.code))
    return prepared


def _with_made_types(code: str) -> str:
    """`STACK_OF(X509) *list` as `STACK_OF_X509_ *list`: a macro that makes a type reads as a name. Told by declarations that begin with
    it."""
    names: set[str] = set()
    for found in _POINTER_AFTER.finditer(code):
        made = _MADE_BEFORE.search(code, max(0, found.start() - _NEAR), found.start())
        if made is not None and made.group(1) not in names:
            names.add(made.group(1))
    if not names:
        return code
    wanted = re.compile(rf"\b(?:{'|'.join(sorted(names))})\s*\(\s*\w+\s*\)(?=\s*\*)", re.ASCII)
    return wanted.sub(lambda m: _NO_WORD.sub("_", m.group()), code)


def _without_conventions(code: str) -> str:
    """Pointers to functions without the calling convention that a macro gives them: `int FAST_FUNC (*f)(int)`, `(WINAPI *f)(int)`."""
    parts: list[str] = []
    at = 0
    for found in _FUNCTION_POINTER.finditer(code):
        if found.group(1):
            start, end = found.span(1)
            if _TYPE_BEFORE.search(code, max(at, found.start() - 60), found.start()) is None:
                continue  # a cast: `x = (WORD *) (*p->f)(y)`
        else:
            before = _WORD_BEFORE.search(code, max(at, found.start() - 60), found.start())
            if before is None:
                continue
            start, end = before.span(1)
        if start >= at and macro_like(code[start:end]):
            parts += [code[at:start], " " * (end - start)]
            at = end
    return "".join(parts) + code[at:] if parts else code


def _literal(token: str) -> str:
    """A string or character without what is in it; a line continued inside a string stays one token; an open one is blanked."""
    if len(token) < 2 or token[-1] != token[0]:
        return blank(token)
    inner = token[1:-1]
    if "\n" in inner:
        inner = re.sub(r"\\\n|.", lambda m: m.group() if len(m.group()) == 2 else " ", inner)
        return f"{token[0]}{inner}{token[0]}"
    return token[0] + " " * len(inner) + token[0]


def _without_grammar(code: str) -> str:
    """The C of a yacc or lex file: prologue, actions and epilogue; rules and declarations blanked, `$1` and `@1` made names of the same
    length."""
    marks = [m.start() for m in re.finditer(r"^%%", code, re.MULTILINE)]
    if not marks:
        return code
    ends = marks[1] if len(marks) > 1 else len(code)
    head = re.sub(r"^%\{|^%\}|^%(?!\{|\}).*", lambda m: blank(m.group()), code[:marks[0]], flags=re.MULTILINE)
    out: list[str] = []
    depth = at = 0
    rules = code[marks[0]:ends]
    for found in re.finditer(r"[{}]", rules):
        if found.group() == "{":
            if depth == 0:
                out.append(blank(rules[at:found.start()]))
                at = found.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                out.append(_GRAMMAR_VALUE.sub(lambda m: "x" * len(m.group()), rules[at:found.end()]))
                at = found.end()
    return head + "".join(out) + blank(rules[at:]) + re.sub(r"^%%", "  ", code[ends:])


def _read_directives(prepared: Prepared, directives: list[_Directive], text: str, file: str) -> None:
    """Macros, conditions, and the choice of branches."""
    ends = prepared.ends
    stack: list[Group] = []
    hidden = 0  # how many of the branches we stand in are never compiled
    live: dict[str, list[Macro]] = {}
    assumed: dict[str, bool] = {}
    code = bytearray(prepared.code, "ascii")
    changed = False
    for start, end, token, name in directives:
        if name:
            if not hidden and name not in KEYWORDS:
                body = token if token.isascii() else text[end - len(token):end]
                macro = Macro(name, file, bisect_left(ends, start) + 1, None, " ".join(body.split()))
                prepared.macros.append(macro)
                live.setdefault(name, []).append(macro)
            continue
        word, rest = _DIRECTIVE.match(token).groups()  # type: ignore[union-attr]
        if word == "define":
            if not hidden:
                made = _macro(text[start:end], file, bisect_left(ends, start + len(token) - len(token.lstrip())) + 1)
                if made is not None and made.name not in KEYWORDS:
                    prepared.macros.append(made)
                    live.setdefault(made.name, []).append(made)
        elif word == "undef":
            for macro in live.pop(rest.strip().split(" ")[0], ()):
                macro.ended = bisect_left(ends, start + len(token) - len(token.lstrip())) + 1
        elif word in ("if", "ifdef", "ifndef"):
            branch = Branch(f"{word} {_COMMENT.sub(' ', rest).strip()}", end)
            hidden += never(branch.condition)
            stack.append(Group([branch], [start]))
        elif word in ("elif", "else", "elifdef", "elifndef") and stack:
            last = stack[-1].branches[-1]
            last.end = start
            branch = Branch(f"{word} {_COMMENT.sub(' ', rest).strip()}".strip(), end)
            hidden += never(branch.condition) - never(last.condition)
            stack[-1].branches.append(branch)
            stack[-1].marks.append(start)
        elif word == "endif" and stack:
            group = stack.pop()
            last = group.branches[-1]
            hidden -= never(last.condition)
            last.end = start
            group.marks.append(start)
            if len(stack) < _MAX_NESTED:
                prepared.dropped += choose(code, group, assumed)
                changed = True
                _tell(prepared, group, not stack, text)
    if changed:
        prepared.code = code.decode("ascii")
    prepared.conditions.sort(key=lambda c: (c[0], -c[1]))


def _tell(prepared: Prepared, group: Group, outermost: bool, text: str) -> None:
    """The conditions of a group's branches, each from its directive to the next; include guards are none."""
    opening = group.branches[0].condition
    if outermost and len(group.branches) == 1 and opening.startswith(("ifndef", "if !")) and _is_guard(opening, group, text):
        return
    for branch, mark in zip(group.branches, group.marks, strict=False):
        condition = one_space(branch.condition)
        if branch.condition.startswith("else"):
            condition = f"else of {one_space(opening)}"
        prepared.conditions.append((bisect_left(prepared.ends, mark) + 1, bisect_left(prepared.ends, branch.end) + 1, condition))


def _is_guard(opening: str, group: Group, text: str) -> bool:
    """Whether `#ifndef NAME` is at once followed by `#define NAME`."""
    name = re.search(r"\w+\W*\Z", opening)
    start = group.branches[0].start
    return name is not None and re.match(rf"\s*#\s*define\s+{re.escape(name.group().strip(' )'))}\b", text[start:start + 400]) is not None


def _macro(token: str, file: str, line: int) -> Macro | None:
    found = _DEFINE.match(token.replace("\\\n", "\n"))
    if found is None:
        return None
    name, has_params, params, body = found.groups()
    body = " ".join(_COMMENT.sub(" ", body).split()) if "/" in body else " ".join(body.split())
    return Macro(name, file, line, [p.strip() for p in params.split(",") if p.strip()] if has_params else None, body)
