"""Where do the engine's own reader and tree-sitter read a file differently? Functions, calls and members, where the tree has no error.

>>> python benchmarks/reader_against_syntax.py libevent linux/drivers/rtc --show 3

Compared are (line, name) of functions and members and (line, callee's text) of calls, on the lines of items at file scope without an
error; macros are not expanded on either side. Kinds of differences (KINDS), all of which were met:

- if_0: the reader leaves out what stands behind `#if 0`; the tree has every branch.
- cast: `(u32)(x)`: without types the tree takes the cast for a call of `(u32)`. The reader does not, where the name is one of a type.
- file_scope_macro: `static DEFINE_MUTEX(lock);` is a call for the reader (macros may store functions) and a declaration for the tree.
- type_macro: `STACK_OF(X) *names = ...;` is a call times a name for the tree, a declaration for the reader.
- macro_body: a comment in a `#define` of several lines ends it for the tree, and the rest is read as code.
- directive: `#if IS_ENABLED(X)`: the tree has calls in the conditions of directives.
- prototype: behind a macro that the grammar does not know, a prototype is a call for the tree.
- argument_type: `container_of(p, struct s, m)`: a type as an argument is an error for the tree, which it mends by inventing tokens and
  keeping or losing the call; the reader has the call.

Anything else is "unexplained" and would be a fault of one of the two.
"""
from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tree_sitter import Node

from curation.csource.facts.model import FileFacts
from curation.csource.parsing.file_parser import parse_file
from curation.csource.sources.files import DiskTexts, c_files
from curation.csource.syntax.anchors import file_scope
from curation.csource.syntax.outline import declared_name
from curation.csource.syntax.tree import SyntaxTree, Unparsed, parse, walk

Fact = tuple[str, int, str]  # what, line, name
KINDS = ("if_0", "cast", "file_scope_macro", "type_macro", "macro_body", "directive", "prototype", "argument_type")
_CONDITIONAL = re.compile(r"\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b\s*(\w*)")
_ARGUMENT_TYPE = re.compile(r"[(,]\s*(?:struct|union|enum)\s+\w+\s*[,)]")
_TYPE_MACRO = re.compile(r"\s*(?:(?:static|const|extern)\s+)*\w+\([^()]*\)\s*\*+\s*(?:const\s+)?\w+\s*[=;,)\[]")


@dataclass(frozen=True)
class Difference:
    """side: who alone has it, "reader" or "tree". why: one of the kinds above, "unexplained" for none."""

    side: str
    what: str
    line: int
    name: str
    why: str


def differences(text: str, file: str) -> tuple[list[Difference], Counter[str]]:
    """The differences, and how many functions, calls and members both have. Raises Unparsed."""
    tree = parse(text)
    clean = [item for item in file_scope(tree) if not item.has_error]
    damaged = {line for node, _ in walk(tree.root) if node.is_error or node.is_missing for line in _lines(tree, node)}
    lines = {line for item in clean for line in _lines(tree, item)} - damaged
    of_tree = Counter(fact for item in clean for fact in tree_facts(tree, item) if fact[1] in lines)
    facts = parse_file(text, file)
    of_reader = Counter(fact for fact in reader_facts(facts) if fact[1] in lines)
    functions = {line for one in facts.functions for line in range(one.start_line, one.end_line + 1)}
    source = text.split("\n")
    zero = left_out(source)
    found = [Difference(side, *fact, why(side, fact, source, zero, functions))
             for side, mine, other in (("reader", of_reader, of_tree), ("tree", of_tree, of_reader))
             for fact in sorted((mine - other).elements())]
    return found, Counter(what for what, _, _ in (of_reader & of_tree).elements())


def _lines(tree: SyntaxTree, node: Node) -> range:
    return range(tree.start(node)[0], tree.end(node)[0] + 1)


def reader_facts(facts: FileFacts) -> Iterator[Fact]:
    yield from (("function", one.line, one.name) for one in facts.functions)
    yield from (("call", one.line, _words(one.callee)) for one in facts.calls)
    yield from (("member", field.line, field.name) for one in facts.structs for field in one.fields if field.name)


def tree_facts(tree: SyntaxTree, item: Node) -> Iterator[Fact]:
    behind = 0  # of the condition of a directive
    for node, _ in walk(item):
        if node.start_byte < behind:
            continue
        if node.type in ("preproc_if", "preproc_elif") and (condition := node.child_by_field_name("condition")):
            behind = condition.end_byte
        elif node.type == "function_definition" and (name := declared_name(node)):
            yield "function", tree.start(name)[0], tree.text(name)
        elif node.type == "call_expression" and (callee := node.child_by_field_name("function")):
            yield "call", tree.start(callee)[0], _words(tree.text(callee))
        elif node.type == "field_declaration":
            for declarator in node.children_by_field_name("declarator"):
                if name := declared_name(declarator):
                    yield "member", tree.start(name)[0], tree.text(name)


def _words(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*|\s+", "", text, flags=re.S)


def left_out(source: list[str]) -> set[int]:
    """The lines, from 1, between `#if 0` and what ends that branch."""
    lines: set[int] = set()
    nested: list[bool] = []  # whether each open conditional is in a branch that is left out
    for number, line in enumerate(source, 1):
        if directive := _CONDITIONAL.match(line):
            word = directive[1]
            if word in ("if", "ifdef", "ifndef"):
                nested.append(word == "if" and directive[2] == "0")
            elif nested:
                nested[-1] = False
                if word == "endif":
                    nested.pop()
        elif any(nested):
            lines.add(number)
    return lines


def why(side: str, fact: Fact, source: list[str], zero: set[int], functions: set[int]) -> str:
    """functions: the lines that belong to functions, as the reader sees them."""
    what, line, name = fact
    text = source[line - 1]
    if side == "reader":
        if what == "call" and line not in functions:
            return "file_scope_macro"
        return "argument_type" if what == "call" and _ARGUMENT_TYPE.search(text) else "unexplained"
    if line in zero:
        return "if_0"
    if text.lstrip().startswith("#"):
        return "directive"
    if line > 1 and source[line - 2].rstrip().endswith("\\"):
        return "macro_body"
    if what == "call" and name.startswith("("):
        return "cast"
    if what == "call" and _TYPE_MACRO.match(text):
        return "type_macro"
    if what == "call" and line not in functions:
        return "prototype"
    return "unexplained"


def main() -> None:
    parser = argparse.ArgumentParser(description="the engine's reader beside tree-sitter")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--files", type=int, default=0, help="of each folder (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=2, metavar="N", help="examples of each kind (default 2)")
    given = parser.parse_args()
    for folder in given.folders:
        report(folder.name, DiskTexts(dict(c_files(folder))), given.files, given.seed, given.show)


def report(name: str, texts: DiskTexts, most: int, seed: int, show: int) -> None:
    files = list(texts)
    if 0 < most < len(files):
        files = random.Random(seed).sample(files, most)
    both: Counter[str] = Counter()
    kinds: dict[tuple[str, str, str], list[str]] = {}
    for file in files:
        text = texts[file]
        try:
            found, agreed = differences(text, file)
        except Unparsed:
            continue
        both += agreed
        for one in found:
            place = f"{file}:{one.line} {one.name}: {text.splitlines()[one.line - 1].strip()[:100]}"
            kinds.setdefault((one.side, one.what, one.why), []).append(place)
    agreed = ", ".join(f"{count:,} {what}s" for what, count in sorted(both.items()))
    print(f"{name}: {len(files):,} files; both have {agreed}")
    for (side, what, why_), places in sorted(kinds.items(), key=lambda one: -len(one[1])):
        print(f"  {len(places):6,} {what}s only of the {side}: {why_}")
        for place in places[:show]:
            print(f"           {place}")


if __name__ == "__main__":
    main()
