"""Which facts does one C file hold? Declarations at file scope are told apart by their brackets, bodies are read by statements.py.

>>> [c.callee for c in extract("int f(struct s *p) { return p->ops->open(p); }", "a.c").calls]
['p->ops->open']
"""
from __future__ import annotations

import re

from curation.csource.facts.model import (
    Assignment,
    Call,
    FactsProblem,
    FileFacts,
    NameUse,
    Prototype,
    Variable,
)
from curation.csource.lexing.annotations import cleaned, without_attributes
from curation.csource.lexing.keywords import ATTRIBUTES, BUILTIN, CONTROL, STORAGE, TAGS, macro_like, one_space
from curation.csource.lexing.prepare import prepare
from curation.csource.macros.brace_macros import openers
from curation.csource.parsing.declarators import closing, declarator, parameters, specifiers, split
from curation.csource.parsing.functions import ANNOTATIONS, HEAD, IDENTIFIERS, MADE, DefinitionReader, without_wrapper
from curation.csource.parsing.statements import MAX_DEPTH
from curation.csource.parsing.structs import FAR, TAG

_NO_NAME = BUILTIN | TAGS | STORAGE
MAX_LINE = 1 << 20  # characters; generated tables stay under 100,000

_TOP = re.compile(r"[({;=}]", re.ASCII)
_BRACKETS = re.compile(r"[()\[\]{}]", re.ASCII)
_ONLY_BRACKETS = {c: None for c in range(128) if chr(c) not in "(){}"}
_EXTERN = re.compile(r'\s*extern\s*"[^"]*"\s*\Z', re.ASCII)
_NAMESPACE = re.compile(r"\s*(?:inline\s+)?(?:namespace|class)\b[^()=]*\Z", re.ASCII)
_TAGGED_HEADER = re.compile(r"\b(struct|union|enum)\b", re.ASCII)
_OLD_STYLE = re.compile(r"(?:[\w\s*,\[\]()]++;)*+\s*+\{", re.ASCII)
_STATIC = re.compile(r"\bstatic\b", re.ASCII)
_PROTOTYPED = re.compile(r"(\s*(?:extern\s+|static\s+)?\b[A-Z_][A-Z0-9_]*\s*\()(\s*[A-Za-z_][\w\s*]*,)\s*\(.*\)\s*\)\Z",
                         re.DOTALL | re.ASCII)
_BEFORE = re.compile(r"(\w+)\s*\Z", re.ASCII)
_AFTER = re.compile(r"\s*([A-Za-z_]\w*)", re.ASCII)
_NO_SPACE = {ord(c): None for c in " \t\n\r"}
_ONLY_ANNOTATED = re.compile(r"\s*+(?:(?:static|extern)\s++)?+(?:__[a-z]\w*+\s++)++\Z")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9]*+_[A-Z0-9_]++\Z")


def extract(text: str, file: str) -> FileFacts:
    """The facts of one decoded text. Brackets nested deeper than MAX_DEPTH give a problem and no facts."""
    refused = _refusal(text, file)
    if refused is not None:
        return FileFacts(file, problems=[refused])
    prepared = prepare(text, file)
    facts = FileFacts(file, macros=prepared.macros, conditions=prepared.conditions, openers=openers(prepared.code))
    depth = deepest(prepared.code)
    if depth > MAX_DEPTH:
        facts.problems.append(FactsProblem(file, "too_deep", f"brackets nested {depth} deep, more than {MAX_DEPTH}"))
        return facts
    FileReader(facts, prepared.code, text, prepared.ends).read()
    return facts


def extract_fragment(code: str, file: str, line: int, column: int, function: str | None, local: set[str], macro: str) -> FileFacts:
    """Facts of a macro's expansion, all of them placed at the macro's invocation. `local`: names of the enclosing function's variables."""
    prepared = prepare(code + "\n;", file)
    facts = FileFacts(file)
    if deepest(prepared.code) > MAX_DEPTH:
        return facts
    reader = FileReader(facts, prepared.code, code + "\n;", prepared.ends)
    reader.pinned = (line, column)
    if function:
        reader.function, reader.local = function, set(local)
        reader.statements(0)
        reader.function = None
    else:
        reader.read()
    for call in facts.calls:
        call.macro = macro
    if function:
        placed: list[Call | NameUse | Assignment | Variable] = [*facts.calls, *facts.uses, *facts.assignments, *facts.variables]
        for fact in placed:
            fact.function = function
    return facts


def _refusal(text: str, file: str) -> FactsProblem | None:
    if "\0" in text:
        return FactsProblem(file, "nul_bytes", "it holds NUL characters", text.count("\n", 0, text.index("\0")) + 1)
    if len(text) > MAX_LINE and max(map(len, text.split("\n"))) > MAX_LINE:
        return FactsProblem(file, "long_line", f"a line has more than {MAX_LINE:,} characters, as no written source has")
    return None


def deepest(code: str) -> int:
    """How deep brackets are nested; 0 where it is certainly less than 64. Brackets that fit are taken away from the inside out."""
    left = code.translate(_ONLY_BRACKETS)
    for _ in range(64):
        shorter = left.replace("()", "").replace("{}", "")
        if len(shorter) == len(left):
            if len(left) < MAX_DEPTH:
                return 0
            break
        left = shorter
    depth = most = 0
    for found in _BRACKETS.finditer(left):
        depth = depth + 1 if found.group() in "({" else max(depth - 1, 0)
        most = max(most, depth)
    return most + 64


class FileReader(DefinitionReader):
    """Reads one file from its first character to its last."""

    def read(self) -> None:
        code = self.code
        at = segment = 0
        while (found := _TOP.search(code, at)) is not None:
            char, at = found.group(), found.start()
            if char == "(":
                close = closing(code, at)
                if close is None:
                    at += 1
                elif self._ends_statement(segment, at, close):
                    self._invocation(segment, close + 1)
                    segment = at = close + 1
                else:
                    at = close + 1
            elif char == ";":
                if self._begins_old_style(segment, at):
                    at = code.index("{", at)
                    at = segment = self._body(segment, at)
                    continue
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
        if code.find("(", segment) >= 0 and len(code) - segment < 2 * FAR:
            self._declaration(segment, len(code))

    # ---- what is at file scope

    def _ends_statement(self, segment: int, opened: int, close: int) -> bool:
        """Whether `macro(...)` at file scope ends without `;`: the next line begins with a word, and nothing but storage stands before."""
        code = self.code
        after = _AFTER.match(code, close + 1)
        if after is None or "\n" not in code[close:after.start(1)]:
            return False
        before = _BEFORE.search(code, max(segment, opened - 80), opened)
        if before is None or before.group(1) in CONTROL or before.group(1) in ATTRIBUTES or before.start(1) - segment > FAR:
            return False
        head = code[segment:before.start(1)].strip()
        if head and head not in STORAGE:
            return False
        return not self._begins_old_style(segment, close)

    def _begins_old_style(self, segment: int, end: int) -> bool:
        """`f(a, b) int a;` goes on to a body: the list holds names only, and declarations follow."""
        code = self.code
        segment = end - len(code[segment:end].lstrip())
        opened = code.find("(", segment, min(end, segment + FAR))
        if opened < 0 or end - segment > FAR + 2000:
            return False
        head = code[segment:end + 1]
        opened -= segment
        close = closing(head, opened)
        if close is None or IDENTIFIERS.match(head, opened + 1, close) is None:
            return False
        if not head[:opened].strip() or "=" in head or "typedef" in head:
            return False
        kind = head[close + 1:].strip()
        if kind and not (kind[0].isalpha() or kind[0] == "_"):
            return False
        if kind and ANNOTATIONS.match(kind) and "(" not in kind and " " not in kind:
            return False
        return _OLD_STYLE.match(code, end + (code[end] == ";"), min(len(code), end + 3000)) is not None

    def _invocation(self, segment: int, end: int) -> None:
        """`DECLARE_WORK(w, f)` at file scope: a call."""
        made = MADE.match(self.code, segment, end)
        self.statements(made.start(1) if made is not None else segment, end, single=True)

    def _declaration(self, segment: int, end: int) -> None:
        """What stands before a `;` without braces or `=`."""
        code = self.code
        text = code[segment:end]
        stripped = text.strip()
        if not stripped:
            return
        if "(" not in text:
            if stripped.startswith("typedef"):
                self._typedef(text, segment)
            else:
                self._variables(text, segment)
            return
        if (unwrapped := without_wrapper(text)) is not None:
            text = unwrapped
        elif (made := _PROTOTYPED.match(text)) is not None:  # `_PROTOTYPE(int f, (int a))`
            start, comma = made.end(1), made.end(2)
            text = " " * start + text[start:comma - 1] + " " + text[comma:-1] + " "
        if stripped.startswith("typedef"):
            self._typedef(text, segment)
            return
        head = HEAD.match(text)
        if head is not None and head.group(3) not in _NO_NAME:
            close = closing(text, head.end() - 1)
            if close is not None and _ONLY_ANNOTATED.match(text, 0, head.start(3)) and _CAPITALS.match(head.group(3)):
                self.statements(segment + head.start(3), end + 1, single=True)  # `static __initdata DECLARE_COMPLETION(done);`
                return
            if close is not None and not text[close + 1:].strip():
                listed, variadic = parameters(text[head.end():close])
                self.facts.prototypes.append(Prototype(
                    head.group(3), self.file, self.line(segment + head.start(3)), one_space(head.group(1)), listed, variadic))
                return
        made = MADE.match(text)
        if made is not None and made.group(1) not in _NO_NAME and not text[made.end():].lstrip().startswith("*"):
            close = closing(text, made.end() - 1)
            rest = text[close + 1:].strip() if close is not None else ""
            if not rest or macro_like(rest.split("(")[0].strip()):
                self._invocation(segment, end + 1)
                return
        self._variables(cleaned(text, False), segment)

    def _variables(self, text: str, segment: int) -> None:
        """Variables or functions that are declared at file scope, with nothing they begin with."""
        found = specifiers(text, 0)
        if found is None:
            return
        kind, at = found
        rest = text[at:]
        head = text[:at]
        static, extern = _STATIC.search(head) is not None, "extern" in head
        parts = split(rest)
        if len(rest.split()) > 1 and "(" not in text:
            one = declarator(rest[parts[0][0]:parts[0][1]])
            if one is None or one.rest.replace(" ", "").strip("*[]0123456789") and not one.rest.lstrip("* ").startswith("["):
                text = cleaned(text, False)
                again = specifiers(text, 0)
                if again is None:
                    return
                kind, at = again
                rest = text[at:]
                parts = split(rest)
        for start, end in parts:
            one = declarator(rest[start:end])
            if one is None:
                continue
            line = self.line(segment + at + start + one.at)
            if one.parameters is not None:
                part = rest[start:end]
                listed, variadic = parameters(part[one.parameters[0]:one.parameters[1]])
                self.facts.prototypes.append(Prototype(one.name, self.file, line, kind, listed, variadic))
                continue
            kind_of = f"{kind} {one.rest}".strip()
            self.facts.variables.append(Variable(one.name, self.file, line, None, kind_of, static, extern))
            self.file_types[one.name] = kind_of

    def _initialized(self, segment: int, equals: int) -> int:
        """A declaration with a value; the offset after its `;`."""
        code = self.code
        text = cleaned(code[segment:equals], False)
        found = specifiers(text, 0)
        rest = text[found[1]:] if found is not None else ""
        if found is None or not rest.strip() or rest.lstrip()[0] == "(" and not rest.lstrip(" \t\n(").startswith("*"):
            return self.statements(segment + len(text) - len(text.lstrip()), single=True)
        kind, at = found
        if text != code[segment:equals]:
            self.code = code[:segment] + text + code[equals:] if len(code) < 300_000 else code
        end = self.statements(segment + at, spec=kind, static=_STATIC.search(text[:at]) is not None, single=True)
        self.code = code
        return end

    def _braced(self, segment: int, at: int) -> int:
        """What a `{` at file scope begins; the offset after it, or after where reading goes on."""
        code = self.code
        header = code[segment:at].lstrip()
        if _EXTERN.match(header) or _NAMESPACE.match(header):
            return at + 1
        if _is_function(header):
            return self._body(segment, at)
        tag = TAG.search(code, max(at - len(header), at - FAR), at)
        if tag is not None:
            return self._tag(segment, at, tag)
        return self._body(segment, at)

    def _tag(self, segment: int, at: int, tag: re.Match[str]) -> int:
        """A struct, union or enum with its body, and what it declares."""
        kind, end = self.struct(tag.start(1), at)
        header = self.code[segment:tag.start(1)]
        if "typedef" in header:
            stop = self.code.find(";", end)
            stop = len(self.code) if stop < 0 else stop
            self._typedef_names(kind, self.code[end:stop], end, 0)
            return stop + 1
        return self.statements(end, spec=kind, static=_STATIC.search(header) is not None, single=True)



def _is_function(header: str) -> bool:
    if "__attribute__" in header and _TAGGED_HEADER.search(header):
        header = without_attributes(header)
    close = header.rfind(")")
    return close >= 0 and header[close + 1:].replace("_", "a").translate(_NO_SPACE).isalnum() | (not header[close + 1:].strip())
