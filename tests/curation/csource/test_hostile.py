"""Reading never falls over: what mutated, huge and binary files do to it."""
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mutated_files import MUTATIONS, SEEDS, mutants, outcomes
from curation.csource.parsing.file_parser import parse_file
from curation.csource.sources.decode import Undecodable, decode


def test_two_thousand_mutated_files_are_read_or_named_and_none_is_too_slow_or_breaks_its_process():
    counted = outcomes(mutants(2000))
    assert sum(counted.values()) == 2000
    assert counted["read"] > 1500
    assert not {"crashed", "too_slow"} & counted.keys()


def test_a_damaged_declaration_with_thousands_of_equal_signs_costs_its_own_facts_only():
    counted = outcomes(iter([("int f(void)" + "st t =ypet " * 20_000 + ";\nint g(void) { return h(1); }\n").encode()]), 1)
    assert counted == {"read": 1}


def test_the_same_seed_makes_the_same_mutants():
    assert list(mutants(50, 3)) == list(mutants(50, 3)) != list(mutants(50, 4))


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_changes_a_file(mutation):
    rng = random.Random(2)
    assert any(mutation(data, rng, SEEDS) != data for data in SEEDS for _ in range(5))


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_any_bytes_are_decoded_or_refused_with_a_reason(data):
    try:
        text = decode(data).text
    except Undecodable as err:
        assert str(err)
    else:
        assert "\0" not in text and "\r" not in text


@pytest.mark.parametrize("unit", [
    "int f(int a) { return g(a); }\n", "x = MACRO(a)\n", "f(x)\n", "{", "/* ", "struct s {", "a[", "*", "typedef ", "#if A\n",
    "static f(a, b) int a;\n", "typeof(", "f(IF(a,) b, ", " \n", "__attribute__((", "\"a\" b ", "= {", ".x = ", "->", "case 1: ", "const ",
    "if (x) ", "T (*p)(", "N(a, (b));",
])
def test_reading_takes_time_in_proportion_to_the_length(unit):
    """Not timed: a quadratic reading of these would not end."""
    parse_file(unit * (40_000 // len(unit)), "a.c")


def test_a_file_of_ten_megabytes_is_read():
    calls = "static int f(struct s *p) { return p->ops->open(p, &table[1], 0x10); }\n" * 10_000
    table = "int numbers[] = {\n" + "0x10, 0x20, 30, -4,\n" * 470_000 + "};\n"
    facts = parse_file(table + calls, "a.c")
    assert len(table + calls) > 9_900_000 and len(facts.functions) == len(facts.calls) == 10_000
    assert [v.name for v in facts.variables if v.function is None] == ["numbers"]


def test_one_function_whose_brackets_do_not_match_costs_only_itself():
    code = "int a(void)\n{\n\tif (x) {\n\tg();\n}\nint b(void)\n{\n\treturn p->q(2);\n}\n"
    facts = parse_file(code, "a.c")
    assert [(f.name, f.end_line) for f in facts.functions] == [("a", 5), ("b", 9)]
    assert [(p.code, p.line) for p in facts.problems] == [("damaged", 2)]
