"""Of a file's facts those stay by which a function or an object can move."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.pointsto.pointer_facts import PointerFacts, decode_pointer_facts, encode_pointer_facts, pointer_facts


def _facts(text: str) -> PointerFacts:
    return pointer_facts(build_index([("a.c", text)], jobs=0).facts["a.c"])


def test_numbers_are_left_out_and_pointers_stay() -> None:
    one = _facts("void *p, *q;\nint g(int);\nvoid f(void)\n{\n\tint n = 1, m;\n\tm = n;\n\tp = q;\n\tg(n);\n}\n")
    assert [(one.assignment(row).line, one.assignment(row).left.base) for row in one.assignments] == [(7, "p")]


def test_what_dlsym_is_asked_for_is_kept_by_its_name() -> None:
    one = _facts('void f(void *h)\n{\n\tvoid (*run)(void);\n\t*(void **)(&run) = dlsym(h, "plugin_run");\n\trun();\n}\n')
    [row] = one.assignments
    assert one.assignment(row).left.base == "run" and one.assignment(row).right[0].text == "plugin_run"


def test_a_thread_is_a_call_of_its_function_with_what_it_is_given() -> None:
    one = _facts("void *body(void *);\nvoid f(void *arg)\n{\n\tpthread_create(0, 0, body, arg);\n}\n")
    [call] = [one.call(row) for row in one.calls if row[0] < 0]
    assert (call.operand.base, [operand.base for operand in call.args[0].operands]) == ("body", ["arg"])


def test_they_are_read_as_they_were_written() -> None:
    one = _facts("struct s { void (*go)(int); };\nvoid f(struct s *s, void (*g)(int))\n{\n\ts->go = g;\n\ts->go(1);\n\tf(s, g);\n}\n")
    assert one.assignments and one.calls and decode_pointer_facts(encode_pointer_facts(one), "a.c") == one
