"""The nested outline of a C text."""
import textwrap

from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource.syntax.outline import MAX_DEPTH, Symbol, outline
from curation.csource.syntax.tree import parse


def _lines(code: str) -> list[str]:
    found = []

    def write(symbols: list[Symbol], depth: int) -> None:
        for one in symbols:
            found.append(f"{'  ' * depth}{one.kind} {one.name} {one.name_line}:{one.name_column}")
            write(one.children, depth + 1)

    write(outline(parse(textwrap.dedent(code).lstrip("\n"))), 0)
    return found


def test_functions_hold_their_calls_and_the_structs_defined_in_them():
    assert _lines("""
        static int
        main(int a, char **b)
        {
            struct local { int m; } l;
            int n = d->ops->open(/* é */ d, f(a));
            return LOCK(&l);
        }
        """) == ["function main 2:1", "  struct local 4:12", "    field m 4:24", "  call d->ops->open 5:13", "  call f 5:37",
                 "  call LOCK 6:12"]


def test_structs_unions_and_enums_hold_their_members():
    assert _lines("""
        struct ops { int (*open)(struct dev *d); int x, y; } table, other;
        enum e { ONE, TWO = 2 };
        union u { struct { int q; } z[3]; struct { int deep; }; };
        """) == [
        "variable table 1:54", "  struct ops 1:8", "    field open 1:20", "    field x 1:46", "    field y 1:49", "variable other 1:61",
        "enum e 2:6", "  enumerator ONE 2:10", "  enumerator TWO 2:15",
        "union u 3:7", "  field z 3:29", "    field q 3:24", "  struct  3:35", "    field deep 3:48",
    ]


def test_a_struct_without_a_name_gives_its_members_to_the_typedef():
    assert _lines("typedef struct { int a; } foo_t, *foo_p;\ntypedef int (*handler_t)(int);\n") == [
        "typedef foo_t 1:27", "  field a 1:22", "typedef foo_p 1:35", "typedef handler_t 2:15"]


def test_macros_prototypes_and_globals_are_told_apart_on_both_branches_of_a_conditional():
    assert _lines("""
        #define N 1
        #define MAX(a, b) \\
            ((a) > (b))
        #ifdef Q
        static int g(void);
        int (*fp)(void);
        #else
        int *(*h(void))(int) { return 0; }
        #endif
        static struct ops o = { .open = g };
        extern char *strdup(const char *);
        """) == ["macro N 1:9", "macro MAX 2:9", "prototype g 5:12", "variable fp 6:7", "function h 8:8", "variable o 10:19",
                 "prototype strdup 11:14"]


def test_macros_invoked_at_file_scope_are_calls_there():
    assert _lines("module_init(foo);\nint f(void) { }\n") == ["call module_init 1:1", "function f 2:5"]


def test_a_symbol_ends_behind_its_last_character_and_a_macro_on_its_last_line():
    macro, function = outline(parse("#define A \\\n 1\nint f(void)\n{\n}\n"))
    assert (macro.line, macro.column, macro.end_line, macro.end_column) == (1, 1, 2, 3)
    assert (function.line, function.column, function.end_line, function.end_column) == (3, 1, 5, 2)


def test_what_stands_beside_damaged_code_is_still_listed():
    assert [one.name for one in outline(parse("int a(void) { x(; }\n@@@ = ]\nint b(void) { }\n"))] == ["a", "b"]


def test_a_text_nested_fifty_thousand_deep_is_outlined():
    assert outline(parse("int g(void) " + "{" * 50_000 + "}" * 50_000))[0].name == "g"
    calls = outline(parse("int g(void) { " + "f(" * 20_000 + "1" + ")" * 20_000 + "; }"))[0].children
    assert len(calls) == 20_000 and not calls[0].children
    nested = outline(parse("struct s { " * 300 + "int a; " + "} b; " * 300))
    depth = 0
    while nested:
        nested, depth = nested[0].children, depth + 1
    assert depth == MAX_DEPTH + 1


@settings(max_examples=60)
@given(st.lists(st.sampled_from(
    ["int ", "f", "(", ")", "{", "}", ";", "struct s ", "enum ", ",", "#if A\n", "#endif\n", "*", "=", "typedef ", "é"]), max_size=60))
def test_symbols_lie_within_each_other_and_in_order(parts):
    def check(symbols: list[Symbol], start: tuple[int, int], end: tuple[int, int]) -> None:
        for one in symbols:
            assert start <= (one.line, one.column) <= (one.end_line, one.end_column) <= end
            check(one.children, (one.line, one.column), (one.end_line, one.end_column))
        assert [(o.line, o.column) for o in symbols] == sorted((o.line, o.column) for o in symbols)

    check(outline(parse("".join(parts))), (1, 1), (1000, 1000))
