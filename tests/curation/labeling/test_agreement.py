"""Agreement figures against worked examples of their sources, and their invariants."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.labeling.agreement import (
    cohen_kappa,
    field_alpha,
    fleiss_kappa,
    jaccard_distance,
    krippendorff_alpha,
    masi_distance,
    nominal_distance,
)
from curation.model import Annotation

SETS = st.frozensets(st.sampled_from("abcd"))


def word(action: str, answer: dict[str, object] | None = None) -> Annotation:
    return Annotation(id=1, item_id="i", user="a", role="annotator", op_id="o", action=action, answer=answer, created_at="t")  # type: ignore[arg-type]


def test_cohens_kappa_of_a_worked_table() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o 0.7, p_e 0.5."""
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_fleiss_kappa_of_the_worked_example() -> None:
    """The example with 10 subjects, 14 raters and 5 categories: P mean 0.378, P_e 0.213, kappa 0.210."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    units = [[category for category, n in enumerate(row) for _ in range(n)] for row in table]
    assert fleiss_kappa(units) == pytest.approx(0.20993, abs=1e-5)


def test_krippendorffs_alpha_of_the_worked_example() -> None:
    """Krippendorff 2011, section C: nominal data, four observers, twelve units, missing values: 0.743."""
    observers = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
    rows = [row.split() for row in observers]
    units = [[row[u] for row in rows if row[u] != "."] for u in range(12)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_masi_of_worked_pairs() -> None:
    f, fg, gh = frozenset("f"), frozenset("fg"), frozenset("gh")
    assert masi_distance(frozenset(), frozenset()) == jaccard_distance(frozenset(), frozenset()) == 0
    assert masi_distance(frozenset(), f) == masi_distance(f, gh) == 1
    assert masi_distance(f, fg) == pytest.approx(1 - 1 / 2 * 2 / 3)
    assert masi_distance(fg, gh) == pytest.approx(1 - 1 / 3 * 1 / 3)


def test_figures_that_are_not_defined_are_none() -> None:
    assert cohen_kappa([], []) is None
    assert cohen_kappa(["y"], ["y"]) is None
    assert fleiss_kappa([["y", "y"]]) is None
    assert krippendorff_alpha([["y"], []]) is None
    assert krippendorff_alpha([["y", "y"]]) is None


def test_people_without_the_same_items_have_no_kappa() -> None:
    with pytest.raises(ValueError):
        cohen_kappa(["y"], [])
    with pytest.raises(ValueError):
        fleiss_kappa([["y", "n"], ["y"]])


def test_fields_are_compared_by_their_metric() -> None:
    f, fg = [{"name": "f", "line": 1}], [{"name": "g"}, {"name": "f", "line": 2}]
    as_set = {"metric": "set", "key": "name"}
    same = [[word("confirm", {"targets": f}), word("mend", {"targets": [{"name": "f"}]})], [word("none"), word("mend", {"targets": []})]]
    assert field_alpha(same, "targets", as_set) == 1
    part = [[word("confirm", {"targets": f}), word("mend", {"targets": fg})], [word("none"), word("none")]]
    assert field_alpha(part, "targets", as_set) == pytest.approx(4 / 7)
    sleeps = [[word("mend", {"may_sleep": True}), word("mend", {"may_sleep": False})], [word("external"), word("external")]]
    assert field_alpha(sleeps, "may_sleep", {"metric": "accuracy"}) == pytest.approx(0.4)


@given(SETS, SETS)
def test_distances_are_symmetric_bounded_and_zero_for_equals_alone(a: frozenset[str], b: frozenset[str]) -> None:
    for distance in (nominal_distance, jaccard_distance, masi_distance):
        assert distance(a, b) == distance(b, a)
        assert 0 <= distance(a, b) <= 1
        assert (distance(a, b) == 0) == (a == b)


@given(st.lists(st.lists(st.sampled_from("xyz"), min_size=2, max_size=4), min_size=1), st.randoms())
def test_alpha_is_at_most_one_and_does_not_depend_on_order(units: list[list[str]], random: object) -> None:
    alpha = krippendorff_alpha(units)
    mixed = [random.sample(u, len(u)) for u in random.sample(units, len(units))]  # type: ignore[attr-defined]
    assert krippendorff_alpha(mixed) == (None if alpha is None else pytest.approx(alpha))
    assert alpha is None or alpha <= 1
    if alpha == 1:
        assert all(len(set(u)) == 1 for u in units)


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("xyz")), min_size=1))
def test_the_three_figures_agree_on_full_agreement(pairs: list[tuple[str, str]]) -> None:
    full = [(a, a) for a, _ in pairs]
    figures = [cohen_kappa([a for a, _ in full], [b for _, b in full]), fleiss_kappa(full), krippendorff_alpha(full)]
    assert all(f is None or f == pytest.approx(1) for f in figures)
