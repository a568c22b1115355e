from __future__ import annotations

import json
from typing import Any

import pytest

from curation.csource import build_index
from curation.errors import BadAnswer
from curation.model import Item, Lang, Proposal
from curation.tasks.callback_timing import TASK, propose

DRIVER = """#include <linux/interrupt.h>
static irqreturn_t my_irq(int irq, void *data)
{
	return IRQ_HANDLED;
}
static int my_probe(struct device *dev)
{
	return request_irq(7, my_irq, 0, "my", dev);
}
"""


def proposals(*texts: tuple[str, str], files: list[str] | None = None) -> list[Proposal]:
    return list(propose(build_index(list(texts)), files))


def item(proposal: Proposal) -> Item:
    return Item(
        id="1", task=TASK.name, origin="site", payload=proposal.model_dump(mode="json"), excerpt=f"// file: a.c\n{DRIVER}", group="a",
    )


def test_the_command_line_record_has_the_promised_keys() -> None:
    [proposal] = proposals(("drivers/my.c", DRIVER))
    assert TASK.record is not None
    record = TASK.record(proposal)
    assert list(record) == [
        "task",
        "file",
        "line",
        "column",
        "function",
        "context",
        "may_sleep",
        "trigger",
        "chain",
        "registered_via",
        "registration",
    ]
    assert (record["file"], record["line"], record["function"]) == ("drivers/my.c", 2, "my_irq")
    assert record["registration"] == {"file": "drivers/my.c", "line": 8}
    assert set(record["trigger"]) == {"en", "zh"}
    assert record["chain"][-1] == "my_irq"


def test_a_callback_registered_in_another_file_is_a_site_of_the_file_that_defines_it() -> None:
    texts = (
        ("handler.c", "#include <linux/interrupt.h>\nirqreturn_t my_irq(int irq, void *d) { return 0; }\n"),
        ("probe.c", "#include <linux/interrupt.h>\nint p(void *d) { return request_irq(7, my_irq, 0, 0, d); }\n"),
    )
    [proposal] = proposals(*texts, files=["handler.c"])
    assert (proposal.file, proposal.extra["registration"]["file"]) == ("handler.c", "probe.c")
    assert proposals(*texts, files=["probe.c"]) == []


def test_one_function_registered_twice_alike_is_one_site_and_two_places_of_evidence() -> None:
    [proposal] = proposals(("a.c", DRIVER + 'int again(void *d) { return request_irq(8, my_irq, 0, "again", d); }\n'))
    assert [e.line for e in proposal.evidence if e.kind == "registration"] == [8, 10]


def test_one_function_registered_in_two_ways_is_two_sites_with_different_expressions() -> None:
    more = DRIVER + 'int other(void *d) { return request_threaded_irq(8, 0, my_irq, 0, "again", d); }\n'
    found = proposals(("a.c", more))
    assert [p.answer["context"] for p in found] == ["hardirq", "process"]
    assert len({(p.line, p.column, p.expression) for p in found}) == 2


def test_a_callback_stored_by_a_library_of_the_corpus_runs_where_its_caller_does() -> None:
    text = """#include <linux/timer.h>
struct poller { struct timer_list timer; void (*done)(int); };
static void poller_fire(struct timer_list *t)
{
	struct poller *p = from_timer(p, t, timer);
	p->done(1);
}
void poller_start(struct poller *p, void (*done)(int))
{
	p->done = done;
	timer_setup(&p->timer, poller_fire, 0);
}
static void mine(int n)
{
}
void use(struct poller *p)
{
	poller_start(p, mine);
}
"""
    found = {p.function: p for p in proposals(("a.c", text))}
    assert (found["mine"].answer["context"], found["mine"].answer["may_sleep"]) == ("softirq", False)
    assert found["mine"].answer["registered_via"] == "poller_start"
    assert any(e.kind == "call" and e.line == 6 for e in found["mine"].evidence)


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ["my_irq", "a.c:8", "hard interrupt", "must not sleep"]), ("zh", ["my_irq", "a.c:8", "硬中断", "不得睡眠"])]
)
def test_the_draft_says_where_when_and_whether_it_may_sleep(lang: Lang, words: list[str]) -> None:
    [proposal] = proposals(("a.c", DRIVER))
    assert TASK.draft is not None
    text = TASK.draft(proposal.answer, proposal, lang)
    assert [w for w in words if w not in text] == []


def test_a_mended_answer_is_what_the_draft_and_the_row_tell() -> None:
    [proposal] = proposals(("a.c", DRIVER))
    mended: dict[str, Any] = {**proposal.answer, "context": "process", "may_sleep": True, "trigger": "a thread is woken"}
    row = TASK.render(item(proposal), mended, None, "en")
    assert row is not None
    first, _, told = row.completion[0].content.partition("\n\n")
    assert json.loads(first) == row.answer
    assert "in process context, when a thread is woken" in told and "may sleep" in told


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_training_row_asks_in_its_language_and_answers_with_one_line_of_json(lang: Lang) -> None:
    [proposal] = proposals(("a.c", DRIVER))
    row = TASK.render(item(proposal), proposal.answer, "Because." if lang == "en" else "因为如此。", lang)
    assert row is not None and "// file: a.c" in row.prompt[0].content
    answer, _, told = row.completion[0].content.partition("\n\n")
    assert json.loads(answer)["context"] == "hardirq" and "\n" not in answer
    assert told == ("Because." if lang == "en" else "因为如此。")
    drafted = TASK.render(item(proposal), proposal.answer, None, lang)
    assert drafted is not None and ("设备触发该中断线" in drafted.completion[0].content) == (lang == "zh")


def test_a_callback_of_which_nothing_is_known_gives_no_training_row() -> None:
    [proposal] = proposals(("a.c", DRIVER))
    assert TASK.render(item(proposal), {"registered_via": "request_irq"}, None, "en") is None


def test_an_answer_with_an_unknown_context_is_refused_by_name() -> None:
    with pytest.raises(BadAnswer, match="context"):
        TASK.check({"context": "dream"})


def test_context_and_may_sleep_are_scored() -> None:
    assert TASK.metrics() == {
        "context": {"metric": "accuracy"}, "may_sleep": {"metric": "accuracy", "costly": [True, False]},
        "chain": {"metric": "sequence", "names": True},
    }
    assert TASK.compared() == {"context": {"metric": "accuracy"}, "may_sleep": {"metric": "accuracy"}}


def test_what_is_no_callback_has_no_context_trigger_or_chain() -> None:
    answer = TASK.check({"context": "none", "may_sleep": True, "trigger": "linux.request_irq", "chain": ["f"], "registered_via": "x"})
    assert answer == TASK.says("none") == {"context": "none", "may_sleep": None, "trigger": None, "chain": [], "registered_via": None}
    assert TASK.says("external") is None and TASK.says("incomplete", answer) == answer
