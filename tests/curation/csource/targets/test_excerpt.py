"""The slice holds what supports the answer, within its budget, and every line of it can be found again in its source."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource import build_index, make_excerpt, make_slice
from curation.csource.lexing.balanced_lines import beside, declaration_around
from curation.csource.targets.excerpt import origins
from curation.csource.targets.witness import witness_to
from curation.tasks import callback_timing, get_task
from curation.tasks.function_pointer import propose
from curation.tokens import count

HEADER = (
    "typedef int (*open_fn)(int);\nint unrelated;\nint more;\n"
    "struct ops {\n\tint flags;\n\tint other;\n\tint another;\n\topen_fn open;\n};\n"
)
DRIVER = (
    "static int my_open(int a)\n{\n\treturn a;\n}\n\n" + "int filler;\n" * 30 + "static struct ops my_ops = {\n\t.open = my_open,\n};\n"
    + "void init(void)\n{\n\tregister_ops(&my_ops);\n}\n"
)
SITE = (
    "static struct ops *current_ops;\nint before(void)\n{\n\treturn 0;\n}\nvoid register_ops(struct ops *o)\n{\n\tcurrent_ops = o;\n}\n"
    "\nint start(void)\n{\n" + "\tprepare();\n" * 80 + "\tif (current_ops) {\n\t\tlog(1,\n\t\t    current_ops->open(1));\n\t}\n"
    + "\tprepare();\n" * 9 + "}\n"
)


@pytest.fixture(scope="module")
def index():
    return build_index([("site.c", SITE), ("driver.c", DRIVER), ("ops.h", HEADER)], jobs=0)


def test_declarations_come_first_then_table_and_registration_then_the_call(index):
    (proposal,) = propose(index)
    assert make_excerpt(index, proposal, get_task(proposal.task).anchor, 1000) == """// file: ops.h
typedef int (*open_fn)(int);
... // line 4
struct ops {
... // line 8
\topen_fn open;
};

// file: driver.c
static int my_open(int a)
{
\treturn a;
}
... // line 36
static struct ops my_ops = {
\t.open = my_open,
};
void init(void)
{
\tregister_ops(&my_ops);
}

// file: site.c
static struct ops *current_ops;
... // line 6
void register_ops(struct ops *o)
{
\tcurrent_ops = o;
}

int start(void)
{
... // line 93
\tif (current_ops) {
\t\tlog(1,
\t\t    current_ops->open(1));
\t}
... // line 106
}"""


@pytest.mark.parametrize("budget", [1, 30, 60, 120, 500])
def test_it_stays_within_the_budget_and_always_shows_the_site(index, budget):
    (proposal,) = propose(index)
    text = make_excerpt(index, proposal, get_task(proposal.task).anchor, budget)
    assert "current_ops->open(1)" in text
    assert count(text) <= max(budget, count("// file: site.c\n... // line 95\n\t\t    current_ops->open(1));"))


# Small programs: functions put into tables, fields and arguments, in several files, with noise and odd layout between them.
_NOISE = st.sampled_from(
    ["", "int filler;\n", "/* { ( */\n", "static const char *s = \"} ) //\";\n", "\n\n\n", "#define ODD(x) { x\n", "\r\n"])
_WAYS = {
    "table": "static struct ops t{n} = {{\n\t.open = f{n},\n}};\nvoid r{n}(void) {{ add(&t{n}); }}\n",
    "field": "void r{n}(struct ops *p)\n{{\n\tif (p)\n\t{{\n\t\tp->open = f{n};\n\t}}\n}}\n",
    "argument": "void r{n}(void)\n{{\n\tput(1,\n\t\tf{n});\n}}\n",
    "macro": "#define T(name) .open = name\nstatic struct ops t{n} = {{ T(f{n}) }};\nvoid r{n}(void) {{ add(&t{n}); }}\n",
}
CORE = (
    "#include \"ops.h\"\nstatic struct ops *now;\nvoid add(struct ops *o) {{ now = o; }}\n"
    "void put(int n, int (*f)(int)) {{ now->open = f; }}\n{noise}int run(void)\n{{\n\treturn now->open(1);\n}}\n"
)


@st.composite
def corpora(draw):
    ways = draw(st.lists(st.tuples(st.sampled_from(sorted(_WAYS)), _NOISE, _NOISE, st.booleans()), min_size=1, max_size=6))
    texts = [("ops.h", "struct ops {\n\tint (*open)(int);\n};\n"), ("core.c", CORE.format(noise=draw(_NOISE)))]
    for n, (way, before, between, static) in enumerate(ways):
        head = "static int" if static else "int"
        texts.append((f"d{n}.c", before + f"{head} f{n}(int a)\n{{\n\treturn a + {n};\n}}\n" + between + _WAYS[way].format(n=n)))
    return texts


@settings(max_examples=60)
@given(texts=corpora(), budget=st.integers(1, 700))
def test_every_line_is_the_source_line_it_claims_and_the_budget_holds(texts, budget):
    index = build_index(texts, jobs=0)
    for proposal in propose(index):
        made = make_slice(index, proposal, get_task(proposal.task).anchor, budget)
        for one in made.lines:
            assert one.text == dict(texts)[one.file].split("\n")[one.line - 1].rstrip("\r")
        assert [place for place in origins(made.text) if place] == [(one.file, one.line) for one in made.lines]
        site = (proposal.file, proposal.line)
        assert site in [(one.file, one.line) for one in made.lines]
        alone = count(make_slice(index, proposal, get_task(proposal.task).anchor, 0).text)
        assert count(made.text) <= max(budget, alone)


@settings(max_examples=40)
@given(texts=corpora())
def test_with_room_enough_every_target_is_there_with_what_puts_it_there(texts):
    index = build_index(texts, jobs=0)
    for proposal in propose(index):
        shown = {(one.file, one.line) for one in make_slice(index, proposal, get_task(proposal.task).anchor, 10_000).lines}
        for target in proposal.answer["targets"]:
            assert (target["file"], target["line"]) in shown
        for candidate in proposal.candidates:
            assert {(s.file, s.line) for s in candidate.steps} <= shown


@settings(max_examples=40)
@given(texts=corpora())
def test_brackets_of_a_slice_are_balanced_where_the_source_is(texts):
    for odd in ("#define ODD(x) { x", "/* { ( */", "} ) //"):
        texts = [(file, text.replace(odd, "")) for file, text in texts]
    index = build_index(texts, jobs=0)
    for proposal in propose(index):
        text = make_excerpt(index, proposal, get_task(proposal.task).anchor, 10_000)
        assert [text.count(c) for c in "({["] == [text.count(c) for c in ")}]"]


def test_a_line_that_looks_like_a_mark_of_the_excerpt_is_left_out():
    code = "int f(int a)\n{\n// file: other.c\n\treturn a;\n}\nint (*p)(int) = f;\nint g(void)\n{\n\treturn p(\n// file: x.c\n\t\t1);\n}\n"
    index = build_index([("a.c", code)], jobs=0)
    (proposal,) = propose(index)
    made = make_slice(index, proposal, get_task(proposal.task).anchor, 1000)
    assert {place[0] for place in origins(made.text) if place} == {"a.c"}


@given(text=st.text(alphabet="(){}[]\"'/*\\\n#a;= ", max_size=120), line=st.integers(1, 30))
@settings(max_examples=150)
def test_brackets_of_any_text_are_paired_without_harm(text, line):
    found = beside(text, line)
    lines = text.count("\n") + 1
    assert all(1 <= n <= lines for n in found) and (line in found) == (line <= lines)


def test_a_field_of_a_nested_struct_stands_in_both_structs():
    code = ("typedef struct conn {\n\tint a;\n\n\t/* hooks */\n\tstruct {\n\t\tint data;\n\n\t\tint (*go)(int);\n\t} ev;\n} conn;\n\n"
            "static int f(int n)\n{\n\treturn n;\n}\n"
            "void set(conn *c)\n{\n\tc->ev.go = f;\n}\nint run(conn *c)\n{\n\treturn c->ev.go(1);\n}\n")
    lines = code.split("\n")
    first, last = declaration_around(lines, 8)
    assert (first, last) == (1, 10)
    assert beside("\n".join(lines[:last]), 8) == {1, 5, 8, 9, 10}


def test_a_callback_that_is_registered_far_from_where_it_is_named_is_shown_with_its_way():
    code = ("#include <stdio.h>\nstruct reg { const char *name; int (*fn)(int); };\n"
            "static int hello(int n)\n{\n\treturn printf(\"%d\", n);\n}\n"
            "static const struct reg table[] = {\n\t{ \"hello\", hello },\n};\nstatic int (*kept)(int);\n"
            "void keep(int (*f)(int))\n{\n\tkept = f;\n}\nvoid keep_all(const struct reg *r)\n{\n\tkeep(r->fn);\n}\n"
            "void init(void)\n{\n\tkeep_all(table);\n}\nint run(void)\n{\n\treturn kept(1);\n}\n")
    index = build_index([("a.c", code)], jobs=0)
    (call,) = [c for c in index.calls("a.c") if c.callee == "keep"]
    way = witness_to(index, "hello", "a.c", ("a.c", call.line))
    assert [step.line for step in way] == [8] and witness_to(index, "run", "a.c", ("a.c", call.line)) == []
    proposals = [p for p in callback_timing.propose(index) if p.function == "hello"]
    assert proposals
    for proposal in proposals:
        assert ("a.c", 8) in [(one.file, one.line) for one in make_slice(index, proposal, get_task(proposal.task).anchor, 1000).lines]


def test_the_head_of_a_definition_is_whole_where_its_parameters_take_several_lines():
    code = ("static int f(int a,\n\t\tint (*b)(void),\n\t\tint c)\n{\n\treturn a;\n}\n" + "int noise(void);\n" * 9
            + "int run(void)\n{\n\tint (*p)(int, int (*)(void), int) = f;\n\treturn p(1, 0, 2);\n}\n")
    index = build_index([("a.c", code)], jobs=0)
    (proposal,) = [p for p in propose(index) if p.expression == "p"]
    text = make_excerpt(index, proposal, get_task(proposal.task).anchor, 1000)
    head = "// file: a.c\nstatic int f(int a,\n\t\tint (*b)(void),\n\t\tint c)\n{\n\treturn a;\n}\n"
    assert text.startswith(head + "... // line 16\nint run(void)")


def test_macros_in_macros_are_shown_down_to_the_one_that_makes_the_call():
    code = ("struct l { int (*lock)(int); };\nstruct l fns;\n#define RAW(m) fns.lock(m)\n"
            "#define LOCK(m) do { \\\n\tRAW(m); \\\n} while (0)\n"
            "static int f(int m)\n{\n\treturn m;\n}\nvoid init(void)\n{\n\tfns.lock = f;\n}\nvoid run(void)\n{\n\tLOCK(1);\n}\n")
    index = build_index([("a.c", code)], jobs=0)
    (proposal,) = propose(index)
    shown = [one.line for one in make_slice(index, proposal, get_task(proposal.task).anchor, 1000).lines]
    assert [3, 4, 5, 6] == [n for n in shown if 3 <= n <= 6] and 2 in shown and 13 in shown
