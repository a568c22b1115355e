from curation.csource.arrays.bounded_cache import Recent


def test_the_least_recently_asked_goes_first() -> None:
    kept = Recent[str, int](2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_what_is_heavier_than_all_that_may_be_kept_is_kept_alone() -> None:
    kept = Recent[str, str](10)
    kept.put("small", "x", 4)
    assert kept.put("big", "y", 11) == "y"
    assert (kept.get("small"), kept.get("big")) == (None, "y")
    kept.put("small", "x", 4)
    assert (kept.get("small"), kept.get("big")) == ("x", None)


def test_a_value_that_is_put_again_weighs_what_it_weighs_now() -> None:
    kept = Recent[str, str](10)
    kept.put("a", "long", 9)
    kept.put("a", "s", 1)
    kept.put("b", "x", 9)
    assert (kept.get("a"), kept.get("b")) == ("s", "x")
