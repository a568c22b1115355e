"""What a row shows of an excerpt: narrowed by need, lines numbered, and nothing in an answer that does not stand there."""
from __future__ import annotations

import json
import re
from functools import cache

import pytest

from curation import PROJECT
from curation.csource import build_index
from curation.freezing.gather import FreezeOptions, excerpt_of
from curation.freezing.shown import Shown, plainly, renamed, shown
from curation.model import Item, TrainingRow
from curation.sourcing.indexing import index_folder
from curation.sourcing.propose import item_of
from curation.tasks import Style, get_task, site_tasks
from curation.tokens import count

BUDGETS = (60, 120, 200, 400, None)
STYLES = ("answer", "short", "full")


@cache
def demo() -> list[Item]:
    index = index_folder(PROJECT / "datasets" / "demo" / "src").program
    proposals = (p for task in site_tasks() if task.propose for p in task.propose(index, None))
    return [item_of(index, "demo", p) for p in proposals if p.extra.get("group_first", True)]


def rows(completion, budget):
    options = FreezeOptions(name="x", completion=completion, excerpt_tokens=budget)
    for item in demo():
        task = get_task(item.task)
        excerpt = excerpt_of(task, item, options)
        for lang in ("en", "zh"):
            row = task.render(item, item.payload["answer"], None, lang, excerpt, Style(completion))
            if row is not None:
                assert isinstance(row, TrainingRow)
                yield item, excerpt, row


def code_of(row: TrainingRow) -> str:
    return row.prompt[0].content.split("```c\n", 1)[1].rsplit("\n```", 1)[0]


@pytest.mark.parametrize("completion", STYLES)
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_name_and_number_of_an_answer_stands_in_its_prompt(completion, budget):
    seen = 0
    for _, excerpt, row in rows(completion, budget):
        code, answer = code_of(row), json.loads(row.completion[0].content.split("\n")[0])
        assert answer == row.answer
        numbered = {int(m) for m in re.findall(r"^(\d+) ", code, re.MULTILINE)}
        names = [*answer.get("targets", []), *answer.get("chain", []), *filter(None, [answer.get("handler")])]
        names += re.findall(r"\w+", (answer.get("registered_via") or ""))
        for name in names:
            assert re.search(rf"\b{re.escape(name.split('.')[-1])}\b", code), (name, row)
        assert {line for lines in answer.get("phases", {}).values() for line in lines} <= numbered
        told = row.completion[0].content.partition("\n\n")[2]
        assert {int(m) for m in re.findall(r"(?:line |第 )(\d+)", told)} <= numbered
        asked = row.prompt[0].content.split("```c\n")[0]
        assert {int(m) for m in re.findall(r"(?:line |第 )(\d+)", asked)} == {excerpt.marker(*excerpt.site)} <= numbered
        assert (completion == "answer") == (told == "")
        seen += 1
    assert seen > 40


@pytest.mark.parametrize("completion", STYLES)
def test_no_training_text_holds_a_name_that_the_engine_made(completion):
    for _, _, row in rows(completion, None):
        asked = row.prompt[0].content.split("```c\n")[0]
        assert not re.search(r"@[\w/.-]*:?\d|@\w*/", asked + row.completion[0].content), row
        assert "::" not in asked + row.completion[0].content


@pytest.mark.parametrize("known", [True, False])
def test_a_smaller_budget_shows_a_part_of_what_a_larger_one_shows(known):
    for item in demo()[::3]:
        item = item if known else item.model_copy(update={"meta": {}})
        before: set = set()
        for budget in (20, 40, 80, 120, 200, 300, 500, 800, 1200, None):
            excerpt = shown(item, budget)
            lines = set(excerpt.lines)
            assert before <= lines and excerpt.marker(*excerpt.site)
            assert budget is None or count(excerpt.text) <= budget or len(lines) == 1
            assert shown(item, budget) == excerpt
            before = lines
        assert len(before) == len(shown(item).lines)


def test_the_most_needed_lines_stay():
    code = (
        "struct ops { int (*open)(int); };\nstatic int my_open(int a)\n{\n\treturn a;\n}\n/* far */ int unused;\n"
        "static struct ops o = { .open = my_open };\nint f(struct ops *p)\n{\n\treturn p->open(2);\n}\n"
    )
    index = build_index([("a.c", code)], jobs=0)
    (proposal,) = get_task("function_pointer").propose(index, None)
    item = item_of(index, "s", proposal)
    assert len(item.meta["needed"]) == len(shown(item).lines)
    narrow = shown(item, 50, numbered=False)
    assert {one.line for one in narrow.lines} >= {7, 10} and "unused" not in narrow.text
    row = get_task("function_pointer").render(item, proposal.answer, None, "en", narrow, Style("answer"))
    assert row.answer == {"targets": ["my_open"], "completeness": "complete"}
    assert f"line {narrow.marker('a.c', 10)}" in row.prompt[0].content


def site(text: str, task: str = "function_pointer", line: int = 1, **payload) -> Item:
    given = {"task": task, "file": "a.c", "line": line, "column": 1, "function": "run", "expression": "p->go", "answer": {}, **payload}
    excerpt = f"// file: a.c\n{text}"
    return Item(id="1", task=task, origin="site", source="s", file="a.c", line=line, payload=given, excerpt=excerpt, group="g")


def test_targets_that_are_not_shown_are_left_out_and_the_answer_is_incomplete():
    task = get_task("function_pointer")
    item = site("p->go();\nx = { second, first };")
    answer = {"targets": [{"name": n} for n in ("first", "hidden", "second")], "completeness": "complete"}
    kept = task.shown(item, answer, shown(item), Style())
    assert [t["name"] for t in kept["targets"]] == ["second", "first"] and kept["completeness"] == "incomplete"
    assert task.shown(item, kept, shown(item), Style()) == kept
    assert task.shown(item, {"targets": [{"name": "hidden"}]}, shown(item), Style()) is None
    assert task.shown(item, {"targets": [{"name": "go"}]}, shown(item), Style()) is None  # shown as a field only
    one = task.shown(item, answer, shown(item), Style(most_targets=1))
    assert [t["name"] for t in one["targets"]] == ["second"] and one["completeness"] == "incomplete"
    assert task.shown(item, {"targets": [], "completeness": "none"}, shown(item), Style()) == {"targets": [], "completeness": "none"}


def test_a_callback_with_nothing_shown_that_speaks_for_it_is_left_out():
    task = get_task("callback_timing")
    item = site("static void run(void *p)", task="callback_timing", evidence=[{"file": "b.c", "line": 9, "kind": "registration"}])
    answer = {"context": "thread", "may_sleep": True, "chain": ["start", "run"], "registered_via": "pthread_create"}
    assert task.shown(item, answer, shown(item), Style()) is None
    there = item.model_copy(update={"excerpt": item.excerpt + "\n\n// file: b.c\n... // line 9\npthread_create(&t, 0, run, 0);"})
    kept = task.shown(there, answer, shown(there), Style())
    assert kept["chain"] == ["run"] and kept["registered_via"] == "pthread_create"


def test_a_pattern_without_a_shown_place_or_handler_is_left_out_and_long_phases_are_cut():
    task = get_task("async_pattern")
    item = site("INIT_WORK(w, work);\ngo(w);\ngo(w);\ngo(w);\ngo(w);", task="async_pattern")
    steps = [{"phase": "bind", "file": "a.c", "line": 1}, *({"phase": "trigger", "file": "a.c", "line": n} for n in (5, 4, 3, 2, 40))]
    answer = {"mechanism": "workqueue", "handler": "work", "phases": steps}
    kept = task.shown(item, answer, shown(item), Style())
    assert [(s["phase"], s["line"]) for s in kept["phases"]] == [("bind", 1), ("trigger", 2), ("trigger", 3), ("trigger", 4)]
    assert task.shown(item, {**answer, "handler": "hidden"}, shown(item), Style()) is None
    assert task.shown(item, {**answer, "phases": steps[-1:]}, shown(item), Style()) is None


def test_places_in_a_persons_text_become_line_numbers():
    item = site("p->go();\nx = { first };")
    excerpt = shown(item)
    assert renamed("set at a.c:2, see a.c:77 and v1.2:3", excerpt, "en") == "set at line 2, see a line that is not shown and v1.2:3"
    assert renamed("在 a.c:2:5 处", excerpt, "zh") == "在 第 2 行 处"


def test_a_struct_without_a_tag_is_called_by_its_table():
    excerpt = shown(site("static const struct {\n\tint (*run)(void);\n} menu[] = {"))
    assert plainly("via @a.c:1:14.run and `struct @a.c:1:14`", excerpt) == "via menu[].run and `menu[]`"
    assert plainly("via @b.c:1:14.run", excerpt) == "via run"
    assert plainly("mail@example.org", excerpt) == "mail@example.org"


def test_only_the_site_is_numbered_where_nothing_else_is_named():
    item = site("a();\np->go();", line=2)
    assert shown(item, numbered=False).text == "// file: a.c\na();\n2 p->go();"
    assert isinstance(shown(item), Shown) and shown(item).places == {"1": "a.c:1", "2": "a.c:2"}
