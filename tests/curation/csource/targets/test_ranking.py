"""Candidates that real programs call come before what only tests, other programs, other systems or some configurations put there."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.sources.path_hints import conditional_lines, is_foreign, is_test
from curation.csource.targets.ranking import IMPLEMENTATIONS

_HEADER = "struct ops { int (*go)(int); };\nextern struct ops *current;\n"
_SITE = '#include "ops.h"\nint run(int x) { return current->go(x); }\n'


def _order(**files: str) -> list[str]:
    texts = [("src/ops.h", _HEADER), ("src/site.c", _SITE)]
    index = build_index(texts + [(name.replace("__", "/") + ".c", text) for name, text in files.items()])
    call = next(c for c in index.calls("src/site.c") if c.kind == "indirect")
    return [c.name for c in index.resolve(call)]


def _setter(name: str, extra: str = "") -> str:
    return f"static int {name}(int x) {{ return x; }}\nvoid set_{name}(struct ops *o) {{ o->go = {name}; }}\n{extra}"


def test_what_a_test_sets_comes_after_what_the_library_sets() -> None:
    assert _order(tests__a=_setter("aa"), src__b=_setter("bb")) == ["bb", "aa"]


def test_what_another_program_sets_comes_after_what_the_library_sets() -> None:
    assert _order(src__a=_setter("aa", "int main(void) { return 0; }"), src__b=_setter("bb")) == ["bb", "aa"]


def test_what_another_system_uses_comes_last() -> None:
    assert _order(src__a_win32=_setter("aa"), src__b=_setter("bb")) == ["bb", "aa"]


def test_what_one_configuration_sets_comes_after_what_all_set() -> None:
    guarded = "static int aa(int x) { return x; }\n#ifdef HAVE_AA\nvoid set_aa(struct ops *o) { o->go = aa; }\n#endif\n"
    assert _order(src__a=guarded, src__b=_setter("bb")) == ["bb", "aa"]


def test_what_lies_in_the_folder_of_the_call_comes_before_what_lies_elsewhere() -> None:
    assert _order(binding__a=_setter("aa"), src__b=_setter("bb")) == ["bb", "aa"]


def test_functions_outside_the_corpus_come_after_those_that_can_be_shown() -> None:
    outside = "int aa(int x);\nvoid set_aa(struct ops *o) { o->go = aa; }\n"
    assert _order(src__a=outside, src__b=_setter("bb")) == ["bb", "aa"]


def test_paths_of_tests_and_of_other_systems_are_known() -> None:
    assert all(map(is_test, ["tests/x.c", "lib/test_x.c", "a/testutil.c", "b/x_test.c", "benchmarks/x.c"]))
    assert not any(map(is_test, ["src/latest.c", "src/contest/x.c", "src/protester.c"]))
    assert is_foreign("src/win32/x.c", "f") and is_foreign("src/x.c", "pipe_win32_open") and not is_foreign("src/window.c", "windowed")


def test_include_guards_are_no_condition() -> None:
    text = "#ifndef A_H\n#define A_H\nint x;\n#ifdef Y\nint y;\n#if 1\nint z;\n#endif\n#endif\n#endif\n"
    assert conditional_lines(text) == [(4, 9), (6, 8)]


def test_what_is_set_where_an_object_ends_comes_after_what_is_set_where_it_begins() -> None:
    text = (
        "static int aa(int x) { return x; }\nstatic int bb(int x) { return x; }\n"
        "void table_delete(struct ops *o) { o->go = aa; }\nvoid table_init(struct ops *o) { o->go = bb; }\n"
    )
    assert _order(src__t=text) == ["bb", "aa"]


def test_stand_ins_are_known_by_the_words_of_their_names() -> None:
    text = (
        "static int BogusFind(int x) { return x; }\nstatic int Find(int x) { return x; }\n"
        "void set(struct ops *o, int k) { o->go = BogusFind; o->go = Find; }\n"
    )
    assert _order(src__t=text) == ["Find", "BogusFind"]


def test_of_many_implementations_of_an_interface_the_nearest_are_shown_and_the_rest_is_said_to_be_missing() -> None:
    count = IMPLEMENTATIONS + 20
    drivers = {f"drivers/d{i}.c": f"static int go{i}(int x) {{ return x; }}\nstruct ops o{i} = {{ go{i} }};\n" for i in range(count)}
    near = "static int near(int x) { return x; }\nstruct ops n = { near };\n"
    index = build_index([("src/ops.h", _HEADER), ("src/site.c", _SITE), ("src/near.c", near), *drivers.items()])
    found = index.resolution(next(c for c in index.calls("src/site.c") if c.kind == "indirect"))
    assert (len(found.candidates), found.candidates[0].name, found.completeness) == (IMPLEMENTATIONS, "near", "incomplete")


def test_a_long_table_is_shown_whole() -> None:
    count = IMPLEMENTATIONS + 20
    functions = "".join(f"static int go{i}(int x) {{ return x; }}\n" for i in range(count))
    table = functions + "static struct ops table[] = { " + ", ".join(f"{{ go{i} }}" for i in range(count)) + " };\n"
    index = build_index([("src/ops.h", _HEADER), ("src/site.c", _SITE), ("src/table.c", table)])
    assert len(index.resolve(next(c for c in index.calls("src/site.c") if c.kind == "indirect"))) == count
