"""Variables of functions."""
from __future__ import annotations

from curation.csource.macros.local_names import LocalNames
from curation.csource.parsing.file_parser import parse_file


def test_parameters_and_variables_belong_to_their_function() -> None:
    local = LocalNames(parse_file("int all;\nvoid f(fn_t a) { int b; }\nvoid g(long a) { }", "a.c"))
    assert local.within("f") == {"a", "b"} and local.within("g") == {"a"} and local.within(None) == set() == local.within("h")
    assert local.types == {("f", "a"): "fn_t", ("f", "b"): "int", ("g", "a"): "long"}
