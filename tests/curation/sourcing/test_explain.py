"""A line is explained in words, in text and in JSON; what cannot be explained is named."""
import json

import pytest

from curation.__main__ import main
from curation.csource import build_index
from curation.errors import BadValue
from curation.model import PathStep
from curation.sourcing.explain import as_json, explain, place_of, written
from curation.sourcing.propose import propose_index, record_of
from curation.sourcing.sentences import said
from tests.curation.csource.targets.test_witness import CODE
from ui.text import reason_text

TIMER = """#include <linux/timer.h>
struct lamp { struct timer_list timer; };
static void lamp_tick(struct timer_list *t) { mod_timer(t, jiffies + HZ); }
int lamp_start(struct lamp *l)
{
	timer_setup(&l->timer, lamp_tick, 0);
	return mod_timer(&l->timer, jiffies);
}
"""


@pytest.fixture
def index():
    return build_index([("drivers/a.c", CODE), ("lamp.c", TIMER)], jobs=0)


def test_a_call_through_a_pointer_is_told_step_by_step(index):
    text = "\n".join(written(explain(index, "drivers/a.c", 21)))
    assert "function_pointer: o->open in start  (drivers/a.c:21)" in text
    steps = [line.strip() for line in text.splitlines() if line.strip().startswith(("the ", "`my_ops`", "parameter", "field"))]
    assert steps == [
        "the address of `my_open` is put into field `open` of `struct ops` by the initializer of `my_ops`",
        "`my_ops` is passed as argument 2 of `register_dev` (its parameter `o`)",
        "parameter `o` of `register_dev` is stored into field `ops` of `struct dev`",
        "field `ops` of `struct dev` is read into local `o` of `start`",
        "the call goes through `o->open`",
    ]
    assert "because every place in this code that puts a function there was seen" in text


def test_the_same_steps_are_told_in_chinese(index):
    (site,) = explain(index, "drivers/a.c", 21).sites
    sentences = [reason_text(said(step), "zh") for step in site.candidates[0].steps]
    assert sentences[1] == "`my_ops` 作为 `register_dev` 的第 2 个实参传入（即形参 `o`）"
    assert all(any("\u4e00" <= c <= "\u9fff" for c in one) for one in sentences)


def test_callbacks_and_patterns_of_a_line_are_told_with_their_places(index):
    found = explain(index, "lamp.c", 6)
    assert sorted((s.task, s.expression) for s in found.sites) == [("async_pattern", "timer_setup"), ("callback_timing", "lamp_tick")]
    for site in found.sites:
        assert (6, "timer_setup(&l->timer, lamp_tick, 0);") in [(s.line, s.text) for s in site.steps]


def test_a_line_without_a_site_says_so(index):
    assert "nothing is proposed on this line" in "\n".join(written(explain(index, "lamp.c", 1)))


def test_a_file_can_be_named_by_its_end_and_a_wrong_one_is_named(index):
    assert explain(index, "a.c", 21).file == "drivers/a.c"
    with pytest.raises(BadValue, match="b.c"):
        explain(index, "b.c", 21)
    with pytest.raises(BadValue, match="lines"):
        explain(index, "a.c", 2000)
    with pytest.raises(BadValue, match="drivers"):
        place_of("drivers/a.c")


def test_json_holds_the_steps_with_their_sentences(index):
    site = json.loads(json.dumps(as_json(explain(index, "drivers/a.c", 19))))["sites"][0]
    assert [s["says"] for s in site["candidates"][0]["steps"]][-1] == "the call goes through `dev->cb`"


def test_every_record_holds_steps(index):
    records = [record_of(p) for p in propose_index(index)]
    assert {r["task"] for r in records} == {"function_pointer", "callback_timing", "async_pattern"}
    assert all(r["steps"] and {"file", "line", "kind"} <= r["steps"][0].keys() for r in records)


@pytest.mark.parametrize("command", [["explain", "a.c:21"], ["propose", "--explain", "a.c:21"]])
def test_both_commands_explain_a_line_of_a_folder(command, tmp_path, capsys):
    (tmp_path / "a.c").write_text(CODE)
    assert main([*command, str(tmp_path)]) == 0
    assert "1. my_open" in capsys.readouterr().out
    assert main([*command, str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sites"][0]["expression"] == "o->open"


def test_neither_folder_nor_source_is_refused(capsys):
    assert main(["explain", "a.c:21"]) == 2
    assert "exactly one is needed" in capsys.readouterr().err


KINDS = ["initializer", "passed", "written_back", "stored", "returned", "read", "named", "call", "more", "macro", "any_object",
         "other_object", "same_field", "same_signature", "same_arity", "open_parameter", "open_field", "open_callee", "open_many",
         "open_include", "open_long",
         "open_no_flow", "at_registration", "at_call", "at_definition", "at_bind", "at_trigger", "at_execute", "at_wait",
         "open_outside", "open_nothing"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_has_words_in_both_languages_even_with_nothing_known(kind):
    reason = said(PathStep(file="a.c", line=1, kind=kind))
    assert reason.code and reason_text(reason, "zh") != str(reason)
