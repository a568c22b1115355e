"""No group is ever torn, and the same input always gives the same split."""
from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from curation.freezing.split import SPLITS, assign, join

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
keys = st.lists(st.sets(st.sampled_from([f"k{n}" for n in range(12)]), max_size=3), max_size=25)
groups = st.dictionaries(
    st.text(min_size=1, max_size=6), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 40), min_size=1), max_size=30,
)


@given(keys)
def test_rows_that_share_a_key_share_a_group_and_unconnected_ones_do_not(rows):
    found = join(rows)
    reach = {n: {n} for n in range(len(rows))}
    for _ in rows:
        for a in range(len(rows)):
            for b in range(len(rows)):
                if rows[a] & rows[b]:
                    both = reach[a] | reach[b]
                    reach[a], reach[b] = both, both
    for a in range(len(rows)):
        assert found[a] == min(reach[a])


@given(groups, st.integers(0, 10**6))
@settings(max_examples=200)
def test_every_group_gets_exactly_one_split_and_the_order_of_the_input_does_not_matter(found, seed):
    chosen = assign(found, FRACTIONS, seed)
    assert chosen.keys() == found.keys() and set(chosen.values()) <= set(SPLITS)
    assert chosen == assign(dict(reversed(found.items())), FRACTIONS, seed)


@given(groups, st.integers(0, 100))
@settings(max_examples=200)
def test_a_task_with_groups_of_its_own_reaches_every_split_when_there_are_three(found, seed):
    own = {name: {next(iter(counts)): 3} for name, counts in found.items()}  # one task a group: no conflict between tasks
    chosen = assign(own, FRACTIONS, seed)
    reached = defaultdict(set)
    number: Counter[str] = Counter()
    for name, counts in own.items():
        reached[next(iter(counts))].add(chosen[name])
        number[next(iter(counts))] += 1
    for task, count in number.items():
        assert len(reached[task]) == min(count, 3)
        assert "train" in reached[task] and (count < 2 or "test" in reached[task])


def test_many_small_groups_come_close_to_the_fractions():
    found = {f"g{n}": {"a": 1 + n % 5} for n in range(400)}
    chosen = assign(found, FRACTIONS, 3)
    rows = Counter({split: sum(found[g]["a"] for g in found if chosen[g] == split) for split in SPLITS})
    assert abs(rows["test"] / rows.total() - 0.1) < 0.01 and abs(rows["validation"] / rows.total() - 0.1) < 0.01


def test_another_seed_gives_another_split():
    found = {f"g{n}": {"a": 1} for n in range(50)}
    assert assign(found, FRACTIONS, 1) != assign(found, FRACTIONS, 2)


def test_a_split_of_no_share_stays_empty():
    found = {f"g{n}": {"a": 1} for n in range(20)}
    assert set(assign(found, {"train": 0.9, "validation": 0.0, "test": 0.1}, 0).values()) == {"train", "test"}


def test_one_large_group_does_not_swallow_the_small_splits():
    chosen = assign({"big": {"a": 1000}, "s1": {"a": 1}, "s2": {"a": 1}}, FRACTIONS, 0)
    assert chosen["big"] == "train" and {chosen["s1"], chosen["s2"]} == {"validation", "test"}
