"""The engine's own reader and tree-sitter see the same functions, calls and members, but for what is known and explained."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import reader_against_syntax
from benchmarks.reader_against_syntax import KINDS, differences
from curation.csource.facts.model import FileFacts

ROOT = Path(__file__).resolve().parents[4]
FILES = [*(ROOT / "tests" / "curation").rglob("*.c"), *(ROOT / "datasets" / "demo" / "src").rglob("*.[ch]")]


def test_they_agree_on_every_fixture_but_for_what_is_explained() -> None:
    both: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    unexplained = []
    for path in FILES:
        found, agreed = differences(path.read_text(encoding="utf-8"), path.name)
        both += agreed
        kinds += Counter(one.why for one in found)
        unexplained += [f"{path.name}:{one.line} {one.side} {one.what} {one.name}" for one in found if one.why not in KINDS]
    assert unexplained == []
    assert both["function"] > 200 and both["call"] > 400 and both["member"] > 100
    assert sum(kinds.values()) < 0.03 * sum(both.values())


def test_each_kind_of_difference_is_told() -> None:
    code = """\
static DEFINE_MUTEX(lock);
#if 0
int left(void) { return out(); }
#endif
int f(long a)
{
	return (type_t)(a) + g(a);
}
"""
    found, both = differences(code, "a.c")
    assert {(one.side, one.what, one.name, one.why) for one in found} == {
        ("reader", "call", "DEFINE_MUTEX", "file_scope_macro"), ("tree", "function", "left", "if_0"), ("tree", "call", "out", "if_0"),
        ("tree", "call", "(type_t)", "cast")}
    assert both == {"function": 1, "call": 1}


def test_what_the_reader_loses_without_a_known_reason_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_against_syntax, "parse_file", lambda text, file: FileFacts(file))
    found, _ = reader_against_syntax.differences("int f(void)\n{\n\treturn 1;\n}\nstruct s { int m; };\n", "a.c")
    assert [(one.side, one.what, one.name, one.why) for one in found] == [
        ("tree", "function", "f", "unexplained"), ("tree", "member", "m", "unexplained")]
