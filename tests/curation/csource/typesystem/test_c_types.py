"""Types are read from the text of declarations and followed along a path of fields."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.csource import build_index
from curation.csource.typesystem.c_types import CType, Types, normal, parse_type, split_params, without_name

_TEXT = """typedef int (*handler_t)(void *, int);
typedef struct { handler_t done; int count; } job_t;
struct queue { job_t jobs[4]; struct queue *next; union { long big; handler_t any; }; };
"""


def _types(*texts: tuple[str, str]) -> Types:
    return build_index(list(texts) or [("a.c", _TEXT)], jobs=0).types


@pytest.mark.parametrize(("text", "kind"), [
    ("const struct ops *", CType("struct ops", ("*",))),
    ("void (*)(int, char *)", CType("void", ("*", "(int, char *"))),
    ("int (*[4])(void)", CType("int", ("[]", "*", "(void"))),
    ("unsigned long", CType("unsigned long")),
])
def test_a_type_is_a_base_and_its_derivations_from_the_name_outwards(text: str, kind: CType) -> None:
    assert parse_type(text) == kind


@given(st.text(alphabet="int struct*()[],_a1@.^ \n", max_size=40))
def test_no_text_makes_the_reader_of_types_fail(text: str) -> None:
    assert isinstance(parse_type(text), CType)


def test_parameters_are_split_at_the_commas_between_them() -> None:
    assert split_params("int, void (*)(int, int), ...") == (["int", "void (*)(int, int)"], True)
    assert split_params("void") == ([], False)
    assert [without_name(text) for text in ("int fd", "struct dev *d", "unsigned int", "const char *")] == [
        "int", "struct dev *", "unsigned int", "const char *"]


@pytest.mark.parametrize(("start", "path", "kind", "last"), [
    ("struct queue *", ("jobs", "[]", "done"), "int (*)(void *, int)", ("job_t", "done")),
    ("struct queue", ("next", "next", "any"), "int (*)(void *, int)", ("struct queue", "any")),
    ("struct queue", ("#0", "#1", "#0"), "int (*)(void *, int)", ("job_t", "done")),
    ("struct unknown *", ("field",), None, ("struct unknown", "field")),
])
def test_a_path_of_fields_leads_to_a_type_and_names_its_last_field(
        start: str, path: tuple[str, ...], kind: str | None, last: tuple[str, str]) -> None:
    found, key = _types().walk(parse_type(start), path, "a.c")
    assert (str(found) if found is not None else None, key) == (kind, last)


def test_of_two_typedefs_of_one_name_the_asking_files_own_is_meant() -> None:
    types = _types(("a.c", "typedef int (*cb_t)(int);\n"), ("b.c", "typedef struct b *cb_t;\n"))
    assert types.expand(CType("cb_t"), "a.c") == parse_type("int (*)(int)")
    assert types.expand(CType("cb_t"), "b.c") == parse_type("struct b *")


def test_types_are_compared_without_names_and_qualifiers() -> None:
    types = _types()
    assert normal(types, "const job_t *job", "a.c") == normal(types, "job_t *", "a.c") == ("job_t", 1)
    sorts = {"job_t": "struct", "struct queue": "struct", "int": "number", "void": "void", "seen_nowhere": ""}
    assert {base: types.sort_of(base) for base in sorts} == sorts
