"""What a file's expansion looked up is known, also where the answer came from a cache."""
from __future__ import annotations

from curation.csource.macros.dependencies import Dependencies


def test_what_was_looked_up_is_taken_once() -> None:
    one = Dependencies()
    one.macros.add("M")
    one.names.add("f")
    taken = one.take()
    assert (taken.macros, taken.names) == ({"M"}, {"f"}) and not one.macros and not one.names
    one.add(taken)
    assert (one.macros, one.names) == ({"M"}, {"f"})


def test_an_answer_from_the_cache_depends_on_what_it_was_made_of_and_on_no_more() -> None:
    one, cache = Dependencies(), {}

    def answer(name: str) -> str:
        one.names.add(name)
        return name.upper()

    one.names.add("before")
    assert one.remembered(cache, "f", answer, "f") == "F"
    assert one.take().names == {"before", "f"}
    assert one.remembered(cache, "f", answer, "never asked") == "F"
    assert one.take().names == {"f"}


def test_a_computation_that_asks_for_itself_gets_what_it_put_into_the_cache() -> None:
    one, cache = Dependencies(), {}

    def answer() -> bool:
        cache["f"] = (False, Dependencies())
        return not one.remembered(cache, "f", answer)

    assert one.remembered(cache, "f", answer)
