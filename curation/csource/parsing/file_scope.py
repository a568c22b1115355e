"""What stands at file scope: functions, types, variables, prototypes, and macros that are invoked there?

>>> code = "extern int a; int f(void); DECLARE_WORK(w, go);"; one = FileFacts("a.c")
>>> text, scope = FileText("a.c", code, code, []), Scope(); statements = statement_parser(text, scope, one)
>>> FileScopeParser(text, scope, one, StructParser(text, one), statements, FunctionParser(text, scope, one, statements)).parse()
>>> [v.name for v in one.variables], [p.name for p in one.prototypes], [c.callee for c in one.calls]
(['a'], ['f'], ['DECLARE_WORK'])
"""
from __future__ import annotations

import re

from curation.csource.facts.model import FileFacts, Prototype, Variable
from curation.csource.lexing.annotations import without_annotations, without_attributes
from curation.csource.lexing.brackets import closing, split
from curation.csource.lexing.keywords import ATTRIBUTES, BUILTIN, CONTROL, STORAGE, TAGS, macro_like, one_space
from curation.csource.parsing.context import FileText, Scope
from curation.csource.parsing.declarators import TYPE, Declared, declarator, parameters, specifiers
from curation.csource.parsing.functions import ANNOTATIONS, FUNCTION_HEAD, INVOCATION_HEAD, NAMES_ONLY, FunctionParser, without_wrapper
from curation.csource.parsing.statements import StatementParser
from curation.csource.parsing.structs import MAX_HEAD, TAG_BEFORE_BRACE, StructParser

_NO_NAME = BUILTIN | TAGS | STORAGE
_TOP = re.compile(r"[({;=}]", re.ASCII)
_EXTERN = re.compile(r'\s*extern\s*"[^"]*"\s*\Z', re.ASCII)
_NAMESPACE = re.compile(r"\s*(?:inline\s+)?(?:namespace|class)\b[^()=]*\Z", re.ASCII)
_TAGGED_HEADER = re.compile(r"\b(struct|union|enum)\b", re.ASCII)
_OLD_STYLE = re.compile(r"(?:[\w\s*,\[\]()]++;)*+\s*+\{", re.ASCII)
_MAX_OLD_STYLE = 3000  # characters between an old-style parameter list and the body
_STATIC = re.compile(r"\bstatic\b", re.ASCII)
_PROTOTYPED = re.compile(r"(\s*(?:extern\s+|static\s+)?\b[A-Z_][A-Z0-9_]*\s*\()(\s*[A-Za-z_][\w\s*]*,)\s*\(.*\)\s*\)\Z",
                         re.DOTALL | re.ASCII)
_RETURN_TYPE_MACRO = re.compile(  # `EXTERN(int *) f(`
    rf"\s*(?:(?:extern|static|inline)\s+)*(?P<macro>[A-Z_][A-Z0-9_]*+\s*+\()(?=\s*(?:const\s+)?{TYPE}[\s*]*\))[^()]*(?P<close>\))"
    r"[\s*]*(?P<name>[A-Za-z_]\w*+)\s*\(", re.ASCII)
_BEFORE = re.compile(r"(\w+)\s*\Z", re.ASCII)
_AFTER = re.compile(r"\s*([A-Za-z_]\w*)", re.ASCII)
_NO_SPACE = {ord(c): None for c in " \t\n\r"}
_ONLY_ANNOTATED = re.compile(r"\s*+(?:(?:static|extern)\s++)?+(?:__[a-z]\w*+\s++)++\Z")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9]*+_[A-Z0-9_]++\Z")
_LONG_FILE = 300_000  # characters: longer ones are not copied to blank one declaration's annotations


class FileScopeParser:
    """Parses one file from its first character to its last."""

    def __init__(
        self, text: FileText, scope: Scope, facts: FileFacts, structs: StructParser, statements: StatementParser, functions: FunctionParser,
    ) -> None:
        self.text, self.scope, self.facts = text, scope, facts
        self.structs, self.statements, self.functions = structs, statements, functions

    def parse(self) -> None:
        """segment: where the declaration begins that goes on at `at`."""
        code = self.text.code
        at = segment = 0
        while (found := _TOP.search(code, at)) is not None:
            char, at = found.group(), found.start()
            if char == "(":
                segment, at = self._parenthesis(segment, at)
            elif char == ";":
                if _begins_old_style(code, segment, at):
                    segment = at = self.functions.definition(segment, code.index("{", at))
                else:
                    self._declaration(segment, at)
                    segment = at = at + 1
            elif char == "=":
                if code.startswith("==", at) or code[at - 1:at] in ("!", "<", ">", "="):
                    at += 2
                else:
                    segment = at = self._initialized(segment, at)
            elif char == "{":
                segment = at = self._braced(segment, at)
            else:
                segment = at = at + 1
        if code.find("(", segment) >= 0 and len(code) - segment < 2 * MAX_HEAD:
            self._declaration(segment, len(code))

    def _parenthesis(self, segment: int, at: int) -> tuple[int, int]:
        """Passes over a parenthesis, or parses the invocation that it ends; (segment, offset) to go on from."""
        close = closing(self.text.code, at)
        if close is None:
            return segment, at + 1
        if self._ends_statement(segment, at, close):
            self._invocation(segment, close + 1)
            return close + 1, close + 1
        return segment, close + 1

    def _ends_statement(self, segment: int, opened: int, close: int) -> bool:
        """Whether `macro(...)` at file scope ends without `;`: the next line begins with a word, and nothing but storage stands before."""
        code = self.text.code
        after = _AFTER.match(code, close + 1)
        if after is None or "\n" not in code[close:after.start(1)]:
            return False
        before = _BEFORE.search(code, max(segment, opened - 80), opened)
        if before is None or before.group(1) in CONTROL or before.group(1) in ATTRIBUTES or before.start(1) - segment > MAX_HEAD:
            return False
        head = code[segment:before.start(1)].strip()
        if head and head not in STORAGE:
            return False
        return not _begins_old_style(code, segment, close)

    def _invocation(self, segment: int, end: int) -> None:
        """`DECLARE_WORK(w, f)` at file scope: a call."""
        invoked = INVOCATION_HEAD.match(self.text.code, segment, end)
        self.statements.parse(invoked.start(1) if invoked is not None else segment, end, single=True)

    # ---- what ends with `;`

    def _declaration(self, segment: int, end: int) -> None:
        """What stands before a `;` without braces or `=`."""
        declaration = self.text.code[segment:end]
        stripped = declaration.strip()
        if not stripped:
            return
        if "(" in declaration:
            declaration = _without_type_macro(_without_prototype_macro(declaration))
        if stripped.startswith("typedef"):
            self.structs.typedef(declaration, segment)
        elif "(" not in declaration:
            self._variables(declaration, segment)
        elif not self._prototype(declaration, segment, end) and not self._invoked_declaration(declaration, segment, end):
            self._variables(without_annotations(declaration, False), segment)

    def _prototype(self, declaration: str, segment: int, end: int) -> bool:
        """`int f(int a)`, or `static __initdata DECLARE_COMPLETION(done)`, which looks alike and is an invocation."""
        head = FUNCTION_HEAD.match(declaration)
        if head is None or head.group(3) in _NO_NAME:
            return False
        close = closing(declaration, head.end() - 1)
        if close is None:
            return False
        at = segment + head.start(3)
        if _ONLY_ANNOTATED.match(declaration, 0, head.start(3)) and _CAPITALS.match(head.group(3)):
            self.statements.parse(at, end + 1, single=True)
            return True
        if declaration[close + 1:].strip():
            return False
        self._add_prototype(head.group(3), at, one_space(head.group(1)), declaration[head.end():close])
        return True

    def _invoked_declaration(self, declaration: str, segment: int, end: int) -> bool:
        """`DECLARE_WORK(w, f);`, with annotations behind it or not."""
        invoked = INVOCATION_HEAD.match(declaration)
        if invoked is None or invoked.group(1) in _NO_NAME or declaration[invoked.end():].lstrip().startswith("*"):
            return False
        close = closing(declaration, invoked.end() - 1)
        rest = declaration[close + 1:].strip() if close is not None else ""
        if rest and not macro_like(rest.split("(")[0].strip()):
            return False
        self._invocation(segment, end + 1)
        return True

    def _variables(self, declaration: str, segment: int) -> None:
        """Variables or functions that are declared, with nothing they begin with."""
        found = specifiers(declaration, 0)
        if found is None:
            return
        kind, at = found
        head = declaration[:at]
        static, extern = _STATIC.search(head) is not None, "extern" in head
        parts = split(declaration[at:])
        if len(declaration[at:].split()) > 1 and "(" not in declaration and _is_annotated(declaration[at:][parts[0][0]:parts[0][1]]):
            declaration = without_annotations(declaration, False)
            found = specifiers(declaration, 0)
            if found is None:
                return
            kind, at = found
            parts = split(declaration[at:])
        for start, end in parts:
            part = declaration[at + start:at + end]
            one = declarator(part)
            if one is None:
                continue
            offset = segment + at + start + one.at
            if one.parameters is not None:
                self._add_prototype(one.name, offset, kind, part[one.parameters[0]:one.parameters[1]])
                continue
            kind_of = f"{kind} {one.rest}".strip()
            self.facts.variables.append(Variable(one.name, self.text.file, self.text.line(offset), None, kind_of, static, extern))
            self.scope.file_types[one.name] = kind_of

    def _add_prototype(self, name: str, offset: int, return_type: str, listed: str) -> None:
        params, variadic = parameters(listed)
        self.facts.prototypes.append(Prototype(name, self.text.file, self.text.line(offset), return_type, params, variadic))

    # ---- what goes on with `=` or `{`

    def _initialized(self, segment: int, equals: int) -> int:
        """A declaration with a value; the offset after its `;`."""
        text, code = self.text, self.text.code
        declaration = without_annotations(code[segment:equals], False)
        found = specifiers(declaration, 0)
        rest = declaration[found[1]:] if found is not None else ""
        if found is None or not rest.strip() or rest.lstrip()[0] == "(" and not rest.lstrip(" \t\n(").startswith("*"):
            return self.statements.parse(segment + len(declaration) - len(declaration.lstrip()), single=True)
        kind, at = found
        if declaration != code[segment:equals] and len(code) < _LONG_FILE:
            text.code = code[:segment] + declaration + code[equals:]
        end = self.statements.parse(segment + at, spec=kind, static=_STATIC.search(declaration[:at]) is not None, single=True)
        text.code = code
        return end

    def _braced(self, segment: int, at: int) -> int:
        """What a `{` at file scope begins; the offset after it, or after where parsing goes on."""
        code = self.text.code
        header = code[segment:at].lstrip()
        if _EXTERN.match(header) or _NAMESPACE.match(header):
            return at + 1
        tag = None if _is_function(header) else TAG_BEFORE_BRACE.search(code, max(at - len(header), at - MAX_HEAD), at)
        return self.functions.definition(segment, at) if tag is None else self._tag(segment, at, tag)

    def _tag(self, segment: int, at: int, tag: re.Match[str]) -> int:
        """A struct, union or enum with its body, and what it declares."""
        code = self.text.code
        kind, end = self.structs.struct(tag.start(1), at)
        header = code[segment:tag.start(1)]
        if "typedef" in header:
            stop = code.find(";", end)
            stop = len(code) if stop < 0 else stop
            self.structs.typedef_names(kind, code[end:stop], end, 0)
            return stop + 1
        return self.statements.parse(end, spec=kind, static=_STATIC.search(header) is not None, single=True)


def _begins_old_style(code: str, segment: int, end: int) -> bool:
    """`f(a, b) int a;` goes on to a body: the list holds names only, and declarations follow."""
    segment = end - len(code[segment:end].lstrip())
    opened = code.find("(", segment, min(end, segment + MAX_HEAD))
    if opened < 0 or end - segment > MAX_HEAD + 2000:
        return False
    head = code[segment:end + 1]
    opened -= segment
    close = closing(head, opened)
    if close is None or NAMES_ONLY.match(head, opened + 1, close) is None:
        return False
    if not head[:opened].strip() or "=" in head or "typedef" in head:
        return False
    kind = head[close + 1:].strip()
    if kind and not (kind[0].isalpha() or kind[0] == "_"):
        return False
    if kind and ANNOTATIONS.match(kind) and "(" not in kind and " " not in kind:
        return False
    return _OLD_STYLE.match(code, end + (code[end] == ";"), min(len(code), end + _MAX_OLD_STYLE)) is not None


def _without_prototype_macro(declaration: str) -> str:
    """`int f PARAMS((int a))` and `_PROTOTYPE(int f, (int a))` without the macro."""
    unwrapped = without_wrapper(declaration)
    if unwrapped is not None:
        return unwrapped
    prototyped = _PROTOTYPED.match(declaration)
    if prototyped is None:
        return declaration
    start, comma = prototyped.end(1), prototyped.end(2)
    return " " * start + declaration[start:comma - 1] + " " + declaration[comma:-1] + " "


def _without_type_macro(declaration: str) -> str:
    """`EXTERN(int *) f(int a)` without the macro that is given the type. A parameter's type would be read as the declared name else."""
    found = _RETURN_TYPE_MACRO.match(declaration)
    if found is None or macro_like(found.group("name")):
        return declaration
    (start, opened), (close, end) = found.span("macro"), found.span("close")
    return declaration[:start] + " " * (opened - start) + declaration[opened:close] + " " * (end - close) + declaration[end:]


def _is_annotated(first: str) -> bool:
    """Whether the first declarator of a declaration holds more than a name, stars and an array's bounds."""
    one: Declared | None = declarator(first)
    return one is None or bool(one.rest.replace(" ", "").strip("*[]0123456789")) and not one.rest.lstrip("* ").startswith("[")


def _is_function(header: str) -> bool:
    if "__attribute__" in header and _TAGGED_HEADER.search(header):
        header = without_attributes(header)
    close = header.rfind(")")
    return close >= 0 and header[close + 1:].replace("_", "a").translate(_NO_SPACE).isalnum() | (not header[close + 1:].strip())
