"""The label screen: a proposed answer is confirmed, mended, refused or taken back, and nothing typed is lost."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from curation.labeling import label
from curation.model import Actor, Item
from curation.settings import load_settings
from curation.sourcing import propose, sources
from curation.store import Store, items
from tests.pages.conftest import page, press, texts
from ui import parts

CODE = """
struct ops { int (*open)(int); int (*close)(int); };
static int disk_open(int n) { return n; }
static int tape_open(int n) { return -n; }
static int disk_close(int n) { return 0; }
static const struct ops disk = { .open = disk_open, .close = disk_close };
static const struct ops tape = { .open = tape_open, .close = disk_close };
int start(const struct ops *ops, int n) { return ops->open(n); }
int stop(const struct ops *ops, int n) { return ops->close(n); }
"""


@pytest.fixture
def sites(workspace: Store, tmp_path: Path) -> list[Item]:
    """The calls through a pointer of CODE, imported as the source "disk"."""
    folder = tmp_path / "disk"
    folder.mkdir()
    (folder / "a.c").write_text(CODE)
    lead = Actor(name="local", role="lead")
    sources.import_folder(workspace, load_settings(), lead, folder, "disk", from_shell=True)
    propose.propose_source(workspace, load_settings(), lead, "disk", ["function_pointer"])
    return list(items.find(workspace, tasks=["function_pointer"]))


DRIVER = """
#include <linux/timer.h>
struct lamp { struct timer_list timer; };
static void lamp_tick(struct timer_list *t) { mod_timer(t, jiffies + HZ); }
int lamp_start(struct lamp *l) { timer_setup(&l->timer, lamp_tick, 0); return mod_timer(&l->timer, jiffies); }
"""


@pytest.fixture
def driver(workspace: Store, tmp_path: Path) -> Store:
    """The store with the callback and the timer of DRIVER."""
    (tmp_path / "lamp").mkdir()
    (tmp_path / "lamp" / "lamp.c").write_text(DRIVER)
    lead = Actor(name="local", role="lead")
    sources.import_folder(workspace, load_settings(), lead, tmp_path / "lamp", "lamp", from_shell=True)
    propose.propose_source(workspace, load_settings(), lead, "lamp")
    return workspace


def words(store: Store, item: Item) -> list[tuple[str, Any]]:
    """What was said about the item: action and the targets' names."""
    return [
        (a.action, sorted(t["name"] for t in a.answer["targets"]) if a.answer else None)
        for a in items.annotations(store, [item.id])[item.id]
    ]


def asked(app: AppTest, name: str) -> str:
    """A value of the URL (AppTest gives a text or a list)."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def shown(app: AppTest) -> str:
    return asked(app, "item")


def test_the_next_site_is_shown_with_its_proposal_filled_in(workspace: Store, sites: list[Item]) -> None:
    app = page("label")
    assert shown(app) == sites[0].id
    assert "ops->open" in texts(app)
    assert not app.error


def test_a_confirmed_site_is_saved_and_the_next_one_comes(workspace: Store, sites: list[Item]) -> None:
    app = press(page("label"), f"main:{sites[0].id}")
    assert words(workspace, sites[0]) == [("confirm", ["disk_open", "tape_open"])]
    assert shown(app) == sites[1].id


def test_dropping_a_candidate_makes_it_a_mended_answer(workspace: Store, sites: list[Item]) -> None:
    item = sites[0]
    app = press(page("label"), f"{item.id}:0:targets:toggle:tape_open")
    press(app, f"main:{item.id}")
    assert words(workspace, item) == [("mend", ["disk_open"])]


def test_an_edit_that_arrives_with_the_click_is_saved_with_it(workspace: Store, sites: list[Item]) -> None:
    item = sites[0]
    app = page("label")
    app.button_group(key=f"{item.id}:0:completeness").set_value(1)  # "there are more", and the click before its callback could run
    press(app, f"main:{item.id}")
    given = items.annotations(workspace, [item.id])[item.id]
    assert [(a.action, (a.answer or {})["completeness"]) for a in given] == [("mend", "incomplete")]


@pytest.mark.parametrize(("action", "targets"), [("none", []), ("unknown", None), ("external", []), ("skip", None)])
def test_a_site_without_a_target_is_one_press(workspace: Store, sites: list[Item], action: str, targets: list[str] | None) -> None:
    press(page("label"), f"{action}:{sites[0].id}")
    assert words(workspace, sites[0]) == [(action, targets)]


def test_incomplete_keeps_what_is_filled_in(workspace: Store, sites: list[Item]) -> None:
    press(page("label"), f"incomplete:{sites[0].id}")
    assert words(workspace, sites[0]) == [("incomplete", ["disk_open", "tape_open"])]


def test_a_reload_in_the_middle_keeps_the_edit(workspace: Store, sites: list[Item]) -> None:
    item = sites[0]
    press(page("label"), f"{item.id}:0:targets:toggle:tape_open")
    again = page("label", item=item.id)  # a new session, as after F5
    press(again, f"main:{item.id}")
    assert words(workspace, item) == [("mend", ["disk_open"])]


def test_an_edit_does_not_travel_to_the_next_item(workspace: Store, sites: list[Item]) -> None:
    app = press(page("label"), f"{sites[0].id}:0:targets:toggle:tape_open")
    app = press(app, f"next:{sites[0].id}")
    press(app, f"main:{sites[1].id}")
    assert words(workspace, sites[1]) == [("confirm", ["disk_close"])]
    assert words(workspace, sites[0]) == []


def test_undo_brings_the_site_back_with_what_was_filled_in(workspace: Store, sites: list[Item]) -> None:
    item = sites[0]
    app = press(page("label"), f"{item.id}:0:targets:toggle:tape_open")
    app = press(app, f"main:{item.id}")
    app = press(app, f"undo:{sites[1].id}")
    assert shown(app) == item.id
    assert label.view(workspace, Actor(name="local", role="lead"), item.id).resolved.status == "open"
    press(app, f"main:{item.id}")
    assert words(workspace, item)[-1] == ("mend", ["disk_open"])


def test_key_repeat_saves_nothing(workspace: Store, sites: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "DWELL_S", 60.0)
    app = press(page("label"), f"main:{sites[0].id}")
    assert words(workspace, sites[0]) == []
    assert shown(app) == sites[0].id


def test_one_click_delivered_twice_is_one_annotation(workspace: Store, sites: list[Item]) -> None:
    app = page("label")
    op = app.session_state["_ops"][sites[0].id][0]
    press(app, f"main:{sites[0].id}")
    actor = Actor(name="local", role="lead")
    label.save(workspace, actor, sites[0].id, op, "confirm")
    assert len(words(workspace, sites[0])) == 1


def test_an_unknown_item_says_so_and_leads_on(workspace: Store, sites: list[Item]) -> None:
    app = page("label", item="no-such-item")
    assert "no\\-such\\-item" in app.error[0].value
    assert app.button[-1].label == "Go to the next site"


def test_when_all_is_done_it_says_so(workspace: Store) -> None:
    assert "Nothing is left" in page("label").success[0].value


def test_a_hostile_line_is_shown_as_code_and_never_as_markdown(workspace: Store, sites: list[Item]) -> None:
    assert parts.code_span("a ``` ![x](http://evil.example/x.png) b") == "```` a ``` ![x](http://evil.example/x.png) b ````"
    assert "](" not in parts.escaped("![x](http://evil.example/x.png)")


def test_the_screen_speaks_chinese(workspace: Store, sites: list[Item]) -> None:
    app = page("label", lang="zh")
    assert app.button(key=f"main:{sites[0].id}").label == "确认"


def test_an_annotator_may_label_and_a_flag_needs_no_more_than_its_reason(
    workspace: Store, sites: list[Item], be: Callable[[str, str], Actor]
) -> None:
    be("wang", "annotator")
    app = press(page("label"), f"flag:{sites[0].id}")
    press(app, f"flagged:{sites[0].id}")
    given = items.annotations(workspace, [sites[0].id])[sites[0].id]
    assert [(a.user, a.action) for a in given] == [("wang", "flag")]


@pytest.mark.parametrize(("lang", "meaning"), [("en", "timer expired"), ("zh", "定时器到期")])
def test_a_trigger_that_is_a_known_row_is_told_in_words(driver: Store, lang: str, meaning: str) -> None:
    (item,) = items.find(driver, tasks=["callback_timing"])
    app = page("label", lang=lang, item=item.id)
    assert item.payload["answer"]["trigger"] == "linux.timer_setup"
    assert [c.value for c in app.caption if meaning in c.value]


def test_a_trigger_in_own_words_needs_no_more(driver: Store) -> None:
    (item,) = items.find(driver, tasks=["callback_timing"])
    actor = Actor(name="local", role="lead")
    label.save_draft(driver, actor, item.id, {"answer": {**item.payload["answer"], "trigger": "every second"}})
    app = page("label", item=item.id)
    assert not [c.value for c in app.caption if "timer expired" in c.value or "every second" in c.value]


def test_what_is_no_callback_can_be_said_in_the_form_too(driver: Store) -> None:
    (item,) = items.find(driver, tasks=["callback_timing"])
    app = page("label", item=item.id)
    contexts = app.selectbox(key=f"{item.id}:0:context")
    assert "none: it is not a callback" in contexts.options


def test_a_step_is_moved_and_another_dropped(driver: Store) -> None:
    (item,) = items.find(driver, tasks=["async_pattern"])
    steps = item.payload["answer"]["phases"]
    app = page("label", item=item.id)
    app.number_input(key=f"{item.id}:0:phases:line:{len(steps)}:0").set_value(2).run()
    press(app, f"{item.id}:0:phases:drop:{len(steps)}:1")
    press(app, f"main:{item.id}")
    (given,) = items.annotations(driver, [item.id])[item.id]
    assert given.action == "mend" and given.answer is not None
    assert [step["line"] for step in given.answer["phases"]] == [2, *(step["line"] for step in steps[2:])]
    assert given.answer["phases"][0]["text"] == ""


def test_the_evidence_key_goes_from_place_to_place_and_round(driver: Store) -> None:
    (item,) = items.find(driver, tasks=["async_pattern"])
    places = list(dict.fromkeys(e["line"] for e in item.payload["evidence"]))
    app = page("label", item=item.id)
    shown_lines = []
    for _ in range(len(places) + 1):
        app = press(app, f"evidence:{item.id}")
        shown_lines.append(app.session_state["_label_forms"][item.id]["place"]["line"])
    start = (places.index(item.payload["line"]) + 1) % len(places)
    assert shown_lines == [places[(start + n) % len(places)] for n in range(len(places) + 1)]


REGISTERED = """
struct ops { int (*open)(int); };
struct dev { const struct ops *ops; };
static int disk_open(int n) { return n; }
static const struct ops disk = { .open = disk_open };
static void add(struct dev *d, const struct ops *o) { d->ops = o; }
static int start(struct dev *d) { return d->ops->open(1); }
int main(void) { static struct dev d; add(&d, &disk); return start(&d); }
"""


@pytest.fixture
def registered(workspace: Store, tmp_path: Path) -> Item:
    """The one call of REGISTERED, whose one candidate goes through an object and a registering function."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "a.c").write_text(REGISTERED)
    lead = Actor(name="local", role="lead")
    sources.import_folder(workspace, load_settings(), lead, tmp_path / "r", "r", from_shell=True)
    propose.propose_source(workspace, load_settings(), lead, "r", ["function_pointer"])
    (item,) = items.find(workspace, tasks=["function_pointer"])
    return item


def path_rows(app: AppTest) -> list[str]:
    return [button.label for button in app.button if ":step:" in f":{button.key}"]


@pytest.mark.parametrize(("lang", "words"), [
    ("en", "` disk ` is passed as argument 2 of ` add `"), ("zh", "` disk ` 作为 ` add ` 的第 2 个实参传入"),
])
def test_the_way_of_an_only_candidate_is_shown_step_by_step(registered: Item, lang: str, words: str) -> None:
    app = page("label", lang=lang)
    rows = path_rows(app)
    assert [row.split("a\\.c\\:")[1][0] for row in rows] == ["5", "8", "6", "7"]
    assert words in texts(app)
    assert {"en": "every place in this code", "zh": "所有存入函数的位置"}[lang] in texts(app)


def test_a_step_shows_its_place_in_the_source(registered: Item) -> None:
    app = page("label")
    key = next(button.key for button in app.button if ":step:" in f":{button.key}" and str(button.key).endswith(":2"))
    app = press(app, str(key))
    assert app.session_state["_label_forms"][registered.id]["place"] == {"file": "a.c", "line": 8, "jump": 1}


def test_ways_of_several_candidates_are_folded_until_they_are_asked_for(workspace: Store, sites: list[Item]) -> None:
    item = sites[0]
    app = page("label")
    assert path_rows(app) == []
    app = press(app, f"{item.id}:0:targets:path:tape_open")
    assert all("tape" in row or "ops" in row for row in path_rows(app)) and path_rows(app)
    one = len(path_rows(app))
    app = press(app, f"{item.id}:0:targets:paths")
    assert len(path_rows(app)) == 2 * one
    app = press(app, f"next:{item.id}")  # it stays for the items to come
    assert path_rows(app)
    app = press(app, f"{sites[1].id}:0:targets:path:disk_close")
    assert path_rows(app) == []


def test_why_there_may_be_more_is_told_until_the_answer_says_otherwise(workspace: Store, sites: list[Item]) -> None:
    item = sites[0]
    store_says = label.view(workspace, Actor(name="local", role="lead"), item.id).proposal.answer["completeness"]
    app = page("label")
    reason = "every place in this code that puts a function there was seen"
    assert (store_says == "complete") == (reason in texts(app))
    app.button_group(key=f"{item.id}:0:completeness").set_value(2).run()
    assert reason not in texts(app)


def test_hostile_names_in_a_path_stay_text(workspace: Store, tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "a.c").write_text(
        "static int f(int n) { return n; }\nstatic int (*p)(int) = f; /* ![x](http://e.vil/a.png) **b** `c */\n"
        "int g(void) { return p(1); }\n")
    lead = Actor(name="local", role="lead")
    sources.import_folder(workspace, load_settings(), lead, tmp_path / "h", "h", from_shell=True)
    propose.propose_source(workspace, load_settings(), lead, "h", ["function_pointer"])
    row = next(row for row in path_rows(page("label")) if "e.vil" in row)
    assert row.endswith("``") and row.count("``") == 2  # within one code span, whose fence is longer than any run inside


def test_two_functions_of_one_name_are_two_rows(workspace: Store, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for name in "ab":
        (tmp_path / "t" / f"{name}.c").write_text(
            f"int set(int (*)(int));\nstatic int w(int n) {{ return n; }}\nvoid {name}(void) {{ set(w); }}\n")
    (tmp_path / "t" / "s.c").write_text("static int (*p)(int);\nint set(int (*f)(int)) { p = f; return p(1); }\n")
    lead = Actor(name="local", role="lead")
    sources.import_folder(workspace, load_settings(), lead, tmp_path / "t", "t", from_shell=True)
    propose.propose_source(workspace, load_settings(), lead, "t", ["function_pointer"])
    app = page("label")
    assert len([b for b in app.button if ":targets:toggle:w" in str(b.key)]) == 2
