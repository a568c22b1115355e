"""Two places are about one object where their paths meet."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.typesystem.c_types import CType
from curation.knowledge.patterns.assignments import Assignments, arrows, read_operand, subscript
from curation.knowledge.patterns.objects import ObjectPath, Objects
from curation.knowledge.patterns.operand_types import OperandTypes

_TEXT = """struct queue { struct work_struct work; };
struct dev { struct queue tx; struct work_struct *borrowed; };
static struct work_struct alone;
static void direct(struct dev *dev) { use(&dev->tx.work); }
static void local(struct dev *d) { struct work_struct *w = &d->tx.work; use(w); }
static void handed(struct work_struct *w) { use(w); }
static void hands(struct dev *d) { handed(&d->tx.work); }
static void global(void) { use(&alone); }
static void made(struct dev *d) { d->borrowed = make_work(); use(d->borrowed); }
"""
_WORK = ObjectPath("struct dev@a.c", ("tx", "work"))


def _names(function: str) -> set[ObjectPath]:
    index = build_index([("a.c", _TEXT)], jobs=0)
    [call] = [c for c in index.calls("a.c") if c.callee_name == "use" and c.function == function]
    return {path for names in Objects(index, set()).of(call.args[0], call) for path in names}


def test_a_member_has_one_name_by_whatever_pointer_it_is_reached() -> None:
    assert _names("direct") == _names("local") == _names("handed") == {_WORK}


def test_a_variable_at_file_scope_is_named_by_its_file() -> None:
    assert _names("global") == {ObjectPath("@a.c:alone")}


def test_from_inside_a_path_has_shorter_forms() -> None:
    objects = Objects(build_index([("a.c", _TEXT)], jobs=0), set())
    assert objects.forms(_WORK) == (ObjectPath("struct queue@a.c", ("work",)),)


def test_a_struct_is_named_with_the_file_that_defines_it() -> None:
    types = OperandTypes(build_index([("a.c", _TEXT), ("b/c.c", "struct dev { int other; };\n")], jobs=0))
    kind = CType("struct dev", ("*",))
    assert [types.struct(kind, file) for file in ("a.c", "b/c.c")] == ["struct dev@a.c", "struct dev@b/c.c"]


def test_assignments_are_found_by_what_they_set_and_what_they_store() -> None:
    found = Assignments(build_index([("a.c", _TEXT)], jobs=0)).of("a.c")
    assert [one.line for one in found.set["local", "w"]] == [5]
    assert [one.line for one in found.results["make_work"]] == [9] and list(found.calls) == ["use", "handed", "make_work"]


def test_operands_are_read_from_text_that_is_no_plain_expression() -> None:
    [operand] = read_operand("EV_A_ &e->rev[2]")
    assert (operand.base, operand.fields, operand.address) == ("e", ("rev", "[]"), True)
    assert arrows(operand) == {"rev": True} and subscript("d->works[TX]", "works") == "[TX]" and subscript("d->works[n]", "works") is None
