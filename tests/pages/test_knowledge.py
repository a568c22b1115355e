"""The knowledge screen: everybody finds and reads rows; reviewers add, replace, change and withdraw their own."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from curation.model import Actor
from curation.sourcing import catalog
from curation.store import Store
from tests.pages.conftest import page, press, texts
from ui import parts


def api_column(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value.iloc[:, 0]) if app.dataframe else []


def fill(app: AppTest, **values: object) -> AppTest:
    """Types into the open form; the fields' keys begin with the form's own."""
    for name, value in values.items():
        widgets = [*app.text_input, *app.number_input, *app.selectbox, *app.button_group, *app.multiselect]
        widget = next(w for w in widgets if str(w.key).endswith(f":{name}"))
        widget.set_value(value)
    app.run()
    assert not app.exception
    return app


def add_row(app: AppTest, name: str = "my_register") -> AppTest:
    press(app, "knowledge_add")
    fill(
        app, names=name, handler_arg=1, context_arg=2, runs_in="hardirq", may_sleep="no", trigger_en="my device calls",
        trigger_zh="设备触发时", source="my driver's manual", header="my/register.h", subsystem="irq",
    )
    return press(app, "knowledge_save")


def test_the_filters_and_the_search_narrow_the_table_and_stand_in_the_url(workspace: Store, be: Callable[[str, str], Actor]) -> None:
    be("wang", "annotator")
    app = page("knowledge")
    everything = len(api_column(app))
    app.selectbox(key="knowledge_subsystem").set_value("irq").run()
    some = api_column(app)
    assert "request_irq" in some and len(some) < everything
    assert app.query_params["subsystem"] in ("irq", ["irq"])
    app.text_input(key="knowledge_q").set_value("chained").run()
    assert api_column(app) == ["irq_set_chained_handler", "irq_set_chained_handler_and_data"]
    press(app, "knowledge_clear")
    assert len(api_column(app)) == everything


@pytest.mark.parametrize(("lang", "words"), [("en", "hard interrupt"), ("zh", "硬中断")])
def test_one_row_is_told_whole_with_both_triggers_and_its_source(
    workspace: Store, be: Callable[[str, str], Actor], lang: str, words: str
) -> None:
    be("wang", "annotator")
    app = page("knowledge", lang, row="linux.request_irq")
    shown = texts(app)
    row = catalog.named(workspace, "request_irq")[0].row
    assert row.trigger is not None
    call = "request_irq(&object, handler, arg2, arg3, context);"
    for part in (words, row.trigger.en, row.trigger.zh, row.source, "linux/interrupt.h", call):
        assert part in shown


def test_an_annotator_may_read_but_gets_no_button_to_write(workspace: Store, be: Callable[[str, str], Actor]) -> None:
    be("wang", "annotator")
    app = page("knowledge", row="linux.request_irq")
    assert not any(str(b.key).startswith(("knowledge_add", "override", "edit", "withdraw")) for b in app.button)


def test_a_reviewer_adds_a_row_which_counts_at_once_and_is_told_apart(workspace: Store, be: Callable[[str, str], Actor]) -> None:
    be("reva", "reviewer")
    app = add_row(page("knowledge"))
    row = catalog.knowledge(workspace).function("my_register")[0]
    assert (row.id, row.handler_arg, row.runs_in, row.may_sleep) == ("linux.my_register", 1, "hardirq", False)
    assert "my_register(arg0, handler, context);" in texts(app)
    app.selectbox(key="knowledge_origin").set_value("added").run()
    assert api_column(app) == ["my_register"]


@pytest.mark.parametrize(("lang", "said"), [("en", "trigger.zh: "), ("zh", "触发条件（中文）：至少要有 1 个字符")])
def test_a_wrong_row_is_refused_with_the_names_of_its_fields_and_what_was_typed_stays(
    workspace: Store, be: Callable[[str, str], Actor], lang: str, said: str
) -> None:
    be("reva", "reviewer")
    app = press(page("knowledge", lang), "knowledge_add")
    fill(app, names="my_register", handler_arg=1, trigger_en="my device calls", source="the manual", subsystem="irq")
    press(app, "knowledge_save")
    assert said in app.session_state[parts._ERRORS][0]
    assert catalog.entries(workspace, added=True) == []
    assert next(w for w in app.text_input if str(w.key).endswith(":trigger_en")).value == "my device calls"


def test_a_shipped_row_is_replaced_visibly_changed_and_comes_back_when_withdrawn(workspace: Store, be: Callable[[str, str], Actor]) -> None:
    be("reva", "reviewer")
    app = press(page("knowledge", row="linux.request_irq"), "override:linux.request_irq")
    fill(app, notes="as our board does it")
    press(app, "knowledge_save")
    entry = catalog.named(workspace, "linux.request_irq")[0]
    assert entry.user == "reva" and entry.shipped is not None and entry.row.notes == "as our board does it"
    assert entry.row.variants == entry.shipped.variants and entry.row.handler_arg == 1
    assert any("Takes the place" in e.label for e in app.expander)
    press(app, "edit:linux.request_irq")
    fill(app, notes="changed again")
    press(app, "knowledge_save")
    assert catalog.named(workspace, "linux.request_irq")[0].row.notes == "changed again"
    press(app, "withdraw:linux.request_irq")
    entry = catalog.named(workspace, "linux.request_irq")[0]
    assert entry.user is None and entry.row.notes is None


def test_a_reviewer_may_not_change_the_row_of_another_but_a_lead_may(workspace: Store, be: Callable[[str, str], Actor]) -> None:
    be("reva", "reviewer")
    add_row(page("knowledge"))
    be("zoe", "reviewer")
    assert not any(str(b.key).startswith("edit") for b in page("knowledge", row="linux.my_register").button)
    be("local", "lead")
    assert any(str(b.key).startswith("edit") for b in page("knowledge", row="linux.my_register").button)


def test_an_unknown_row_in_the_url_says_so(workspace: Store, be: Callable[[str, str], Actor]) -> None:
    be("wang", "annotator")
    assert "linux.nothing" in texts(page("knowledge", row="linux.nothing")).replace("\\", "")
