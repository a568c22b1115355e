import pytest

from curation.errors import BadAnswer
from curation.model import Item
from curation.tasks import get_task

PAIR = {"instruction": "What runs?", "input": "f();", "output": "f"}
CHOICE = {"prompt": "What runs?", "a": "f runs", "b": "g runs", "shown_first": "b"}


def item(task, payload, lang="en"):
    return Item(id="i", task=task, origin="imported", lang=lang, payload=payload, group="g")


def test_a_pair_is_rendered_in_its_own_language_only():
    render = get_task("self_instruct").render
    row = render(item("self_instruct", PAIR), PAIR, None, "en")
    assert (row.prompt[0].content, row.completion[0].content) == ("What runs?\n\nf();", "f")
    assert render(item("self_instruct", PAIR), PAIR, None, "zh") is None


def test_a_mended_pair_replaces_what_was_generated():
    row = get_task("self_instruct").render(item("self_instruct", PAIR), {**PAIR, "input": "", "output": "mended"}, None, "en")
    assert (row.prompt[0].content, row.completion[0].content) == ("What runs?", "mended")


@pytest.mark.parametrize(("choice", "chosen"), [("a", "f runs"), ("b", "g runs"), ("tie", None), ("both_bad", None)])
def test_a_choice_gives_a_row_and_a_tie_or_two_bad_answers_give_none(choice, chosen):
    row = get_task("preference").render(item("preference", CHOICE), {"choice": choice}, None, "en")
    assert (row and row.chosen[0].content) == chosen
    assert row is None or {row.chosen[0].content, row.rejected[0].content} == {"f runs", "g runs"}


def test_an_answer_of_the_wrong_shape_is_refused_by_field():
    with pytest.raises(BadAnswer, match="choice"):
        get_task("preference").check({"choice": "left"})
    with pytest.raises(BadAnswer, match="output"):
        get_task("self_instruct").check({"instruction": "x", "output": ""})
