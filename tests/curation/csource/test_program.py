"""What is made of a program is made once, and anew where other things are given."""
from __future__ import annotations

from curation.csource import Program, build_index


def test_what_is_made_of_a_program_is_made_once_for_what_it_is_given() -> None:
    program = build_index([("a.c", "int f(void) { return 0; }\n")], jobs=0)
    made: list[object] = []

    def counted(given: Program, *more: str) -> list[str]:
        made.append(given)
        return list(more)

    assert program.once(counted, "x") is program.once(counted, "x") and made == [program]
    assert program.once(counted, "y") == ["y"] and len(made) == 2


def test_a_restricted_program_goes_through_fewer_files_and_shares_what_flows() -> None:
    text = "int f(int (*g)(void)) { return g(); }\n"
    program = build_index([("a/a.c", text), ("b/b.c", "int h(void) { return 0; }\nint k(void) { return f(h); }\n")], jobs=0)
    near = program.around(["a/a.c"])
    assert near.files() == ["a/a.c"] and near.calls_to("f") == [] and len(program.calls_to("f")) == 1
    (call,) = [c for c in near.calls() if c.kind == "indirect"]
    assert near.flow is program.flow and [c.name for c in near.resolve(call)] == ["h"]
