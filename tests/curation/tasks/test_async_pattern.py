from __future__ import annotations

import json

import pytest

from curation.csource import build_index
from curation.errors import BadAnswer
from curation.model import Item, Lang, Proposal
from curation.tasks.async_pattern import MAX_STEPS, TASK, propose

DRIVER = """#include <linux/workqueue.h>
struct pump { struct work_struct work; };
static void pump_work(struct work_struct *work)
{
}
void pump_kick(struct pump *other)
{
	schedule_work(&other->work);
}
void pump_setup(struct pump *p)
{
	INIT_WORK(&p->work, pump_work);
}
void pump_stop(struct pump *p)
{
	cancel_work_sync(&p->work);
}
"""


def proposals(*texts: tuple[str, str], files: list[str] | None = None) -> list[Proposal]:
    return list(propose(build_index(list(texts)), files))


def test_the_places_of_one_object_are_one_pattern_anchored_at_the_binding() -> None:
    found = proposals(("a.c", DRIVER))
    assert [(p.line, p.extra["phase"]) for p in found] == [(12, "bind"), (8, "trigger"), (3, "execute"), (16, "wait")]
    assert [p.extra["group_first"] for p in found] == [True, False, False, False]
    assert len({p.extra["group"] for p in found}) == 1
    assert {json.dumps(p.answer) for p in found} == {json.dumps(found[0].answer)}
    assert (found[0].answer["mechanism"], found[0].answer["handler"]) == ("workqueue", "pump_work")


def test_the_command_line_record_has_the_promised_keys() -> None:
    assert TASK.record is not None
    record = TASK.record(proposals(("a.c", DRIVER))[1])
    assert record == {
        "task": "async_pattern",
        "file": "a.c",
        "line": 8,
        "column": 2,
        "function": "pump_kick",
        "mechanism": "workqueue",
        "phase": "trigger",
        "handler": "pump_work",
    }


def test_two_work_items_of_one_struct_are_two_patterns() -> None:
    text = DRIVER.replace("struct work_struct work; };", "struct work_struct work; struct work_struct other; };")
    text += "static void second(struct work_struct *w)\n{\n}\n"
    text += "void more(struct pump *p)\n{\n\tINIT_WORK(&p->other, second);\n\tschedule_work(&p->other);\n}\n"
    found = proposals(("a.c", text))
    assert {(p.extra["group"], p.answer["handler"]) for p in found} == {
        (g, h) for g, h in {p.extra["group"]: p.answer["handler"] for p in found}.items()
    }
    assert {p.answer["handler"] for p in found} == {"pump_work", "second"}


def test_a_trigger_in_another_file_knows_its_handler() -> None:
    header = "struct pump { struct work_struct work; };\n"
    setup = '#include <linux/workqueue.h>\n#include "pump.h"\n'
    setup += 'static void pump_work(struct work_struct *w) { }\nvoid s(struct pump *p) { INIT_WORK(&p->work, pump_work); }\n'
    kick = '#include <linux/workqueue.h>\n#include "pump.h"\nvoid k(struct pump *p) { schedule_work(&p->work); }\n'
    [proposal] = proposals(("pump.h", header), ("setup.c", setup), ("kick.c", kick), files=["kick.c"])
    assert (proposal.extra["phase"], proposal.answer["handler"]) == ("trigger", "pump_work")
    assert ("bind", "setup.c") in {(s["phase"], s["file"]) for s in proposal.answer["phases"]}


def test_a_long_list_of_places_of_one_phase_is_cut_in_the_answer_but_not_in_the_records() -> None:
    kicks = "".join(f"void kick{n}(struct pump *p)\n{{\n\tschedule_work(&p->work);\n}}\n" for n in range(MAX_STEPS + 5))
    found = proposals(("a.c", DRIVER + kicks))
    assert sum(s["phase"] == "trigger" for s in found[0].answer["phases"]) == MAX_STEPS
    assert sum(p.extra["phase"] == "trigger" for p in found) == MAX_STEPS + 6
    assert {s["phase"] for s in found[0].answer["phases"]} == {"bind", "trigger", "execute", "wait"}


def test_sites_of_one_line_have_different_expressions() -> None:
    text = "#include <pthread.h>\nstatic void *run(void *p) { return 0; }\n"
    text += "int main(void) { pthread_t t; pthread_create(&t, 0, run, 0); return 0; }\n"
    found = proposals(("a.c", text))
    assert len({(p.line, p.column, p.expression) for p in found}) == len(found) == 3


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["workqueue", "pump_work", "Bind: a.c:12", "Trigger: a.c:8"]),
        ("zh", ["workqueue", "pump_work", "绑定：a.c:12", "触发：a.c:8"]),
    ],
)
def test_the_draft_names_the_mechanism_the_handler_and_each_phase_with_its_place(lang: Lang, words: list[str]) -> None:
    proposal = proposals(("a.c", DRIVER))[0]
    assert TASK.draft is not None
    text = TASK.draft(proposal.answer, proposal, lang)
    assert [w for w in words if w not in text] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_training_row_answers_with_one_line_of_json_without_source_text(lang: Lang) -> None:
    proposal = proposals(("a.c", DRIVER))[0]
    item = Item(
        id="1", task=TASK.name, origin="site", payload=proposal.model_dump(mode="json"), excerpt=f"// file: a.c\n{DRIVER}", group="a",
    )
    row = TASK.render(item, proposal.answer, None, lang)
    assert row is not None
    answer, _, told = row.completion[0].content.partition("\n\n")  # type: ignore[union-attr]
    assert json.loads(answer) == row.answer
    assert json.loads(answer)["phases"]["bind"] == [12]
    assert "pump_work" in told and "// file: a.c" in row.prompt[0].content  # type: ignore[union-attr]


def test_a_mechanism_outside_the_list_is_refused() -> None:
    with pytest.raises(BadAnswer, match="mechanism"):
        TASK.check({"mechanism": "telepathy"})


def test_a_read_of_other_than_eight_bytes_is_no_wait_for_a_timer_descriptor() -> None:
    text = """
struct watcher { int fd; };
int start(struct watcher *w) { w->fd = timerfd_create(1, 0); return timerfd_settime(w->fd, 0, 0, 0); }
int on_timer(struct watcher *w) { uint64_t ticks; return read(w->fd, &ticks, sizeof(ticks)); }
int on_pipe(struct watcher *w) { char byte; return read(w->fd, &byte, 1); }
int on_socket(struct watcher *w) { char data[256]; return read(w->fd, data, sizeof(data)); }
"""
    found = [p for p in proposals(("a.c", text)) if p.answer["mechanism"] == "timerfd"]
    assert {p.function for p in found} == {"start", "on_timer"}


def test_a_pattern_over_two_files_is_one_item_whichever_files_are_asked_for() -> None:
    header = "struct pump { struct work_struct work; };\n"
    setup = '#include <linux/workqueue.h>\n#include "pump.h"\n'
    setup += 'static void pump_work(struct work_struct *w) { }\nvoid s(struct pump *p) { INIT_WORK(&p->work, pump_work); }\n'
    kick = '#include <linux/workqueue.h>\n#include "pump.h"\nvoid k(struct pump *p) { schedule_work(&p->work); }\n'
    texts = (("pump.h", header), ("setup.c", setup), ("kick.c", kick))
    whole, parts = proposals(*texts), [p for file in ("setup.c", "kick.c") for p in proposals(*texts, files=[file])]
    assert [(p.file, p.extra["phase"]) for p in whole if p.extra["group_first"]] == [("setup.c", "bind")]
    assert [p.extra["group_first"] for p in parts].count(True) == 1
    assert {p.extra["group"] for p in whole} == {p.extra["group"] for p in parts}


def test_two_programs_with_a_signal_handler_each_do_not_share_it() -> None:
    program = "#include <signal.h>\n#include <unistd.h>\nstatic void {0}_stop(int n) {{ }}\n"
    program += "int main(void) {{ signal(SIGTERM, {0}_stop); raise(SIGTERM); return 0; }}\n"
    found = [p for p in proposals(("one.c", program.format("one")), ("two.c", program.format("two"))) if p.extra["phase"] == "trigger"]
    assert {(p.file, p.answer["handler"]) for p in found} == {("one.c", "one_stop"), ("two.c", "two_stop")}
