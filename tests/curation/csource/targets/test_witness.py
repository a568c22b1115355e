"""The way of a function to a call is told place by place, and says so where it is not known."""
import pytest

from curation.csource import build_index
from curation.csource.targets.completeness import unseen_sources
from curation.csource.targets.witness import MOST_STEPS, witness_of
from curation.model import PathStep

CODE = """struct ops { int (*open)(int); int (*close)(int); };
struct dev { const struct ops *ops; int (*cb)(int); };
static int my_open(int n) { return n; }
static int my_cb(int n) { return n; }
static int tape_close(int n) { return n; }
#define HOOK(name) .close = name##_close
static const struct ops my_ops = {
    .open = my_open,
    HOOK(tape),
};
static void register_dev(struct dev *d, const struct ops *o, int (*cb)(int))
{
    d->ops = o;
    d->cb = cb;
}
int start(struct dev *dev)
{
    const struct ops *o = dev->ops;
    dev->cb(2);
    o->close(1);
    return o->open(1);
}
void init(struct dev *d)
{
    register_dev(d, &my_ops,
             my_cb);
}
"""


def told(code: str, callee: str, name: str, file: str | None = "a.c") -> list[PathStep]:
    index = build_index([("a.c", code)], jobs=0)
    call = next(c for c in index.calls() if c.kind == "indirect" and c.callee == callee)
    return witness_of(index, call, name, file, index.resolution(call).found_by)


def kinds(steps: list[PathStep]) -> list[tuple[str, int]]:
    return [(s.kind, s.line) for s in steps]


def test_an_object_is_followed_from_its_initializer_through_registration_to_the_call():
    steps = told(CODE, "o->open", "my_open")
    assert kinds(steps) == [("initializer", 8), ("passed", 25), ("stored", 13), ("read", 18), ("call", 21)]
    assert steps[0].names == {"value": "my_open", "object": "my_ops"} and steps[0].target == ["field", "open", "struct ops"]
    assert steps[1].names == {"value": "my_ops", "callee": "register_dev", "position": "2"}
    assert steps[2].source == ["parameter", "o", "register_dev"] and steps[2].target == ["field", "ops", "struct dev"]
    assert steps[3].target == ["local", "o", "start"]
    assert [s.text for s in steps[2:4]] == ["d->ops = o;", "const struct ops *o = dev->ops;"]


def test_a_callback_is_followed_through_the_parameter_that_takes_it():
    steps = told(CODE, "dev->cb", "my_cb")
    assert kinds(steps) == [("passed", 26), ("stored", 14), ("call", 19)]  # the line of the name, where a call is several lines
    assert steps[0].names["position"] == "3"


def test_a_macro_that_makes_the_name_is_a_step_with_its_definition():
    steps = told(CODE, "o->close", "tape_close")
    assert kinds(steps)[:2] == [("macro", 6), ("initializer", 9)]
    assert steps[0].names == {"macro": "HOOK", "value": "tape_close"}


def test_a_call_in_a_macro_names_the_macro():
    code = "struct o { int (*go)(void); };\n#define GO(p) (p)->go()\nstatic int f(void) { return 1; }\nstatic struct o k = { f };\n"
    steps = told(code + "int run(struct o *p) { return GO(p); }\nint main(void) { return run(&k); }\n", "(p)->go", "f")
    assert [s.kind for s in steps][-2:] == ["macro", "call"]
    assert steps[-2].line == 2


def test_what_comes_through_a_return_says_so():
    code = "static int f(void) { return 1; }\nstatic int (*pick(void))(void) { return f; }\n"
    code += "int g(void) { int (*p)(void) = pick(); return p(); }\n"
    steps = told(code, "p", "f")
    assert kinds(steps) == [("returned", 2), ("read", 3), ("call", 3)]
    assert steps[1].source == ["result", "pick"] and steps[1].target == ["local", "p", "g"]


def test_an_object_that_is_not_known_at_the_call_is_no_invented_way():
    code = "struct o { int (*go)(void); };\nstatic int f(void) { return 1; }\nstatic struct o k = { .go = f };\n"
    code += "int run(struct o *p) { return p->go(); }\n"
    steps = told(code, "p->go", "f")
    assert kinds(steps) == [("initializer", 3), ("any_object", 4), ("call", 4)]


@pytest.mark.parametrize(("code", "kind"), [
    ("struct a { int (*go)(int); };\nstatic int f(int n) { return n; }\nvoid s(struct a *x) { x->go = f; }\n"
     "struct b { int (*go)(int); };\nint r(struct b *p) { return p->go(1); }\n", "same_field"),
    ("static int f(int n) { return n; }\nint (*keep)(int) = f;\nstruct b { int (*go)(int); };\nint r(struct b *p) { return p->go(1); }\n",
     "same_signature"),
])
def test_a_fallback_says_which_likeness_it_goes_by(code, kind):
    steps = told(code, "p->go", "f")
    assert [s.kind for s in steps][1:] == [kind, "call"]


def test_a_long_way_is_shortened_and_says_by_how_much():
    count = 40
    chain = "".join(f"static int w{n}(int (*p)(void)) {{ return w{n + 1}(p); }}\n" for n in range(count))
    code = f"static int f(void) {{ return 1; }}\nstatic int w{count}(int (*p)(void)) {{ return p(); }}\n{chain}"
    code += "int g(void) { return w0(f); }\n"
    steps = told(code, "p", "f")
    assert len(steps) == MOST_STEPS + 2
    assert [s.names["count"] for s in steps if s.kind == "more"] == [str(count + 1 - MOST_STEPS)]


def test_every_step_shows_the_line_it_names():
    index = build_index([("a.c", CODE)], jobs=0)
    for call in (c for c in index.calls() if c.kind == "indirect"):
        found = index.resolution(call)
        for candidate in found.candidates:
            for step in witness_of(index, call, candidate.name, candidate.file, found.found_by):
                assert step.text == index.line_text(step.file, step.line)


def opening_kinds(code: str) -> list[str]:
    index = build_index([("a.c", code)], jobs=0)
    return [o.kind for o in unseen_sources(index, index.flow, next(c for c in index.calls() if c.kind == "indirect"))]


def test_a_parameter_of_a_function_that_is_not_static_is_an_opening_and_of_a_static_one_is_none():
    assert opening_kinds("int run(int (*p)(void)) { return p(); }\n") == ["open_parameter"]
    assert opening_kinds("static int run(int (*p)(void)) { return p(); }\n") == []
