"""The filters on labeled rows: nearly all of the noise, nearly none of what is clean. The rows are benchmarks/filter_quality.py's."""
from __future__ import annotations

import random
from collections import Counter

from benchmarks.filter_quality import clean, contradictions, flags, noise


def test_of_noisy_rows_nineteen_of_twenty_are_noticed_and_of_each_family_most():
    rows = noise(600, random.Random(7))
    missed = Counter(row.kind for row in rows if not flags(row))
    assert missed.total() <= 0.05 * len(rows), missed
    families = Counter(row.kind for row in rows)
    assert all(missed[kind] <= 0.25 * families[kind] for kind in families), missed


def test_of_clean_rows_one_in_a_hundred_at_most_is_flagged():
    rows = clean(600, random.Random(7))
    wrong = [(row.row.output, found) for row in rows if (found := flags(row))]
    assert len(wrong) <= 0.01 * len(rows), wrong


def test_another_answer_to_the_same_question_is_noticed():
    assert all(contradictions())
