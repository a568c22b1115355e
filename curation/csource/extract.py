"""Which facts does one C file hold? A single walk of the syntax tree with a cursor: no recursion, no way back up, linear time.

>>> [c.callee for c in extract("int f(struct s *p) { return p->ops->open(p); }", "a.c").calls]
['p->ops->open']
"""
from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from curation.csource.facts import (
    Arg,
    Assignment,
    Call,
    FactsProblem,
    Field,
    FileFacts,
    Function,
    NameUse,
    Operand,
    Prototype,
    Struct,
    Typedef,
    Variable,
)
from curation.csource.prepare import Prepared, prepare

MAX_DEPTH = 1500  # nested brackets; real code stays under 100, generated tables under 300
MAX_LINE = 1 << 20  # characters; generated tables stay under 100,000
_CHAIN = 60  # links followed in one expression a.b.c...
_TEXT = 300  # characters kept of an argument's text
_SKIP = frozenset(
    ("number_literal", "string_literal", "char_literal", "concatenated_string", "true", "false", "null", "comment", "sizeof_expression")
)
_NOT_NAMES = frozenset(("NULL", "true", "false", "nullptr"))
# Calls that only hand their first argument on (macros of the kernel and of C11; the result is the argument).
_PASS_ON = frozenset(
    (
        "rcu_dereference",
        "rcu_dereference_raw",
        "rcu_dereference_protected",
        "rcu_dereference_check",
        "rcu_dereference_bh",
        "rcu_dereference_rtnl",
        "rtnl_dereference",
        "rcu_access_pointer",
        "READ_ONCE",
        "ACCESS_ONCE",
        "WRITE_ONCE",
        "smp_load_acquire",
        "atomic_load",
        "likely",
        "unlikely",
        "atomic_load_explicit",
        "RCU_INITIALIZER",
        "__builtin_expect",
        "ERR_CAST",
        "get_unaligned",
        "uv_upgrade",
        "srcu_dereference",
        "xchg",
        "lockless_dereference",
        "va_arg",
        "__va_arg",
    )
)
_STORE_SECOND = {"rcu_assign_pointer", "RCU_INIT_POINTER", "WRITE_ONCE", "smp_store_release", "atomic_store", "smp_store_mb", "xchg"}
_CONTAINER = {"container_of": (1, 0), "list_entry": (1, 0), "list_first_entry": (1, 0), "hlist_entry": (1, 0), "rb_entry": (1, 0),
              "container_of_const": (1, 0), "from_timer": (-1, 1), "CONTAINER_OF": (1, 0), "containerof": (1, 0),
              "rb_entry_safe": (1, 0), "list_last_entry": (1, 0), "hlist_entry_safe": (1, 0), "wl_container_of": (-1, 0)}
_CALLABLE = frozenset((
    "identifier", "field_expression", "subscript_expression", "pointer_expression", "conditional_expression", "call_expression",
    "cast_expression", "comma_expression", "assignment_expression", "parenthesized_expression",
))
_TYPE_WORDS = frozenset(("typeof", "__typeof__", "__typeof", "_Generic", "sizeof", "_Alignof", "defined"))
_FUNCTION_PARAM = re.compile(r"\(\s*(\w+)\s*(?:\)\s*(\(.*\))|(\(.*\))\s*\))\Z", re.DOTALL)
_SPACE = re.compile(r"\s+")


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_c.language()))


def extract(text: str, file: str) -> FileFacts:
    """The facts of one decoded text. Brackets nested deeper than MAX_DEPTH give a problem and no facts."""
    refused = _refusal(text, file)
    if refused is not None:
        return FileFacts(file, problems=[refused])
    prepared = prepare(text, file)
    facts = FileFacts(file, macros=prepared.macros)
    if prepared.depth > MAX_DEPTH:
        why = f"brackets nested {prepared.depth} deep, more than {MAX_DEPTH}"
        facts.problems.append(FactsProblem(file, "too_deep", why))
        return facts
    walk = _Walk(facts, text, prepared)
    walk.run(_parser().parse(prepared.code.encode("ascii")).root_node, 0)
    _recover(walk, prepared)
    return facts


def _refusal(text: str, file: str) -> FactsProblem | None:
    if "\0" in text:
        return FactsProblem(file, "nul_bytes", "it holds NUL characters", text.count("\n", 0, text.index("\0")) + 1)
    if len(text) > MAX_LINE and max(map(len, text.split("\n"))) > MAX_LINE:
        return FactsProblem(file, "long_line", f"a line has more than {MAX_LINE:,} characters, as no written source has")
    return None


def extract_fragment(code: str, file: str, line: int, column: int, function: str | None, local: set[str], macro: str) -> FileFacts:
    """Facts of a macro's expansion, all of them placed at the macro's invocation. `local`: names of the enclosing function's variables."""
    wrapped = f"void f(void) {{ {code} ; }}" if function else code + "\n;"
    prepared = prepare(wrapped, file)
    facts = FileFacts(file)
    if prepared.depth > MAX_DEPTH:
        return facts
    walk = _Walk(facts, wrapped, prepared)
    walk.pinned = (line, column)
    walk.enclosing_local = local
    walk.run(_parser().parse(prepared.code.encode("ascii")).root_node, 0)
    for call in facts.calls:
        call.macro = macro
    if function:
        facts.functions.clear()
        placed: list[Call | NameUse | Assignment | Variable] = [*facts.calls, *facts.uses, *facts.assignments, *facts.variables]
        for fact in placed:
            fact.function = function
    return facts


def _recover(walk: _Walk, prepared: Prepared) -> None:
    """Functions that the grammar lost in the whole file are read again each for itself; what stays lost is a problem."""
    if len(walk.bodies) >= len(prepared.functions):
        return
    for start, body, end in prepared.functions:
        if body in walk.bodies:
            continue
        walk.forget(start, end)
        walk.run(_parser().parse(prepared.code[start:end].encode("ascii")).root_node, start)
        if body not in walk.bodies:
            walk.facts.problems.append(
                FactsProblem(walk.facts.file, "damaged", "a function definition could not be read", walk.line(body)))


class _Walk:
    """State of one walk: where we are, and what was found. Offsets are those of the text; `base` is added for parts read again."""

    def __init__(self, facts: FileFacts, text: str, prepared: Prepared) -> None:
        self.facts = facts
        self.text = text
        self.names = prepared.names
        self.ends = [m.start() for m in re.finditer("\n", text)]
        self.base = 0
        self.function: Function | None = None
        self.function_end = 0
        self.local: set[str] = set()
        self.types: dict[str, str] = {}
        self.file_types: dict[str, str] = {}
        self.bodies: set[int] = set()
        self.pinned: tuple[int, int] | None = None
        self.enclosing_local: set[str] = set()
        self.handlers = {
            "function_definition": self.on_function, "declaration": self.on_declaration, "call_expression": self.on_call,
            "assignment_expression": self.on_assignment, "return_statement": self.on_return, "struct_specifier": self.on_struct,
            "union_specifier": self.on_struct, "type_definition": self.on_typedef, "compound_literal_expression": self.on_compound,
            "binary_expression": self.on_binary,
        }

    def run(self, root: Node, base: int) -> None:
        self.base = base
        handlers = self.handlers
        cursor = root.walk()
        while True:
            node = cursor.node
            assert node is not None
            kind = node.type
            if self.function is not None and node.start_byte + base >= self.function_end:
                self.leave_function()
            handler = handlers.get(kind)
            if handler is not None:
                handler(node)
            if kind not in _SKIP and cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    if self.function is not None:
                        self.leave_function()
                    return

    def leave_function(self) -> None:
        self.function = None
        self.local = set()
        self.types = {}

    def forget(self, start: int, end: int) -> None:
        """Drops what the damaged reading of a part gave, before it is read again."""
        first, last = self.line(start), self.line(end)
        facts = self.facts
        for name in ("calls", "uses", "assignments", "variables", "prototypes"):
            kept = [f for f in getattr(facts, name) if not first <= f.line <= last]
            setattr(facts, name, kept)

    # ---- places and texts

    def line(self, offset: int) -> int:
        return bisect_left(self.ends, offset) + 1

    def place(self, node: Node) -> tuple[int, int]:
        if self.pinned is not None:
            return self.pinned
        offset = node.start_byte + self.base
        line = bisect_left(self.ends, offset)
        return line + 1, offset - (self.ends[line - 1] + 1 if line else 0) + 1

    def raw(self, node: Node) -> str:
        return self.text[node.start_byte + self.base:node.end_byte + self.base]

    def flat(self, node: Node) -> str:
        text = self.raw(node)
        if len(text) > _TEXT:
            text = text[:_TEXT]
        return _SPACE.sub(" ", text) if "\n" in text or "\t" in text or "  " in text else text

    def enclosing(self) -> str | None:
        return self.function.name if self.function is not None else None

    # ---- declarations

    def type_text(self, node: Node) -> str:
        """The specifier part of a declaration's type: "struct ops", "unsigned long", "handler_t"."""
        spec = node.child_by_field_name("type")
        if spec is None:
            return ""
        if spec.type in ("struct_specifier", "union_specifier", "enum_specifier"):
            return self.tag(spec)
        return self.flat(spec)

    def tag(self, spec: Node) -> str:
        name = spec.child_by_field_name("name")
        keyword = spec.type.split("_")[0]
        if name is not None:
            return f"{keyword} {self.raw(name)}"
        offset = spec.start_byte + self.base
        line = self.line(offset)
        return f"{keyword} @{self.facts.file}:{line}:{offset - (self.ends[line - 2] if line > 1 else 0)}"

    def declared(self, declarator: Node) -> tuple[Node | None, str, Node | None]:
        """(name node, the declarator without the name, the function_declarator right around the name)."""
        node: Node | None = declarator
        around: Node | None = None
        for _ in range(_CHAIN):
            if node is None or node.type in ("identifier", "field_identifier", "type_identifier", "primitive_type"):
                break
            inner = node.child_by_field_name("declarator")
            if inner is None:
                named = [c for c in node.named_children if not c.type.startswith("ms_")]
                inner = next((c for c in named if c.type.endswith("declarator") or c.type.endswith("identifier")), None)
            if not (node.type == "parenthesized_declarator" and inner is not None and inner.type == "identifier"):
                around = node if node.type == "function_declarator" else None
            node = inner
        if node is None:
            return None, self.flat(declarator), around
        start, end = declarator.start_byte + self.base, declarator.end_byte + self.base
        at, stop = node.start_byte + self.base, node.end_byte + self.base
        rest = self.text[start:at] + self.text[stop:min(end, stop + 2000)]
        return node, _SPACE.sub(" ", rest).strip(), around

    def on_function(self, node: Node) -> None:
        declarator = node.child_by_field_name("declarator")
        body = node.child_by_field_name("body")
        if declarator is None or body is None or self.function is not None:
            return
        name, _, around = self.declared(declarator)
        if name is None or around is None:
            return
        line, column = self.place(name)
        called = self.names.get(name.start_byte + self.base) or self.raw(name)
        start = node.start_byte + self.base
        header = self.text[start:body.start_byte + self.base]
        params, variadic = self.parameters(around, node)
        made = name.start_byte + self.base in self.names  # by a macro: neither its type nor its parameters stand here
        if made:
            params = []
        stars = self.text[declarator.start_byte + self.base:name.start_byte + self.base].count("*")
        self.function = Function(
            called,
            self.facts.file,
            line,
            column,
            self.line(start),
            self.line(node.end_byte + self.base - 1),
            re.search(r"\bstatic\b", header[:200]) is not None,
            "" if made else (self.type_text(node) + (" " + "*" * stars if stars else "")).strip(),
            params,
            variadic,
            re.findall(r"\b(__\w+|[A-Z][A-Z0-9_]{2,})\b", header.split("(")[0])[:8],
        )
        self.function_end = node.end_byte + self.base
        self.bodies.add(body.start_byte + self.base)
        self.facts.functions.append(self.function)
        self.local = {p for p, _ in params if p} | self.enclosing_local
        self.types = {p: t for p, t in params if p}
        for position, (param, type_text) in enumerate(params):
            if param:
                self.facts.variables.append(Variable(param, self.facts.file, line, called, type_text, param=position))

    def parameters(self, function: Node, definition: Node | None = None) -> tuple[list[tuple[str, str]], bool]:
        listed = function.child_by_field_name("parameters")
        found: list[tuple[str, str]] = []
        variadic = False
        for child in listed.named_children if listed is not None else []:
            if child.type == "variadic_parameter":
                variadic = True
            elif child.type == "parameter_declaration":
                declarator = child.child_by_field_name("declarator")
                spec = self.type_text(child)
                if declarator is None:
                    found.append(("", spec))
                else:
                    name, rest, _ = self.declared(declarator)
                    called = self.raw(name) if name is not None else ""
                    if name is None and (plain := _FUNCTION_PARAM.match(rest)):  # `err_t (fn (void *))`, `int (cb)(int)`
                        called, rest = plain.group(1), f"({plain.group(2) or plain.group(3)})"
                    found.append((called, f"{spec} {rest}".strip()))
            elif child.type == "identifier":
                found.append((self.raw(child), ""))
        if found == [("", "void")]:
            found = []
        if definition is not None and any(not t for _, t in found):  # old style: types stand between the list and the body
            types: dict[str, str] = {}
            for child in definition.named_children:
                if child.type == "declaration":
                    spec = self.type_text(child)
                    for declarator in child.children_by_field_name("declarator"):
                        name, rest, _ = self.declared(declarator)
                        if name is not None:
                            types[self.raw(name)] = f"{spec} {rest}".strip()
            found = [(n, t or types.get(n, "int")) for n, t in found]
        return found, variadic

    def on_declaration(self, node: Node) -> None:
        spec = self.type_text(node)
        words = [self.raw(c) for c in node.children if c.type == "storage_class_specifier"]
        function = self.enclosing()
        for declarator in node.children_by_field_name("declarator"):
            value = None
            if declarator.type == "init_declarator":
                value = declarator.child_by_field_name("value")
                inner = declarator.child_by_field_name("declarator")
                if inner is None:
                    continue
                declarator = inner
            name, rest, around = self.declared(declarator)
            if name is None:
                continue
            line, column = self.place(name)
            called = self.raw(name)
            if around is not None:
                if value is None:
                    params, variadic = self.parameters(around)
                    self.facts.prototypes.append(Prototype(called, self.facts.file, line, spec, params, variadic))
                continue
            type_text = f"{spec} {rest}".strip()
            self.facts.variables.append(
                Variable(called, self.facts.file, line, function, type_text, "static" in words, "extern" in words))
            if function is not None:
                self.local.add(called)
                self.types[called] = type_text
            else:
                self.file_types[called] = type_text
            if value is not None:
                self.initialize(Operand(called, called), type_text, value)

    def on_typedef(self, node: Node) -> None:
        spec = self.type_text(node)
        for declarator in node.children_by_field_name("declarator"):
            name, rest, _ = self.declared(declarator)
            if name is not None:
                self.facts.typedefs.append(Typedef(self.raw(name), self.facts.file, self.place(name)[0], f"{spec} {rest}".strip()))

    def on_struct(self, node: Node) -> None:
        body = node.child_by_field_name("body")
        if body is None:
            return
        fields: list[Field] = []
        for child in body.named_children:
            if child.type != "field_declaration":
                continue
            spec = self.type_text(child)
            declarators = child.children_by_field_name("declarator")
            line = self.place(child)[0]
            if not declarators and "@" in spec:
                fields.append(Field("", spec, line))
            for declarator in declarators:
                name, rest, _ = self.declared(declarator)
                if name is not None:
                    fields.append(Field(self.raw(name), f"{spec} {rest}".strip(), self.place(name)[0]))
        start, end = self.line(node.start_byte + self.base), self.line(node.end_byte + self.base - 1)
        self.facts.structs.append(Struct(self.tag(node), self.facts.file, start, end, fields))

    # ---- values

    def operands(self, node: Node) -> list[Operand]:
        """The values an expression may have, as far as they are places, names or calls."""
        found: list[Operand] = []
        todo: list[tuple[Node, str | None]] = [(node, None)]
        for _ in range(_CHAIN):
            if not todo:
                break
            at, cast = todo.pop()
            kind = at.type
            if kind == "parenthesized_expression":
                inside = at.named_children
                if inside and inside[0].type == "compound_statement" and inside[0].named_children:
                    last = inside[0].named_children[-1]
                    if last.type == "expression_statement" and last.named_children:
                        todo.append((last.named_children[0], cast))
                elif inside:
                    todo.append((inside[-1], cast))
            elif kind == "cast_expression":
                value = at.child_by_field_name("value")
                spec = at.child_by_field_name("type")
                if value is not None:
                    todo.append((value, cast or (self.descriptor(spec) if spec is not None else None)))
            elif kind == "conditional_expression":
                parts = [at.child_by_field_name(f) for f in ("alternative", "consequence")]
                if parts[1] is None:
                    parts.append(at.child_by_field_name("condition"))
                todo.extend((p, cast) for p in parts if p is not None)
            elif kind == "comma_expression":
                right = at.child_by_field_name("right")
                if right is not None:
                    todo.append((right, cast))
            elif kind == "assignment_expression":
                left = at.child_by_field_name("left")
                if left is not None:
                    todo.append((left, cast))
            elif kind == "binary_expression":
                operator = at.child_by_field_name("operator")
                left, right = at.child_by_field_name("left"), at.child_by_field_name("right")
                if operator is not None and operator.type in ("+", "-") and left is not None:
                    todo.append((left, cast))
                elif operator is not None and operator.type in ("||", "|") and right is not None and left is not None:
                    todo.extend(((right, cast), (left, cast)))
            elif kind == "call_expression" and (inner := self.cast_of(at)) is not None:
                todo.append((inner, cast))
            elif kind not in _SKIP:
                operand = self.shape(at, cast)
                if operand is not None:
                    found.append(operand)
        return found

    def cast_of(self, node: Node) -> Node | None:
        """The operand of `(type)(operand)`, which the grammar takes for a call; None for any other call."""
        callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or arguments is None or callee.type != "parenthesized_expression":
            return None
        inside, given = callee.named_children, arguments.named_children
        if len(inside) != 1 or len(given) != 1 or inside[0].type != "identifier" or self.raw(inside[0]) in self.local:
            return None
        return given[0]

    def descriptor(self, node: Node) -> str:
        """A type descriptor's text ("struct foo *"), anonymous structs named by their place."""
        declarator = node.child_by_field_name("declarator")
        return f"{self.type_text(node)} {self.flat(declarator) if declarator is not None else ''}".strip()

    def shape(self, node: Node, cast: str | None = None) -> Operand | None:
        """The place an expression names: a chain of fields, subscripts and dereferences over a name or a call."""
        steps: list[str] = []
        address = False
        at: Node | None = node
        text = self.flat(node)
        for _ in range(_CHAIN):
            if at is None:
                return None
            kind = at.type
            if kind == "identifier":
                name = self.raw(at)
                if name in _NOT_NAMES:
                    return None
                return Operand(text, name, tuple(reversed(steps)), address, cast)
            if kind == "field_expression":
                member = at.child_by_field_name("field")
                if member is None:
                    return None
                steps.append(self.raw(member))
                cast = None if cast and steps else cast
                at = at.child_by_field_name("argument")
            elif kind == "subscript_expression":
                steps.append("[]")
                at = at.child_by_field_name("argument")
            elif kind == "pointer_expression":
                operator = at.child_by_field_name("operator")
                if operator is not None and operator.type == "&":
                    if steps:
                        if steps[-1] == "*":
                            steps.pop()
                        elif steps[-1] == "[]":
                            pass
                    else:
                        address = True
                else:
                    steps.append("*")
                at = at.child_by_field_name("argument")
            elif kind == "parenthesized_expression":
                inner = [c for c in at.named_children if c.type != "comment"]
                at = inner[-1] if inner else None
            elif kind == "cast_expression":
                spec = at.child_by_field_name("type")
                if spec is not None:
                    cast = self.descriptor(spec)
                at = at.child_by_field_name("value")
                if steps and at is not None:
                    inner_shape = self.shape_once(at)
                    return Operand(
                        text, inner_shape.base if inner_shape and not inner_shape.fields else None, tuple(reversed(steps)), address, cast
                    )
            elif kind == "call_expression":
                return self.call_shape(at, text, steps, address, cast)
            elif kind in ("update_expression", "comma_expression", "assignment_expression"):
                at = at.child_by_field_name("right") or at.child_by_field_name("argument")
            elif kind == "binary_expression":
                at = at.child_by_field_name("left")
            elif kind == "conditional_expression":
                at = at.child_by_field_name("consequence") or at.child_by_field_name("alternative")
            elif kind == "compound_literal_expression":
                spec = at.child_by_field_name("type")
                return Operand(text, None, tuple(reversed(steps)), address, self.descriptor(spec) if spec is not None else None)
            else:
                return None
        return None

    def shape_once(self, node: Node) -> Operand | None:
        while node.type == "parenthesized_expression" and node.named_children:
            node = node.named_children[-1]
        return Operand("", self.raw(node)) if node.type == "identifier" else None

    def call_shape(self, node: Node, text: str, steps: list[str], address: bool, cast: str | None) -> Operand | None:
        callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        fields = tuple(reversed(steps))
        if callee is None or callee.type != "identifier":
            inner = self.shape(callee) if callee is not None and callee.type == "field_expression" else None
            if inner is None or inner.call or inner.base is None:
                return Operand(text, None, fields, address, cast, True)
            return Operand(text, inner.base, (*inner.fields, "()", *fields), address, cast)
        name = self.raw(callee)
        given = arguments.named_children if arguments is not None else []
        if name in _PASS_ON and given:
            inner = next(iter(self.operands(given[0])), None)
            if inner is not None and not inner.call:
                return Operand(text, inner.base, inner.fields + fields, inner.address if not fields else False, cast or inner.cast)
        if name in _CONTAINER and len(given) >= 2:
            type_at = _CONTAINER[name][0]
            if type_at >= 0:
                separators = [c for c in arguments.children if c.type == ","]  # type: ignore[union-attr]
                start = separators[0].end_byte + self.base
                end = (separators[1].start_byte if len(separators) > 1 else arguments.end_byte - 1) + self.base  # type: ignore[union-attr]
                return Operand(text, None, fields, address, cast or _SPACE.sub(" ", self.text[start:end]).strip() + " *")
        return Operand(text, name, fields, address, cast, True)

    # ---- places where values go

    def use(self, value: Operand, node: Node, kind: str, **where: object) -> None:
        if value.base is None or value.fields or value.call or value.base in self.local:
            return
        line, column = self.place(node)
        via = tuple(word for word, there in (("address", value.address), ("cast", value.cast is not None)) if there)
        if where.pop("many", False):
            via = (*via, "conditional")
        self.facts.uses.append(NameUse(value.base, self.facts.file, line, column, self.enclosing(), kind, via=via, **where))  # type: ignore[arg-type]

    def known_type(self, name: str | None) -> str | None:
        return None if name is None else self.types.get(name) or self.file_types.get(name)

    def assign(self, left: Operand, right: list[Operand], node: Node, kind: str, struct: str | None) -> None:
        line, column = self.place(node)
        self.facts.assignments.append(Assignment(self.facts.file, line, column, self.enclosing(), kind, left, right))  # type: ignore[arg-type]
        for operand in right:
            self.use(operand, node, kind, struct=struct, fields=left.fields, variable=left.base,
                     operand=left if kind == "assignment" else None, many=len(right) > 1)

    def on_assignment(self, node: Node) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or (operator is not None and operator.type != "="):
            return
        place = self.shape(left)
        if place is None:
            return
        values = self.operands(right)
        if values:
            self.assign(place, values, right, "assignment", place.cast or (None if place.call else self.known_type(place.base)))

    def on_return(self, node: Node) -> None:
        children = node.named_children
        if children:
            values = self.operands(children[0])
            if values:
                self.assign(Operand("return"), values, children[0], "return", None)

    def on_compound(self, node: Node) -> None:
        spec, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        if spec is not None and value is not None:
            type_text = self.descriptor(spec)
            self.initialize(Operand(self.flat(node), None, (), False, type_text), type_text, value)

    def on_binary(self, node: Node) -> None:
        operator = node.child_by_field_name("operator")
        if operator is not None and operator.type in ("==", "!="):
            for side in ("left", "right"):
                child = node.child_by_field_name(side)
                if child is not None and child.type == "identifier":
                    name = self.raw(child)
                    if name not in self.local and name not in _NOT_NAMES and not name.isupper():
                        self.use(Operand(name, name), child, "comparison")

    def initialize(self, left: Operand, type_text: str, value: Node) -> None:
        """A declared variable's (or compound literal's) initializer, each element of a brace list for itself."""
        todo: list[tuple[Node, tuple[str, ...]]] = [(value, ())]
        while todo:
            node, path = todo.pop()
            if node.type != "initializer_list":
                values = self.operands(node)
                if values:
                    place = Operand(left.text, left.base, path, False, left.cast)
                    self.assign(place, values, node, "initializer", type_text)
                continue
            position = 0
            found: list[tuple[Node, tuple[str, ...]]] = []
            for child in node.named_children:
                if child.type == "initializer_pair":
                    inner = child.child_by_field_name("value")
                    steps = self.designators(child)
                    if inner is not None and steps:
                        if inner.type not in _SKIP:
                            found.append((inner, path + steps))
                    if steps and steps[0].startswith("#"):
                        position = int(steps[0][1:])
                elif child.type not in _SKIP and child.type != "ERROR" and len(path) < 12:
                    found.append((child, (*path, f"#{position}")))
                if child.type != "comment":
                    position += 1
            todo.extend(reversed(found))

    def designators(self, pair: Node) -> tuple[str, ...]:
        steps: list[str] = []
        for child in pair.children_by_field_name("designator"):
            if child.type == "field_designator":
                steps.append(self.raw(child).lstrip(". \t\n"))
            elif child.type in ("subscript_designator", "subscript_range_designator"):
                steps.append("[]")
            else:
                steps.append(self.raw(child))
        return tuple(steps)

    # ---- calls

    def on_call(self, node: Node) -> None:
        callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or arguments is None:
            return
        bare = callee
        while bare.type == "parenthesized_expression" and len(bare.named_children) == 1:
            bare = bare.named_children[0]
        if bare.type == "call_expression" and (inner := self.cast_of(bare)) is not None:  # `(type)(*p)(x)`
            bare, callee = inner, bare.child_by_field_name("arguments") or inner
        if not self.callable(bare):
            return
        line, column = self.place(callee)
        operand = self.shape(bare) or Operand(self.flat(callee))
        others = self.operands(bare)[1:] if bare.type == "parenthesized_expression" or bare.type == "conditional_expression" else []
        direct = bare.type == "identifier" and operand.base is not None and operand.base not in self.local
        name = operand.base if direct else None
        if self.names and bare.type == "identifier":
            name = self.names.get(bare.start_byte + self.base, name)
        args = self.arguments(arguments)
        end_line = self.pinned[0] if self.pinned else self.line(node.end_byte + self.base - 1)
        function = self.enclosing()
        self.facts.calls.append(
            Call(
                self.facts.file,
                line,
                column,
                function,
                self.flat(callee),
                name,
                "direct" if direct else "indirect",
                args,
                operand,
                None,
                end_line,
                others,
            )
        )
        text = name or self.flat(callee)
        for position, arg in enumerate(args):
            for value in arg.operands:
                self.use(value, arguments, "argument", call=text, index=position, many=len(arg.operands) > 1)
        if name in _STORE_SECOND and len(args) >= 2 and args[0].operands and args[1].operands:
            target = args[0].operands[0]
            place = Operand(target.text.lstrip("&"), target.base, target.fields, False, target.cast)
            self.assign(place, args[1].operands, arguments, "assignment", self.known_type(place.base))

    def callable(self, node: Node) -> bool:
        """Whether an expression can be what a call calls. `(typeof(x))(-1)` is a cast, the logic inside a macro's assertion no pointer."""
        if node.type not in _CALLABLE:
            return False
        if node.type == "identifier":
            return self.raw(node) not in _TYPE_WORDS
        if node.type == "call_expression":
            inner = node.child_by_field_name("function")
            name = self.raw(inner) if inner is not None and inner.type == "identifier" else ""
            return inner is not None and not name.startswith(("typeof", "__typeof", "_Generic", "__builtin_"))
        return self.shape(node) is not None

    def arguments(self, node: Node) -> list[Arg]:
        """Arguments between the commas, so that a type (`struct foo`) that the grammar cannot read keeps its text and position."""
        args: list[Arg] = []
        start = node.start_byte + 1
        operands: list[Operand] = []
        for child in node.children:
            kind = child.type
            if kind == "(":
                continue
            if kind in (",", ")"):
                text = self.text[start + self.base:min(child.start_byte, start + _TEXT) + self.base].strip()
                if text or kind == "," or args:
                    args.append(Arg(_SPACE.sub(" ", text), operands))
                start, operands = child.end_byte, []
            elif kind not in _SKIP and kind != "ERROR":
                operands = operands + self.operands(child)
        return args
