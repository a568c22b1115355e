"""Only the whole corpus tells whether a call of a plain name goes through a variable."""
from __future__ import annotations

from curation.csource import build_index


def _kinds(*texts: str) -> list[tuple[str, str, str | None]]:
    program = build_index([(f"{chr(97 + n)}.c", text) for n, text in enumerate(texts)], jobs=0)
    return [(c.callee, c.kind, c.callee_name) for c in program.calls()]


def test_a_variable_of_another_file_is_called_through_and_a_function_is_not() -> None:
    both = _kinds("extern int (*hook)(int);\nint f(void) { return hook(1) + g(2); }\n", "int (*hook)(int);\nint g(int v) { return v; }\n")
    assert both == [
        ("hook", "indirect", None), ("g", "direct", "g")]


def test_a_static_variable_of_one_source_means_nothing_in_another() -> None:
    assert _kinds("static int (*hook)(int);\n", "int f(void) { return hook(1); }\n") == [("hook", "direct", "hook")]


def test_what_a_macro_names_in_parentheses_is_a_function_after_all() -> None:
    assert ("(sin)", "direct", "sin") in _kinds("double sin(double v);\ndouble f(double v) { return (sin)(v); }\n")
