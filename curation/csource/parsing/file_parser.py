"""Which facts does one C file hold? Declarations at file scope are told apart by their brackets, bodies are parsed by statements.py.

>>> [c.callee for c in parse_file("int f(struct s *p) { return p->ops->open(p); }", "a.c").calls]
['p->ops->open']
"""
from __future__ import annotations

from curation.csource.facts.model import Assignment, Call, FactsProblem, FileFacts, NameUse, Variable
from curation.csource.lexing.brackets import MAX_DEPTH, nesting_depth
from curation.csource.lexing.openers import openers
from curation.csource.lexing.prepare import prepare
from curation.csource.parsing.context import FileText, Scope
from curation.csource.parsing.file_scope import FileScopeParser
from curation.csource.parsing.functions import FunctionParser
from curation.csource.parsing.statements import StatementParser, statement_parser
from curation.csource.parsing.structs import StructParser

MAX_LINE = 1 << 20  # characters; generated tables stay under 100,000


def parse_file(text: str, file: str) -> FileFacts:
    """The facts of one decoded text. Brackets nested deeper than MAX_DEPTH give a problem and no facts."""
    refused = _refusal(text, file)
    if refused is not None:
        return FileFacts(file, problems=[refused])
    prepared = prepare(text, file)
    facts = FileFacts(file, macros=prepared.macros, conditions=prepared.conditions, openers=openers(prepared.code))
    depth = nesting_depth(prepared.code)
    if depth > MAX_DEPTH:
        facts.problems.append(FactsProblem(file, "too_deep", f"brackets nested {depth} deep, more than {MAX_DEPTH}"))
        return facts
    _parsers(FileText(file, prepared.code, text, prepared.ends), Scope(), facts)[0].parse()
    return facts


def parse_fragment(code: str, file: str, line: int, column: int, function: str | None, local: set[str], macro: str) -> FileFacts:
    """Facts of a macro's expansion, all of them placed at the macro's invocation. `local`: names of the enclosing function's variables."""
    prepared = prepare(code + "\n;", file)
    facts = FileFacts(file)
    if nesting_depth(prepared.code) > MAX_DEPTH:
        return facts
    scope = Scope(function, set(local)) if function else Scope()
    at_file_scope, statements = _parsers(FileText(file, prepared.code, code + "\n;", prepared.ends, (line, column)), scope, facts)
    if function:
        statements.parse(0)
    else:
        at_file_scope.parse()
    for call in facts.calls:
        call.macro = macro
    if function:
        inside: list[Call | NameUse | Assignment | Variable] = [*facts.calls, *facts.uses, *facts.assignments, *facts.variables]
        for fact in inside:
            fact.function = function
    return facts


def _parsers(text: FileText, scope: Scope, facts: FileFacts) -> tuple[FileScopeParser, StatementParser]:
    """The parsers of one file, each with those that it hands on to."""
    structs = StructParser(text, facts)
    statements = statement_parser(text, scope, facts, structs)
    functions = FunctionParser(text, scope, facts, statements)
    return FileScopeParser(text, scope, facts, structs, statements, functions), statements


def _refusal(text: str, file: str) -> FactsProblem | None:
    if "\0" in text:
        return FactsProblem(file, "nul_bytes", "it holds NUL characters", text.count("\n", 0, text.index("\0")) + 1)
    if len(text) > MAX_LINE and max(map(len, text.split("\n"))) > MAX_LINE:
        return FactsProblem(file, "long_line", f"a line has more than {MAX_LINE:,} characters, as no written source has")
    return None
