"""When is a list of candidates all there is, and why not?"""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.targets.completeness import why_more
from curation.csource.targets.resolution import Resolution

_OPS = "struct ops { int (*go)(int); };\nstatic int f(int a) { return a; }\n"
_CALL = "static int run(struct ops *p) { return p->go(1); }\n"


def _found(text: str) -> tuple[Resolution, list[str]]:
    """The resolution of the first indirect call, and why there may be more."""
    index = build_index([("a.c", text)], jobs=0)
    call = next(c for c in index.calls() if c.kind == "indirect")
    found = index.resolution(call)
    return found, [one.kind for one in why_more(index, index.flow, [call], found, 40)]


def test_a_pointer_that_only_this_code_sets_is_complete() -> None:
    found, why = _found(_OPS + _CALL + "static struct ops o = { f };\nint m(void) { return run(&o); }\n")
    assert ([c.name for c in found.candidates], found.completeness, why) == (["f"], "complete", [])


def test_a_store_into_a_struct_that_is_not_known_may_be_one_of_many() -> None:
    found, why = _found(_OPS + _CALL + "void set(void) { unseen(1)->go = f; }\nint m(struct ops *o) { return run(o); }\n")
    assert ([c.name for c in found.candidates], found.completeness, why) == (["f"], "incomplete", ["open_field"])


def test_who_else_calls_a_function_may_give_it_another_callback() -> None:
    found, why = _found("int each(int (*fn)(int)) { return fn(1); }\nstatic int f(int a) { return a; }\nint m(void) { return each(f); }\n")
    assert (found.completeness, why) == ("incomplete", ["open_parameter"])


def test_a_function_outside_the_corpus_can_be_more_than_one() -> None:
    found, why = _found("int g(int a);\nstatic int (*p)(int) = g;\nint m(void) { return p(1); }\n")
    assert (found.completeness, why) == ("incomplete", ["open_outside"])


def test_a_pointer_that_nothing_sets_is_set_elsewhere() -> None:
    found, why = _found("struct ops { int (*go)(int); };\nint m(struct ops *o) { return o->go(1); }\n")
    assert (found.candidates, found.completeness, why) == ([], "external", ["open_nothing"])


def test_a_table_that_an_include_would_have_filled_is_not_all_there_is() -> None:
    found, why = _found(_OPS + _CALL + 'static struct ops o[] = {\n{ f },\n#include "more.def"\n};\nint m(int i) { return run(&o[i]); }\n')
    assert ([c.name for c in found.candidates], found.completeness, why) == (["f"], "incomplete", ["open_include"])
    found, why = _found('#include "gone.h"\n' + _OPS + _CALL + "static struct ops o = { f };\nint m(void) { return run(&o); }\n")
    assert (found.completeness, why) == ("complete", []), "a header that is not there says what names mean, and fills nothing"
