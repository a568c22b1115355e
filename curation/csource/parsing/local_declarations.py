"""Which variables does a statement in a function declare? Told by what stands at its beginning, without knowing any type.

>>> code = "struct ops *p, q;"; one = FileFacts("a.c"); text, scope, top = FileText("a.c", code, code, []), Scope(), Frame(0, 0)
>>> local = LocalDeclarationParser(text, scope, one, AssignmentParser(text, scope, one), StructParser(text, one))
>>> local.begin(top, 0), top.spec
(11, 'struct ops')
"""
from __future__ import annotations

import re

from curation.csource.facts.model import FileFacts, Operand, Prototype, Variable
from curation.csource.lexing.annotations import without_annotations, without_attributes
from curation.csource.lexing.brackets import closing
from curation.csource.lexing.keywords import BUILTIN, QUALIFIERS, STORAGE, TAGS, macro_like, one_space
from curation.csource.parsing.assignments import AssignmentParser
from curation.csource.parsing.context import FileText, Frame, Scope
from curation.csource.parsing.declarators import TYPE, Declared, declarator, parameters
from curation.csource.parsing.operands import name_operand
from curation.csource.parsing.structs import StructParser

_STATEMENT_WORDS = "return|goto|else|case|do|break|continue|default|if|while|for|switch|sizeof|asm|__asm__|__asm"
MAY_DECLARE = (  # what a declaration can begin with
    r"\s*+(?=[A-Za-z_]\w*+\s*+(?:[A-Za-z_*{]|\(\s*(?:\w+\s+)?\*)"
    rf"|(?:{'|'.join(sorted(BUILTIN))})\s*\()(?!(?:{_STATEMENT_WORDS})\b)"
)
_MAY_DECLARE = re.compile(MAY_DECLARE, re.ASCII)
_LOCAL = re.compile(  # a declaration: storage, 1 type, then declarators that begin with 2 a name and 3 what follows it, or are 4 a pointer
    rf"\s*+(?!(?:typedef|{_STATEMENT_WORDS})\b){TYPE}(?:\s*+(?=\*)|\s++|(?=\())"
    r"(?=(?:\*|\bconst\b|\bvolatile\b|\brestrict\b|\b__restrict\b|\s)*+([A-Za-z_]\w*+)\s*+([=;,\[(*]|[A-Za-z_])"
    r"|(?:\*|\s)*+(\(\s*(?:[A-Za-z_]\w*\s+)?\*[\s*]*+(?:(?:const|volatile|restrict|__restrict)\b\s*+)*+\w*\s*(?:\[[^\]]*\]\s*)*\)\s*\())",
    re.ASCII,
)
_OF_MACRO_TYPE = re.compile(r"[ \t]++\**\s*([A-Za-z_]\w*+)\s*;", re.ASCII)
_NOT_DECLARED = frozenset(_STATEMENT_WORDS.split("|")) | BUILTIN
_WORD = re.compile(r"\s*+([A-Za-z_]\w*+)", re.ASCII)
_BEFORE_TAG = frozenset(TAGS | STORAGE | QUALIFIERS)
_MORE_WORDS = re.compile(r"\s*+(?:[A-Za-z_]\w*+\s*+)++(?:\(\([^;()]*+(?:\([^;()]*+\)[^;()]*+)?\)\)\s*)?[=;,\[]", re.ASCII)
_TAGGED = re.compile(rf"\s*(?:(?:{'|'.join(sorted(STORAGE))}|const|volatile)\s+)*+(struct|union|enum)\b\s*([A-Za-z_]\w*)?[^;{{}}()=,]*\{{",
                     re.ASCII)
_TYPED = re.compile(r"\b[A-Za-z_]\w*\s+\**\s*[A-Za-z_]|\*\s*[,)]|\b(?:void|int|char|long|unsigned)\b", re.ASCII)
_POINTED = re.compile(r"\(\s*(?:[A-Za-z_]\w*\s+)?\*", re.ASCII)
_STATIC = re.compile(r"\bstatic\b", re.ASCII)


class LocalDeclarationParser:
    """Parses declarations in functions. structs: for types that are defined in a function."""

    def __init__(self, text: FileText, scope: Scope, facts: FileFacts, assignments: AssignmentParser, structs: StructParser) -> None:
        self.text, self.scope, self.facts, self.assignments, self.structs = text, scope, facts, assignments, structs

    def begin(self, top: Frame, start: int) -> int:
        """Begins a declaration where one stands at a statement's start; tells up to where events are to be passed over."""
        code = self.text.code
        if _MAY_DECLARE.match(code, start) is None:
            return start
        found = _LOCAL.match(code, start)
        if found is None:
            return self._type_definition(top, start)
        follow, pointer = found.group(3), found.group(4)
        kind_at = found.start(1)
        if (follow is None or follow not in "=;,[") and not self._declares(found, follow, pointer):
            return start
        top.spec = one_space(found.group(1))
        top.at = found.end()
        top.static = code.find("static", start, kind_at) >= 0
        top.extern = code.find("extern", start, kind_at) >= 0
        return found.end()

    def _type_definition(self, top: Frame, start: int) -> int:
        """A typedef, or a struct with its members and what it declares."""
        code = self.text.code
        word = _WORD.match(code, start)
        if word is not None and word.group(1) == "typedef":
            return self.structs.typedef_statement(start)
        tagged = _TAGGED.match(code, start) if word is not None and word.group(1) in _BEFORE_TAG else None
        if tagged is None:
            return start
        top.spec, top.at = self.structs.struct(tagged.start(1), tagged.end() - 1)
        top.static, top.extern = _STATIC.search(tagged.group()) is not None, False
        return top.at

    def _declares(self, found: re.Match[str], follow: str | None, pointer: str | None) -> bool:
        """Whether what looks like `type name (`, `type name word` or `type (*name)(` declares."""
        text, code = self.text, self.text.code
        kind = found.group(1)
        basic = kind.split(None, 1)[0] in BUILTIN or kind.split(None, 1)[0] in TAGS
        if pointer is not None:
            second = code.index("(", code.index(")", found.start(4)))
            close = closing(code, second)
            return close is not None and (basic or self._declares_pointer(kind, second, close))
        if not basic and macro_like(kind) and "\n" in code[found.end(1):found.start(2)]:
            return False  # a macro statement without parentheses and `;`
        if follow == "*":  # `struct s __user *p`
            return macro_like(found.group(2))
        if follow == "(":
            close = closing(code, found.start(3))
            if close is not None and _POINTED.match(code, found.start(3)) and code.startswith("(", second := text.following(close + 1)):
                close = closing(code, second)  # `char *CALLED (*f)(int)`
                return close is not None and self._declares_pointer(kind, second, close)
            if close is not None and not basic and "*" not in code[found.end(1):found.start(2)]:
                empty = not code[found.start(3) + 1:close].strip()
                if macro_like(kind) if empty else _TYPED.search(code, found.start(3), close + 1) is None:
                    return False  # `NEXT next(x);`
            return close is not None and code[text.following(close + 1):text.following(close + 1) + 1] in (";", ",", "_")
        return _MORE_WORDS.match(code, found.start(2)) is not None

    def _declares_pointer(self, kind: str, opened: int, close: int) -> bool:
        """Whether `kind (*name)(...)`, with its parameters' brackets, declares: what calls a call's result looks the same."""
        code = self.text.code
        after = code[self.text.following(close + 1):self.text.following(close + 1) + 1]
        if after in ("=", "["):
            return True
        given = code[opened + 1:close].strip()
        return after in (";", ",") and (not macro_like(kind) or not given or _TYPED.search(code, opened, close + 1) is not None)

    def after_macro(self, top: Frame, after: int) -> int:
        """A declaration after a macro statement that has no `;`, or of the type that a macro makes (`typeof_member(struct s, f) name;`)."""
        code = self.text.code
        typed = _OF_MACRO_TYPE.match(code, after)
        if typed is not None and typed.group(1) not in _NOT_DECLARED:
            top.spec, top.at, top.static, top.extern = "typeof", after, False, False
            return typed.end() - 1
        at = self.text.following(after)
        char = code[at:at + 1]
        if (char.isalpha() or char == "_") and "\n" in code[after:at]:
            return self.begin(top, at)
        return after

    def end_declarator(self, top: Frame, end: int) -> None:
        """Ends a declarator at `,`, `;` or `}`: with its value, or without one."""
        if top.pending:
            self.assignments.flush(top, end)
        elif top.at >= 0:
            self.declare(top, end)

    def declare(self, top: Frame, end: int) -> tuple[Operand, str] | None:
        """The variable, and its type, whose declarator ends before an offset; None for a function, whose prototype becomes a fact."""
        assert top.spec is not None
        start = top.at
        declared = self._declarator(start, end)
        if declared is None:
            return None
        found, text = declared
        line = self.text.line(start + found.at)
        scope, file = self.scope, self.text.file
        if found.parameters is not None:
            listed, variadic = parameters(text[found.parameters[0]:found.parameters[1]])
            self.facts.prototypes.append(Prototype(found.name, file, line, top.spec, listed, variadic))
            return None
        kind = f"{top.spec} {found.rest}" if found.rest else top.spec
        self.facts.variables.append(Variable(found.name, file, line, scope.function, kind, top.static, top.extern))
        if scope.function is not None:
            scope.local.add(found.name)
            scope.types[found.name] = kind
        else:
            scope.file_types[found.name] = kind
        return name_operand(found.name), kind

    def _declarator(self, start: int, end: int) -> tuple[Declared, str] | None:
        """What is declared between two offsets, and the text that it was read from."""
        code = self.text.code
        text = without_attributes(code[start:end])
        if not text.strip():
            return None
        found = declarator(text)
        if found is None or found.parameters is not None or "(" in found.rest and "(*" not in found.rest or macro_like(found.name):
            text = without_annotations(f"int {text}", False)[4:]
            again = declarator(text)
            if again is not None and (found is None or again.name != found.name):
                found = again
            if found is None or (found.name.startswith("__") and text.strip() == found.name and start and code[start - 1] == "}"):
                return None
        return found, text
