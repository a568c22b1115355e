"""Which C would a person read here? Text made ready for a grammar that knows no preprocessor, every character at its old place.

Comments, string contents and directives are blanked; macros are taken out of `#define`; conditional branches are all kept when the result
can still be one program (else the first that is not `#if 0`); annotation macros in declarations (`__init`, `API_EXPORT`, `__aligned(8)`)
are blanked by their position, not by a list of names; a `;` is put in the blank after macro statements that have none.

>>> prepare("static API_X int\\nf(void) __must(x)\\n{\\n}\\n", "a.c").code
'static       int\\nf(void)          \\n{\\n}\\n'
"""
from __future__ import annotations

import re
import string
from bisect import bisect_left
from dataclasses import dataclass, field

from curation.csource.facts import Macro


@dataclass
class Prepared:
    """code: as long as the text, ASCII only. names: offset of a function's name -> the name to use (macro-made functions).
    dropped: (start, end) offsets of conditional branches left out. functions: (start of header, opening brace, end) of what looks like
    a function definition, to see which of them the grammar lost. depth: deepest bracket nesting.
    assumed: macro -> whether it was taken as defined, where a branch could not stand beside the others."""

    code: str
    macros: list[Macro] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    dropped: list[tuple[int, int]] = field(default_factory=list)
    functions: list[tuple[int, int, int]] = field(default_factory=list)
    depth: int = 0
    assumed: dict[str, bool] = field(default_factory=dict)


LEX = re.compile(
    r"""//(?:[^\\\n]|\\.|\\\n)*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.|\\\n)*"?|'(?:[^'\\\n]|\\.|\\\n)*'?|^[
    \t]*\#(?:[^\\\n/"']|\\.|\\\n|/(?![/*])|"""
    r""""(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|//(?:[^\\\n]|\\.|\\\n)*|/\*.*?(?:\*/|\Z))*""",
    re.DOTALL | re.MULTILINE,
)
_INSIDE = re.compile(r"[^\n]")
_COMMENT = re.compile(r"//.*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_DEFINE = re.compile(r"\s*#\s*define\s+(\w+)(\(([^()]*)\))?(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"\s*#\s*(\w*)\s*(.*)", re.DOTALL)
_BRACKETS = re.compile(r"[(){}]")
_CONTROL = frozenset("if for while switch return sizeof do else case goto typeof __typeof__ __typeof _Alignof defined catch".split())
_STORAGE = frozenset(
    "static extern inline __inline __inline__ register typedef auto _Thread_local __thread _Noreturn __extension__".split()
)
_QUALIFIER = frozenset("const volatile restrict __restrict __restrict__ __const __volatile__ _Atomic".split())
_BUILTIN = frozenset("void char short int long float double signed unsigned _Bool bool __signed__ __int128 _Complex".split())
_TAG = frozenset("struct union enum".split())
_ATTRIBUTE = frozenset("__attribute__ __attribute __declspec _Alignas alignas __asm__ asm __asm".split())
_ITEM = re.compile(r"\w+|[^\w\s]")
_ANNOTATED = re.compile(r"\b(?:__\w+|[A-Z][A-Z0-9_]+)\b")
_TYPE_ARGUMENT = re.compile(r",\s*((?:const\s+)?(?:struct|union|enum)\s+)\w+(\s*\**)\s*[,)]")


_NO_SPACE = {ord(c): None for c in " \t\n\r"}
_LETTERS = string.ascii_letters + string.digits
_GRAMMAR = (".y", ".yy", ".l", ".ll", ".ypp", ".lex")
_GRAMMAR_VALUE = re.compile(r"\$(?:<\w+>)?(?:\$|\w+)|@(?:\$|\w+)")


def blank(text: str) -> str:
    return _INSIDE.sub(" ", text)


def prepare(text: str, file: str) -> Prepared:
    """`file` names the macros' place only. Never raises; linear in the text."""
    code = text if text.isascii() else re.sub(r"[^\x00-\x7f]", "x", text)
    if "\f" in code or "\v" in code:
        code = code.replace("\f", " ").replace("\v", " ")
    directives: list[tuple[int, int, str]] = []
    parts: list[str] = []
    at = 0
    for found in LEX.finditer(code):
        start, end = found.span()
        if start == end:
            continue
        parts.append(code[at:start])
        token = found.group()
        if token[0] in "\"'":
            closed = len(token) > 1 and token[-1] == token[0]
            inner = token[1:-1] if closed else token[1:]
            kept = inner if len(inner) < 2 and inner not in "(){}[];" else _string_body(inner)
            parts.append(token[0] + (kept or "") + (token[0] if closed else "") if closed else blank(token))
        else:
            if token[:2] not in ("//", "/*"):
                directives.append((start, end, token))
            parts.append(blank(token))
        at = end
    parts.append(code[at:])
    prepared = Prepared("".join(parts))
    if file.endswith(_GRAMMAR):
        prepared.code = _without_grammar(prepared.code)
    chars = list(prepared.code)
    _read_directives(prepared, chars, directives, text, file)
    prepared.code = "".join(chars)
    _mend(prepared, chars)
    prepared.code = "".join(chars)
    return prepared


def _string_body(inner: str) -> str:
    """String contents that hold no bracket and no quote; a line continued inside a string stays one token."""
    return re.sub(r"\\\n|.|\n", lambda m: m.group() if m.group() == "\\\n" else " ", inner)


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


# ---- directives


_NEVER = re.compile(r"if\s+0\s*$|ifdef\s+__cplusplus\b|if\s+defined\s*\(?\s*__cplusplus\s*\)?\s*(?:&&|$)")  # C only, and no `#if 0`
_SIMPLE = re.compile(r"(ifdef|ifndef|if|elif|elifdef|elifndef)\s*!?\s*(?:defined)?\s*\(?\s*(\w+)\s*\)?\s*\Z")


_ELEMENT = re.compile(r"(?:&?[A-Za-z_]\w*|0)\s*,\Z")


@dataclass
class _Branch:
    condition: str
    start: int  # offset after the directive
    end: int = 0


@dataclass
class _Group:
    branches: list[_Branch]
    marks: list[int]  # offsets of the directives, to put a comma over


def _read_directives(prepared: Prepared, chars: list[str], directives: list[tuple[int, int, str]], text: str, file: str) -> None:
    starts = [m.start() for m in re.finditer("\n", text)]
    stack: list[_Group] = []
    for start, end, token in directives:
        word, rest = _DIRECTIVE.match(token).groups()  # type: ignore[union-attr]
        if word == "define":
            if any(_NEVER.match(group.branches[-1].condition) for group in stack):
                continue
            macro = _macro(text[start:end], file, bisect_left(starts, start + len(token) - len(token.lstrip())) + 1)
            if macro is not None:
                prepared.macros.append(macro)
        elif word == "undef":
            ended = rest.strip().split(" ")[0]
            for macro in prepared.macros if ended else ():
                if macro.name == ended and macro.ended is None:
                    macro.ended = bisect_left(starts, start + len(token) - len(token.lstrip())) + 1
        elif word in ("if", "ifdef", "ifndef"):
            stack.append(_Group([_Branch(f"{word} {rest.strip()}", end)], [start]))
        elif word in ("elif", "else", "elifdef", "elifndef") and stack:
            stack[-1].branches[-1].end = start
            stack[-1].branches.append(_Branch(f"{word} {rest.strip()}", end))
            stack[-1].marks.append(start)
        elif word == "endif" and stack:
            group = stack.pop()
            group.branches[-1].end = start
            group.marks.append(start)
            _choose(prepared, chars, group)


def _macro(token: str, file: str, line: int) -> Macro | None:
    found = _DEFINE.match(token.replace("\\\n", "\n"))
    if found is None:
        return None
    name, has_params, params, body = found.groups()
    body = " ".join(_COMMENT.sub(" ", body).split()) if "/" in body else " ".join(body.split())
    return Macro(name, file, line, [p.strip() for p in params.split(",") if p.strip()] if has_params else None, body)


def _choose(prepared: Prepared, chars: list[str], group: _Group) -> None:
    """Blanks the branches that cannot stand beside the others."""
    kept: list[tuple[_Branch, str]] = []
    for branch in group.branches:
        if _NEVER.match(branch.condition):
            _blank_span(chars, branch.start, branch.end)
        else:
            kept.append((branch, "".join(chars[branch.start:branch.end])))
    bodies = [body.strip() for _, body in kept]
    whole = [_balanced(body) for body in bodies]
    if all(whole):
        if len(kept) > 1 and all(_ELEMENT.match(body) for body in bodies) and any(re.search("[a-z]", body) for body in bodies):
            for branch, _ in kept[:-1]:  # one element of a list, each branch with its own: `f, g,` becomes `f| g,`
                at = next(i for i in range(branch.end - 1, branch.start, -1) if chars[i] == ",")
                chars[at] = "|"
            return
        if len(kept) < 2 or all(not body or body[-1] in ";{},:" for body in bodies):
            return
        if all(not body or body.startswith(".") for body in bodies):
            for mark in group.marks[1:-1]:
                chars[mark] = "," if chars[mark] != "\n" else "\n"
            return
        first = next((i for i, body in enumerate(bodies) if body), 0)
    else:
        chosen = _consistent(prepared.assumed, group)
        first = next((i for i, (branch, _) in enumerate(kept) if branch is chosen), -1)
    for i, (branch, body) in enumerate(kept):
        if i != first and body.strip():
            prepared.dropped.append((branch.start, branch.end))
            _blank_span(chars, branch.start, branch.end)


def _consistent(assumed: dict[str, bool], group: _Group) -> _Branch | None:
    """The one branch to keep of a group whose branches open or close brackets, so that groups under the same macro agree: the first time
    a macro is taken as its first branch wants it. None: no branch holds."""
    for branch in group.branches:
        if branch.condition.startswith("else"):
            return branch
        found = _SIMPLE.match(branch.condition)
        name, wanted = branch.condition, True
        if found is not None:
            name = found.group(2)
            wanted = (found.group(1) in ("ifndef", "elifndef")) == ("!" in branch.condition)
        if assumed.setdefault(name, wanted) == wanted:
            return branch
    return None


def _balanced(body: str) -> bool:
    braces = parens = 0
    for found in _BRACKETS.finditer(body):
        bracket = found.group()
        if bracket in "{}":
            braces += 1 if bracket == "{" else -1
        else:
            parens += 1 if bracket == "(" else -1
            if parens < 0:
                return False
    return braces == 0 and parens == 0


def _blank_span(chars: list[str], start: int, end: int) -> None:
    chars[start:end] = blank("".join(chars[start:end]))


# ---- brackets and declarations


_SCAN = re.compile(r"[(){};=]")
_BEFORE = re.compile(r"(\w+)\s*\Z")
_AFTER = re.compile(r"\s*(\{|\w+|\S|\Z)")


def _mend(prepared: Prepared, chars: list[str]) -> None:
    """One scan over brackets: finds file-scope declarations and cleans them, puts `;` after macro statements without one."""
    code = prepared.code
    stack: list[tuple[str, int]] = []  # open brackets; "E" an `extern "C" {`, which does not count
    depth = 0  # of braces, without extern "C"
    parens = 0
    segment = 0
    kind = ""  # of the open file-scope brace: "function" or "other"
    equals: int | None = None
    body = 0
    for found in _SCAN.finditer(code):
        char, at = found.group(), found.start()
        if char == "(":
            stack.append((char, at))
            parens += 1
            prepared.depth = max(prepared.depth, len(stack))
        elif char == ")":
            if not stack or stack[-1][0] != "(":
                continue
            _, opened = stack.pop()
            parens -= 1
            if parens == 0 and (depth == 0 or kind == "function"):
                if _ends_statement(code, chars, opened, at, depth, segment) and depth == 0 and equals is None:
                    _clean(prepared, chars, segment, at + 1, False)
                    segment = at + 1
        elif char == "=":
            if depth == 0 and parens == 0 and equals is None:
                equals = at
        elif char == ";":
            while stack and stack[-1][0] == "(" and depth == 0:  # a parenthesis never closed
                stack.pop()
                parens -= 1
            if depth == 0 and parens == 0:
                _clean(prepared, chars, segment, at if equals is None else equals, False)
                segment, equals = at + 1, None
        elif char == "{":
            stack.append((char, at))
            prepared.depth = max(prepared.depth, len(stack))
            if depth == 0 and parens == 0:
                header = code[segment:at]
                if re.fullmatch(r'\s*extern\s*"[^"]*"\s*', header):
                    stack[-1] = ("E", at)
                    _blank_span(chars, segment, at + 1)
                    segment = at + 1
                    continue
                kind = "function" if equals is None and (_is_function(header) or not header.strip()) else "other"
                body = at
                if kind == "function":
                    _clean(prepared, chars, segment, at, True)
                elif equals is not None:
                    _clean(prepared, chars, segment, equals, False)
            depth += 1
        else:
            while stack and stack[-1][0] == "(":
                stack.pop()
                parens -= 1
            if not stack:
                continue
            opened_kind, _ = stack.pop()
            if opened_kind == "E":
                chars[at] = " "
                segment = at + 1
                continue
            depth -= 1
            if depth == 0 and kind == "function":
                if code[segment:body].strip():
                    prepared.functions.append((segment, body, at + 1))
                segment, equals, kind = at + 1, None, ""
    for struct in _TYPE_ARGUMENT.finditer(code):
        if _inside_call(code, struct.start()):
            for group in (1, 2):
                _blank_span(chars, *struct.span(group))


def _inside_call(code: str, comma: int) -> bool:
    """Whether the comma stands in a call's arguments in a function body, judged by its line: `container_of(p, struct x, y)`."""
    head = code[max(0, comma - 400):comma]
    depth = 0
    for at in range(len(head) - 1, -1, -1):
        char = head[at]
        if char == ")":
            depth += 1
        elif char == "(":
            if depth == 0:
                before = _BEFORE.search(head[:at])
                if before is None or before.group(1) in _BUILTIN:
                    return False
                line = head[:at].rsplit("\n", 1)[-1]
                return bool(re.search(r"[=;{(,]|^\s+|return", line[: line.rfind(before.group(1))])) or line.strip() == before.group(1)
            depth -= 1
        elif char in ";{}" and depth == 0:
            return False
    return False


def _ends_statement(code: str, chars: list[str], opened: int, closed: int, depth: int, segment: int) -> bool:
    """Puts a `;` after `macro(...)` where the next token starts a new statement. True when it did."""
    before = _BEFORE.search(code, max(0, opened - 80), opened)
    if before is None or before.group(1) in _CONTROL or before.group(1) in _ATTRIBUTE:
        return False
    after = _AFTER.match(code, closed + 1)
    if after is None or after.start(1) == closed + 1 or closed + 1 >= len(chars):
        return False
    following = after.group(1)
    if not following:
        return False
    if depth == 0:
        head = code[segment:before.start(1)].strip()
        if head and head not in _STORAGE:
            return False
        starts = following[0].isalpha() or following[0] == "_"
        if not starts or "\n" not in code[closed:after.start(1)] or _is_old_style(code, closed):
            return False
    elif not (following in ("{", "}") or following[0].isalpha() or following[0] == "_"):
        return False
    chars[closed + 1] = ";"
    return True


def _is_old_style(code: str, closed: int) -> bool:
    """`main(argc, argv)\\n char **argv; {`: a definition without a return type."""
    return re.match(r"\s*(?:[\w\s*,\[\]]+;)+\s*\{", code[closed + 1:closed + 400]) is not None


def _is_function(header: str) -> bool:
    if "__attribute__" in header and re.search(r"\b(struct|union|enum)\b", header):
        header = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", header, flags=re.DOTALL)
    closing = header.rfind(")")
    return closing >= 0 and not header[closing + 1:].replace("_", "a").translate(_NO_SPACE).strip(_LETTERS)


def _macro_like(word: str) -> bool:
    if word.startswith("__"):
        return re.match(r"__(?:u|s|le|be|kernel_|int|m|sum|poll)\d*", word) is None or not re.match(
            r"__(?:[us]|le|be|int|m|sum)\d|__kernel_|__poll", word
        )
    return word.isupper() and len(word) > 1


def _clean(prepared: Prepared, chars: list[str], start: int, end: int, definition: bool) -> None:
    """Blanks annotation macros of one file-scope declaration, up to its `=`, `{` or `;`."""
    text = "".join(chars[start:end])
    if not text.strip() or len(text) > 20000:
        return
    items = _items(text)
    drop: list[tuple[int, int]] = []
    words = [i for i, item in enumerate(items) if item[0] == "word"]
    if not words or items[words[0]][3] == "typedef":
        return
    for i in words:
        if items[i][3] in _ATTRIBUTE:
            drop.append((items[i][1], items[i + 1][2] if i + 1 < len(items) and items[i + 1][0] == "group" else items[i][2]))
    words = [i for i in words if items[i][3] not in _ATTRIBUTE]
    callable_at = [i for i in words if i + 1 < len(items) and items[i + 1][0] == "group" and not _known(items[i][3])
                   and items[i + 1][3].lstrip()[:1] != "*"]  # `handler_t (*p)(int)` declares p
    if any(item[3] == "{" for item in items):
        _drop(chars, start, drop)
        return
    if callable_at:
        _clean_function(prepared, chars, start, items, words, callable_at, definition, drop)
    elif not any(item[0] == "group" for item in items):
        _clean_variable(items, words, drop)
    _drop(chars, start, drop)


def _known(word: str) -> bool:
    return word in _STORAGE or word in _QUALIFIER or word in _BUILTIN or word in _TAG or word in _CONTROL


def _items(text: str) -> list[tuple[str, int, int, str]]:
    """Words, parenthesis groups and marks of a declaration: (kind, start, end, text)."""
    items: list[tuple[str, int, int, str]] = []
    depth = opened = 0
    for found in _ITEM.finditer(text):
        token = found.group()
        if token == "(":
            if depth == 0:
                opened = found.start()
            depth += 1
        elif token == ")" and depth:
            depth -= 1
            if depth == 0:
                items.append(("group", opened, found.end(), text[opened + 1:found.start()]))
        elif depth == 0:
            items.append(("word" if token[0].isalnum() or token[0] == "_" else "mark", found.start(), found.end(), token))
    return items


def _clean_function(
    prepared: Prepared, chars: list[str], start: int, items: list[tuple[str, int, int, str]], words: list[int],
    callable_at: list[int], definition: bool, drop: list[tuple[int, int]],
) -> None:
    plain = [i for i in callable_at if not _macro_like(items[i][3])]
    name = plain[0] if plain else callable_at[-1 if definition else 0]
    before = [i for i in words if i < name]
    for i in callable_at:
        if i < name:
            drop.append((items[i][1], items[i + 1][2]))
    before = [i for i in before if i not in callable_at]
    types = [i for i in before if not (items[i][3] in _STORAGE or items[i][3] in _QUALIFIER)]
    if not types:
        if definition:
            _name_macro_function(prepared, chars, start, items, name)
        else:
            drop.extend((items[i][1], items[i][2]) for i in before)  # `static DEFINE_MUTEX(x);` is an invocation
        return
    drop.extend(_annotations(items, types, name))
    _clean_params(items, name, drop)
    trailing = [i for i in words if i > name]
    old_style = any(item[3] == ";" for item in items[name + 2:]) or any(items[i][3] in _BUILTIN or items[i][3] in _TAG for i in trailing)
    comma = any(item[3] == "," for item in items[name + 2:])
    if trailing and not old_style and not comma:
        for i in trailing:
            group_end = items[i + 1][2] if i + 1 < len(items) and items[i + 1][0] == "group" else items[i][2]
            drop.append((items[i][1], group_end))


def _annotations(items: list[tuple[str, int, int, str]], types: list[int], name: int) -> list[tuple[int, int]]:
    """Which words before a declared name are neither its type nor a part of it."""
    star = next((i for i, item in enumerate(items) if item[3] == "*" and i < name), name)
    tagged = {i + 1 for i in types if items[i][3] in _TAG}
    builtin = any(items[i][3] in _BUILTIN or items[i][3] in _TAG for i in types)
    free = [i for i in types if not _known(items[i][3]) and i not in tagged]
    if builtin:
        extra = free
        if any(items[i][3] in _TAG and i + 1 in tagged and i + 2 in free and _macro_like(items[i + 1][3]) for i in types):
            return []
    else:
        ahead = [i for i in free if i < star]
        keep = next((i for i in reversed(ahead) if not _macro_like(items[i][3])), ahead[-1] if ahead else None)
        extra = [i for i in free if i != keep]
    return [(items[i][1], items[i][2]) for i in extra]


def _name_macro_function(
    prepared: Prepared, chars: list[str], start: int, items: list[tuple[str, int, int, str]], name: int,
) -> None:
    """`SYSCALL_DEFINE1(foo, int, a) {` or `main() {`: gives it a type inside the room of its name, which is remembered."""
    _, begin, end, word = items[name]
    arguments = [a.strip() for a in items[name + 1][3].split(",")]
    made = _macro_like(word) and arguments and re.fullmatch(r"[A-Za-z_]\w*", arguments[0])
    if end - begin < 5:  # `main() {`: no room for a type, and the grammar reads it as it is
        return
    chars[start + begin:start + end] = "int " + "f" * (end - begin - 4)
    prepared.names[start + begin + 4] = arguments[0] if made else word


def _clean_variable(items: list[tuple[str, int, int, str]], words: list[int], drop: list[tuple[int, int]]) -> None:
    """Of the words of a variable's or parameter's declaration keeps one type and one name: the name is the last word that does not look
    like a macro, the type the last such one before it (before the first `*`, if there is one)."""
    stop = next((i for i, item in enumerate(items) if item[3] == ","), len(items))
    bracket = next((i for i, item in enumerate(items) if item[3] == "["), stop)
    closing = max((i for i, item in enumerate(items[:stop]) if item[3] == "]"), default=bracket)
    star = next((i for i, item in enumerate(items[:bracket]) if item[3] == "*"), None)
    types = [i for i in words if i < bracket and not (items[i][3] in _STORAGE or items[i][3] in _QUALIFIER)]
    tagged = {i + 1 for i in types if items[i][3] in _TAG}
    builtin = any(items[i][3] in _BUILTIN or items[i][3] in _TAG for i in types)
    free = [i for i in types if not _known(items[i][3]) and i not in tagged]
    if len(free) > (1 if builtin else 2):
        after = [i for i in free if star is None or i > star]
        name = next((i for i in reversed(after) if not _macro_like(items[i][3])), after[0] if after else None)
        keep = {name}
        if not builtin:
            ahead = [i for i in free if i < (star if star is not None else name if name is not None else stop)]
            keep.add(next((i for i in reversed(ahead) if not _macro_like(items[i][3])), ahead[-1] if ahead else None))
        drop.extend((items[i][1], items[i][2]) for i in free if i not in keep)
    drop.extend((items[i][1], items[i][2]) for i in words if closing < i < stop and bracket < stop)


def _clean_params(items: list[tuple[str, int, int, str]], name: int, drop: list[tuple[int, int]]) -> None:
    """Blanks annotations within a parameter list: `(NODE *symbol ATTRIBUTE_UNUSED)`."""
    _, start, _, text = items[name + 1]
    if _ANNOTATED.search(text) is None:
        return
    depth, first = 0, 0
    for at, char in enumerate(text + ","):
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            parts = _items(text[first:at])
            if not any(part[0] == "group" for part in parts):
                spans: list[tuple[int, int]] = []
                _clean_variable(parts, [i for i, part in enumerate(parts) if part[0] == "word"], spans)
                drop.extend((start + 1 + first + begin, start + 1 + first + end) for begin, end in spans)
            first = at + 1


def _drop(chars: list[str], start: int, spans: list[tuple[int, int]]) -> None:
    for begin, end in spans:
        _blank_span(chars, start + begin, start + end)
