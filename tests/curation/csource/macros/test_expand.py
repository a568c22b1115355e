"""What a text stands for, as the preprocessor would make it."""
from __future__ import annotations

import pytest

from curation.csource.facts.model import Macro
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import MAX_TEXT, ExpansionCache, Macros
from curation.csource.parsing.file_parser import parse_file


def _macros(text: str, file: str = "a.h") -> Macros:
    return Macros.of(parse_file(text, file).macros)


@pytest.mark.parametrize(("defines", "text", "wanted"), [
    ("#define CALL(p, x) (p)->ops->x(p)", "CALL(dev, open)", "(dev)->ops->open(dev)"),
    ("#define A B\n#define B 3", "A + 1", "3 + 1"),
    ("#define NAME(x) pre_##x##_post", "NAME(go)()", "pre_go_post()"),
    ("#define SAY(x) log(#x, x)", "SAY(a)", 'log("a", a)'),
    ("#define SAY(f, ...) log(f, __VA_ARGS__)", "SAY(a, b, c)", "log(a, b, c)"),
    ("#define SAY(f, args...) log(f, args)", "SAY(a, b, c)", "log(a, b, c)"),
    ("#define A(x) B(x)\n#define B(x) A(x)", "A(1)", "A(1)"),
    ("#define F(x) g(x)\n#define ALIAS F", "ALIAS(1)", "g(1)"),
    ("#define F(x) g(x)", "F", "F"),
    ("#define F(x) g(x)", "F(1", "F(1"),
    ("#define F(x, y) g(x, y)", "F((a, b), c)", "g((a, b), c)"),
    ("#define A 1", '"A" A', '"A" 1'),
    ("#define PASTE(a, b) a##b\n#define ONE 1", "PASTE(x, ONE)", "xONE"),
])
def test_invocations_are_expanded(defines: str, text: str, wanted: str) -> None:
    assert _macros(defines + "\n").expand(text) == wanted


def test_a_file_means_its_own_definition_the_one_in_force_at_the_line() -> None:
    macros = _macros("#define A 1\n#undef A\n#define A 2\n", "a.c")
    assert [macros.expand("A", "a.c", line) for line in (1, 2, 4)] == ["1", "1", "2"]


def test_the_macros_of_a_source_are_seen_in_it_alone() -> None:
    macros = Macros.of([Macro("A", "a.c", 1, None, "1")])
    assert macros.expand("A", "a.c") == "1" and macros.expand("A", "b.c") == "A"
    assert Macros.of([Macro("A", "a.c", 1, None, "1")], {"a.c"}).expand("A", "b.c") == "1"


def test_a_header_of_the_same_folder_comes_first() -> None:
    macros = Macros.of([Macro("A", "x/a.h", 1, None, "1"), Macro("A", "y/a.h", 1, None, "2")])
    assert macros.expand("A", "y/b.c") == "2" and macros.expand("A", "z/b.c") == "1"


def test_a_variant_is_another_definition_and_a_pinned_name_has_its_own() -> None:
    macros = _macros("#if X\n#define A 1\n#define B 1\n#else\n#define A 2\n#define B 2\n#endif\n")
    assert macros.definitions("A", "a.h") == 2
    macros.variant = 1
    assert macros.expand("A B", "a.h") == "2 2"
    macros.pinned = ("A", 0)
    assert macros.expand("A B", "a.h") == "1 2"


def test_a_macro_that_stands_for_nothing_does_not_hide_a_function_of_its_name() -> None:
    macros = _macros("#define add(x) do { } while (0)\n#define put(x) g(x)\n")
    macros.functions = {"add", "put"}
    assert macros.expand("add(1); put(2)") == "add(1); g(2)"


def test_an_expansion_that_grows_without_end_stops() -> None:
    defines = "".join(f"#define X{i} X{i + 1} X{i + 1} X{i + 1}\n" for i in range(25))
    assert len(_macros(defines).expand("X0")) < 50 * MAX_TEXT


def test_every_word_of_a_text_is_a_dependency_whether_it_is_a_macro_or_not() -> None:
    found = Dependencies()
    Macros({"A": [Macro("A", "a.h", 1, None, "B")]}, dependencies=found).expand("A + c", "a.h")
    assert found.macros == {"A", "B", "c"}


def test_the_cache_tells_what_is_expanded_and_to_too_much() -> None:
    cache = ExpansionCache(_macros("#define A 1\n"))
    assert cache.get("A", "a.h") == "1" and cache.get("b", "a.h") is None
    cache.forget()
    assert cache.get("A", "a.h") == "1"
