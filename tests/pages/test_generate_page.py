"""The generate screen: check the endpoint, start and stop a campaign, see what it gave and cost."""
from __future__ import annotations

import time

import pytest

from curation import jobs
from curation.pairs import generate
from curation.settings import load_settings
from tests.fake_endpoint import running
from tests.pages.conftest import page, press, texts
from tests.training.served_fixture import write_served_run
from training import chat
from ui import parts


def fill(app, server, count=4, **other):
    app.text_input(key="generate_campaign").set_value("first")
    app.selectbox(key="generate_task").set_value(other.get("task", "function_pointer"))
    app.number_input(key="generate_count").set_value(count)
    app.text_input(key="generate_base_url").set_value(server.base_url)
    app.text_input(key="generate_model").set_value(other.get("model", "fake"))
    return app.run()


def metrics(app):
    return {m.label: m.value for m in app.metric}


def test_a_campaign_runs_as_a_job_and_its_rows_and_cost_are_shown(workspace):
    with running() as server:
        app = fill(page("generate"), server)
        press(app, "generate_start")
        job = jobs.latest(load_settings(), "generate")
        assert job is not None and "--user=local" in jobs.status(load_settings(), job).argv
        jobs.wait(load_settings(), job, 60)
        app.run()
        assert not app.exception
    counts = generate.status(workspace, "first")
    assert (counts.rows, counts.flagged) == (4, 0)
    shown = metrics(app)
    assert (shown["Rows"], shown["Answers"], shown["Failed"]) == ("4", "1", "0") and int(shown["Tokens asked"].replace(",", "")) > 100
    assert not app.button(key="generate_start").disabled and app.button(key="generate_stop").disabled
    assert "4 rows" in texts(app)  # the log


def test_a_running_campaign_can_be_stopped(workspace):
    with running("pairs", delay_s=0.3) as server:
        app = fill(page("generate", lang="zh"), server, count=1000)
        press(app, "generate_start")
        app.run()
        assert app.button(key="generate_start").disabled
        press(app, "generate_stop")
        job = jobs.latest(load_settings(), "generate")
        assert jobs.wait(load_settings(), job, 60).state == "stopped"
        app.run()
        assert not app.button(key="generate_start").disabled


def test_the_endpoint_is_checked_and_another_model_is_pointed_out(workspace):
    with running() as server:
        app = press(fill(page("generate"), server, model="other"), "generate_check")
        assert "The endpoint answers" in texts(app).replace("\\", "") and "It lists: fake" in texts(app).replace("\\", "")


@pytest.mark.parametrize(("mode", "error"), [("error", "answered 500: the model fell over"), ("html", "no JSON")])
def test_an_endpoint_that_is_none_is_told_in_words(workspace, mode, error):
    with running(mode) as server:
        app = press(fill(page("generate"), server), "generate_check")
        assert error in app.session_state[parts._ERRORS][0]


def test_a_wrong_form_starts_nothing_and_names_the_field(workspace):
    with running() as server:
        app = fill(page("generate"), server)
        app.text_input(key="generate_campaign").set_value("../x y").run()
        press(app, "generate_start")
        assert "Campaign" in app.session_state[parts._ERRORS][0]
        app.text_input(key="generate_campaign").set_value("fine").run()
        app.text_input(key="generate_base_url").set_value("http://me:secret@host/v1").run()
        press(app, "generate_start")
        assert "secret" not in app.session_state[parts._ERRORS][1]
    assert jobs.latest(load_settings(), "generate") is None


def test_what_a_failed_campaign_said_is_shown(workspace):
    with running("prose") as server:
        app = fill(page("generate"), server, count=100)
        press(app, "generate_start")
        jobs.wait(load_settings(), jobs.latest(load_settings(), "generate"), 60)
        app.run()
        assert "Sure! Callbacks are a wonderful topic" in texts(app).replace("\\", "")
        assert metrics(app)["Unusable"] == metrics(app)["Answers"] != "0"


def test_only_a_lead_sees_the_form(workspace, be):
    be("rev", "reviewer")
    app = page("generate")
    assert not app.button and app.info


def test_a_model_trained_here_is_served_by_a_button_and_its_address_filled_in(workspace):
    write_served_run(load_settings().runs_dir)
    app = press(page("generate"), "generate_local_start")
    assert not app.exception and not app.error, texts(app)
    try:
        assert app.text_input(key="generate_base_url").value == f"{chat.lent()['first']}/v1"
        assert app.text_input(key="generate_model").value == "first"
        chat.end_idle(time.monotonic() + 10 * chat.IDLE_S)  # a campaign may ask it at any time
        assert list(chat.lent()) == ["first"]
        press(app, "generate_check")
        assert app.success and not app.error
        press(app, "generate_local_end_first")
        assert chat.lent() == {}
    finally:
        chat.end_all()


def test_without_a_model_the_button_says_where_one_comes_from(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("FLOWSIGHT_MODELS", str(tmp_path / "none"))
    assert any("install one" in each.value for each in page("generate").caption)
