"""No class, file, project or answer is more than its share, small sets stay whole, and the draw depends on seed and ids alone."""
from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from curation.freezing.balance import kept, most

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 400), min_size=1)


@given(COUNTS, st.floats(0.05, 1), st.integers(1, 100))
def test_after_the_cap_no_value_is_more_than_its_share_or_than_what_is_never_cut(counts, share, keep):
    limit = most(counts, share, keep)
    if limit is None:
        return
    after = {value: min(n, limit) for value, n in counts.items()}
    assert limit >= keep and max(after.values()) <= max(keep, share * sum(after.values()) + 1e-6)


def test_small_sets_and_shares_that_cannot_hold_stay_whole():
    assert most({"a": 70, "b": 3}, 0.5, 100) is None
    assert most({"a": 1900}, 0.5, 100) is None and most({"a": 1900, "b": 100}, 0.4, 100) is None
    assert most({"eventloop": 900, "sync": 60, "thread": 40}, 0.5, 50) == 100


def test_who_stays_does_not_depend_on_the_order_and_changes_with_the_seed():
    values = {f"i{n}": "big" if n % 10 else "small" for n in range(1000)}
    chosen = kept(values, 0.5, 10, 1, "class")
    assert chosen == kept(dict(reversed(values.items())), 0.5, 10, 1, "class")
    assert Counter(values[i] for i in chosen) == {"big": 100, "small": 100}
    assert chosen != kept(values, 0.5, 10, 2, "class")
    assert kept(values, None, 10, 1, "class") == set(values)
