"""A macro that only calls functions by name is read once; what is seen at an invocation must not be less for it."""
from __future__ import annotations

from curation.csource import Call, Index, build_index

MACROS = """
struct dev { int irq; struct lock *lock; };
typedef int (*run_fn)(int);
run_fn kept;
void keep(run_fn f) { kept = f; }
void say(int irq, const char *text) { }
void hold(struct lock *l) { }
#define SAY(d, text) say((d)->irq, text)
#define SAY_AND_HOLD(d) do { SAY(d, "held"); hold((d)->lock); } while (0)
#define KEEP(f) keep(f)
#define RUN(f, x) ((f)(x))
"""


def _index(code: str) -> Index:
    return build_index([("m.h", MACROS), ("a.c", code)], jobs=0)


def _calls(index: Index, macro: str) -> list[Call]:
    return [c for c in index.calls("a.c") if c.macro == macro]


def test_an_invocation_has_the_calls_of_its_macro_with_its_own_arguments() -> None:
    calls = _calls(_index('void f(struct dev *first) {\n    SAY_AND_HOLD(first);\n}'), "SAY_AND_HOLD")
    assert [(c.callee_name, c.line, c.function) for c in calls] == [("say", 2, "f"), ("hold", 2, "f")]
    assert [(o.base, o.fields) for o in calls[1].args[0].operands] == [("first", ("lock",))]


def test_a_function_handed_to_a_macro_goes_where_the_macro_puts_it() -> None:
    index = _index("static int mine(int x) { return x; }\nvoid f(void) { KEEP(mine); }\nint g(void) { return kept(1); }")
    call = next(c for c in index.calls("a.c") if c.kind == "indirect")
    assert [c.name for c in index.resolve(call)] == ["mine"]


def test_a_pointer_variable_handed_to_a_macro_goes_on_too() -> None:
    index = _index(
        "static int mine(int x) { return x; }\nvoid f(void) { run_fn r = mine; KEEP(r); }\nint g(void) { return kept(1); }")
    call = next(c for c in index.calls("a.c") if c.kind == "indirect")
    assert [c.name for c in index.resolve(call)] == ["mine"]


def test_a_macro_that_calls_what_it_is_given_calls_it_at_the_invocation() -> None:
    index = _index("int f(run_fn given) {\n    return RUN(given, 2);\n}")
    assert [(c.kind, c.line) for c in _calls(index, "RUN")] == [("indirect", 2)]
