"""Which C would a person read here? Text made ready for reading without a preprocessor, every character at its old place.

Comments, string contents and directives are blanked; macros are taken out of `#define`; conditional branches are all kept when the result
can still be one program (else the first that is not `#if 0`, conditionals.py), and each branch is told with its condition.

>>> prepare("int a; /* b */ char *c = \\"d{\\";\\n#ifdef E\\nint e;\\n#endif\\n", "a.c").code
'int a;         char *c = "  ";\\n        \\nint e;\\n      \\n'
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from curation.csource.facts.model import Macro
from curation.csource.lexing.directives import Directive, DirectivePass
from curation.csource.lexing.keywords import QUALIFIERS, STORAGE, macro_like


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
_LINE_END = re.compile("\n")
_NEWLINE = 10
_SHORT = 2000  # characters: in longer texts an array finds the line ends faster
_BLANKED = "".join("\n" if code == _NEWLINE else " " for code in range(128))  # for str.translate
_FUNCTION_POINTER = re.compile(r"\((?:\s*([A-Z_][A-Z0-9_]+)\s)?\s*\*\s*\w*\s*(?:\[[^\]\n]*\]\s*)*\)\s*\(", re.ASCII)
_WORD_BEFORE = re.compile(rf"(?<![\w.>])(?!(?:return|else|{'|'.join(sorted(STORAGE | QUALIFIERS))})\b)\w+[\s*]+([A-Z_][A-Z0-9_]+)\s*\Z",
                          re.ASCII)
_TYPE_BEFORE = re.compile(r"(?<![\w.>])(?!(?:return|else|do|case|sizeof)\b)\w+[\s*]*\Z", re.ASCII)
_POINTER_AFTER = re.compile(r"\)\s*\*++\s*[A-Za-z_]\w*+\s*[;,=(\[]", re.ASCII)
_MACRO_TYPE_BEFORE = re.compile(r"(?:[;{}]\s*|\n)(?:(?:static|extern|const)\s+)*+([A-Z][A-Z0-9_]+)\s*\(\s*\w+\s*\Z", re.ASCII)
_NO_WORD = re.compile(r"[^\w\n]", re.ASCII)
_NEAR = 300  # characters before a declared name in which its declaration begins
_GRAMMAR = (".y", ".yy", ".l", ".ll", ".ypp", ".lex")
_GRAMMAR_VALUE = re.compile(r"\$(?:<\w+>)?(?:\$|\w+)|@(?:\$|\w+)", re.ASCII)


def _blank(text: str) -> str:
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
    directives: list[Directive] = []

    def replaced(found: re.Match[str]) -> str:
        token = found.group()
        lead = token[0]
        if lead == "/":
            return _blank(token)
        if lead == "\\":  # a line that goes on, outside of a macro
            return " \n"
        if lead != "\n":
            return _literal(token)
        start = found.start()  # of the directive: the line end that was put in front counts
        if found.lastindex:
            directives.append((start, start + len(token) - 1, found.group(2), found.group(1)))
            return "\n" + " " * (len(token) - 1)
        directives.append((start, start + len(token) - 1, token[1:], ""))
        return _blank(token)

    prepared.code = _TOKEN.sub(replaced, "\n" + code)[1:]
    if file.endswith(_GRAMMAR):
        prepared.code = _without_grammar(prepared.code)
    if directives:
        pass_over = DirectivePass(text, file, prepared.code, prepared.ends)
        pass_over.read(directives)
        prepared.code, prepared.macros, prepared.conditions, prepared.dropped = pass_over.result()
    prepared.code = _with_macro_types(_without_conventions(prepared.code))
    return prepared


def _with_macro_types(code: str) -> str:
    """`STACK_OF(X509) *list` as `STACK_OF_X509_ *list`: a macro that makes a type reads as a name. Such are macros
    that declarations begin with."""
    names: set[str] = set()
    for found in _POINTER_AFTER.finditer(code):
        macro = _MACRO_TYPE_BEFORE.search(code, max(0, found.start() - _NEAR), found.start())
        if macro is not None and macro.group(1) not in names:
            names.add(macro.group(1))
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
        return _blank(token)
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
    head = re.sub(r"^%\{|^%\}|^%(?!\{|\}).*", lambda m: _blank(m.group()), code[:marks[0]], flags=re.MULTILINE)
    out: list[str] = []
    depth = at = 0
    rules = code[marks[0]:ends]
    for found in re.finditer(r"[{}]", rules):
        if found.group() == "{":
            if depth == 0:
                out.append(_blank(rules[at:found.start()]))
                at = found.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                out.append(_GRAMMAR_VALUE.sub(lambda m: "x" * len(m.group()), rules[at:found.end()]))
                at = found.end()
    return head + "".join(out) + _blank(rules[at:]) + re.sub(r"^%%", "  ", code[ends:])
