"""Which file an #include means is decided once: for macros that are seen, for texts read in place, and for what is missing."""
from __future__ import annotations

from curation.csource.sources.inclusions import (
    IncludePaths,
    Unanswered,
    included_sources,
    includes_of,
    quoted_of,
    together,
    unanswered,
)

FILES = ["a/main.c", "a/ops.def", "b/ops.def", "b/x/deep.inc", "lib/one.h", "other/one.h", "top.def"]


def _in_place(file: str, path: str) -> list[str]:
    return IncludePaths(FILES).in_place(file, path)


def test_the_file_beside_is_meant_else_the_nearest_whose_path_ends_so() -> None:
    assert _in_place("a/main.c", "ops.def") == ["a/ops.def"]
    assert _in_place("b/x/y.c", "ops.def") == ["b/ops.def"]
    assert _in_place("a/main.c", "x/deep.inc") == ["b/x/deep.inc"]
    assert _in_place("a/main.c", "../top.def") == ["top.def"]


def test_a_list_that_headers_of_one_name_may_fill_has_them_all_and_no_path_means_another_folder() -> None:
    assert _in_place("a/main.c", "one.h") == ["lib/one.h", "other/one.h"]
    assert _in_place("a/main.c", "wrong/ops.def") == []


def test_sources_and_files_within_a_brace_list_are_read_in_place_and_headers_are_not() -> None:
    text = '#include "one.h"\n#include <impl.c>\nint t[] = {\n#include "rows.h"\n};\n'
    assert includes_of(text) == [(2, "impl.c"), (4, "rows.h")] and quoted_of(text) == [(1, "one.h"), (4, "rows.h")]
    assert included_sources({"a.c": text, "impl.c": "", "rows.h": "", "one.h": ""}) == {"a.c": [(2, "impl.c"), (4, "rows.h")]}


def test_what_no_file_answers_is_told_and_the_systems_headers_are_not() -> None:
    text = '#include <stdio.h>\n#include "gone.h"\n#include "one.h"\nint t[] = {\n#include <gone.def>\n};\n'
    found = unanswered(IncludePaths(FILES), "a/main.c", quoted_of(text), includes_of(text))
    assert found == [Unanswered("a/main.c", 2, "gone.h", False), Unanswered("a/main.c", 5, "gone.def", True)]


def test_files_read_into_one_are_one_unit() -> None:
    assert together({"a.c": [(1, "b.c"), (2, "c.c")]}) == {"a.c": {"b.c", "c.c"}, "b.c": {"a.c", "c.c"}, "c.c": {"a.c", "b.c"}}
