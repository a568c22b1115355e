import json
import threading

import pytest

from curation.errors import EndpointFailed, NotAllowed, NotFound
from curation.llm.answers import UnreadableAnswer
from curation.model import Actor
from curation.pairs import generate, seeds
from curation.pairs.generate import GenerateOptions
from curation.settings import load_settings
from curation.store import items, ledger, open_store
from curation.tasks import get_task, site_tasks
from tests.fake_endpoint import running
from tests.patience import PATIENCE_S

LEAD = Actor(name="lead", role="lead")
CODE = "int {n}_run(struct {n} *it)\n{{\n\tif (!it->ops)\n\t\treturn -1;\n\tit->{n}_count++;\n\treturn it->ops->go(it);\n}}\n"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A workspace with seeds of our own: tests do not depend on what the shipped ones say."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    for task in ("self_instruct", "preference"):
        lines = []
        for n in range(5):
            seed = {"id": f"{task}-{n}", "task": task, "input": CODE.format(n=f"thing{n}"),
                    "instruction": {"en": f"What does thing{n}_run() end in?", "zh": f"thing{n}_run() 最后调用什么？"}}
            if task == "self_instruct":
                seed["output"] = {"en": f"It ends in ops->go() of thing{n}.", "zh": f"最后通过 thing{n} 的 ops->go() 返回。"}
            lines.append(json.dumps(seed, ensure_ascii=False) + "\n")
        (folder / f"{task}.jsonl").write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(seeds, "FOLDER", folder)
    seeds.load.cache_clear()
    yield load_settings(tmp_path / "home")
    seeds.load.cache_clear()


@pytest.fixture
def store(settings):
    opened = open_store(settings.store_url)
    yield opened
    opened.close()


def options(server, **other):
    given = {"campaign": "first", "task": "self_instruct", "count": 6, "base_url": server.base_url, "model": "fake", "per_request": 2}
    return GenerateOptions(**{**given, **other})


def made(store):
    return list(items.find(store, origin="generated"))


@pytest.mark.parametrize(("mode", "lang"), [("pairs", "en"), ("fenced", "zh")])
def test_a_campaign_makes_the_rows_asked_for_with_their_provenance(store, settings, mode, lang):
    with running(mode) as server:
        counts = generate.run(store, settings, LEAD, options(server, lang=lang))
        assert (counts.rows, counts.answered, counts.failed, counts.flagged) == (6, 3, 0, 0)
        assert len(server.requests) == 3 and counts.prompt_tokens > 100
    rows = made(store)
    assert {i.lang for i in rows} == {lang} and {i.task for i in rows} == {"self_instruct"}
    for item in rows:
        assert item.meta["campaign"] == "first" and item.meta["model"] == "fake" and len(item.meta["seeds"]) == 3
        assert item.group == f"seed/{item.meta['seeds'][0]}"
    assert {i.meta["requests"][0] for i in rows} == {c.request_hash for c in ledger.calls(store, "first")}


def test_a_campaign_stopped_and_started_again_goes_on_and_pays_nothing_twice(store, settings):
    with running() as server:
        stop = threading.Event()
        first = generate.run(store, settings, LEAD, options(server), stop=stop.is_set, report=lambda counts: stop.set())
        assert 0 < first.rows < 6
        second = generate.run(store, settings, LEAD, options(server))
        third = generate.run(store, settings, LEAD, options(server))
        assert second == third and second.rows == 6
        sent = [json.dumps(body) for body in server.requests]
        assert len(sent) == len(set(sent)) == 3
    assert [c.ordinal for c in ledger.calls(store, "first")] == [0, 1, 2]


def test_another_model_goes_on_at_the_next_ordinal(store, settings):
    with running() as server:
        generate.run(store, settings, LEAD, options(server, count=4))
        counts = generate.run(store, settings, LEAD, options(server, count=6, model="other"))
        assert counts.rows == 6 and [body["model"] for body in server.requests] == ["fake", "fake", "other"]
    assert [c.ordinal for c in ledger.calls(store, "first")] == [0, 1, 2]


def test_an_answer_paid_for_before_the_process_died_is_used_and_a_lost_one_is_not_asked_again(store, settings):
    with running() as server:
        claims = generate._Campaign(store, settings, options(server))._claims()
        paid, lost = next(claims), next(claims)
        text = json.dumps([{"instruction": "Which function does it reach?", "input": CODE.format(n="x"), "output": "It reaches x_go()."}])
        ledger.answered(store, paid.name, text, 1, 1)  # and then the process dies: no item was made, `lost` stays "sent"
        counts = generate.run(store, settings, LEAD, options(server))
        assert counts.sent == 1 and counts.rows >= 6
        assert lost.request["body"] not in server.requests and paid.request["body"] not in server.requests
    assert "It reaches x_go()." in {i.payload["output"] for i in made(store)}


def test_a_failing_endpoint_ends_the_campaign_and_what_failed_is_asked_again_later(store, settings):
    with running("error") as server:
        with pytest.raises(EndpointFailed, match="answered 500: the model fell over"):
            generate.run(store, settings, LEAD, options(server), sleep=lambda s: None)
        counts = generate.status(store, "first")
        assert counts.failed >= 3 and counts.answered == counts.rows == 0
        assert "answered 500" in str(generate.problem_of(counts.last_problem))
        server.mode = "pairs"
        counts = generate.run(store, settings, LEAD, options(server))
        assert counts.rows == 6 and counts.answered == 3
    assert [c.ordinal for c in ledger.calls(store, "first", "answered")] == [0, 1, 2]


def test_prose_is_kept_as_a_problem_with_its_beginning_and_ends_the_campaign(store, settings):
    with running("prose") as server:
        with pytest.raises(UnreadableAnswer, match="Sure! Callbacks are a wonderful topic"):
            generate.run(store, settings, LEAD, options(server, count=100))
        assert 5 <= len(server.requests) <= 6
    counts = generate.status(store, "first")
    assert counts.unread == counts.answered == len(server.requests) and counts.rows == 0
    assert all((call.response or "").startswith("Sure! Callbacks are a wonderful topic") for call in ledger.calls(store, "first"))


def test_the_number_of_calls_is_bounded(store, settings):
    with running() as server:
        counts = generate.run(store, settings, LEAD, options(server, count=100, most_requests=2))
        assert counts.rows == 4 and len(server.requests) == 2


def test_the_same_rows_again_are_flagged_as_near_duplicates(store, settings):
    with running() as server:
        generate.run(store, settings, LEAD, options(server, count=2))
    item = made(store)[0]
    again = json.dumps([{**item.payload, "output": item.payload["output"] + " Indeed."}])
    with running() as server:
        campaign = generate._Campaign(store, settings, options(server, campaign="second"))
        claim = next(campaign._claims())
        ledger.answered(store, claim.name, again, 1, 1)
        assert campaign.take(claim.name, claim.ordinal, claim.request, again) is None
    [flagged] = [i for i in made(store) if i.meta["campaign"] == "second"]
    assert [f.params["of"] for f in flagged.flags if f.filter == "near_duplicate"] == [item.id]
    assert generate.status(store, "second").flagged == 1


def test_preference_pairs_have_two_answers_and_a_recorded_side(store, settings):
    with running() as server:
        counts = generate.run(store, settings, LEAD, options(server, task="preference", count=8))
        assert counts.answered == len(server.requests) and counts.rows == 8
        assert {r["temperature"] for r in server.requests} == {generate.LOW, generate.HIGH}
    rows = made(store)
    assert all(i.task == "preference" and i.payload["a"] != i.payload["b"] and i.payload["seed"] is not None for i in rows)
    assert {i.payload["shown_first"] for i in rows} == {"a", "b"}
    assert all("must not sleep" in i.payload["a"] for i in rows)  # a: the lower temperature, whichever answer came first


def test_questions_about_imported_code_carry_the_code_and_stay_in_the_files_group(store, settings, tmp_path):
    from curation.sourcing import sources

    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "one.c").write_text(CODE.format(n="alpha"))
    (folder / "short.c").write_text("int f(void) { return 0; }\n")
    sources.import_folder(store, settings, LEAD, folder, "mine")
    with running() as server:
        generate.run(store, settings, LEAD, options(server, count=2, source="mine"))
        assert CODE.format(n="alpha").strip() in server.requests[0]["messages"][1]["content"]
    assert {(i.source, i.file, i.line, i.group) for i in made(store)} == {("mine", "one.c", 1, "mine/one.c")}


def test_two_campaigns_draw_differently_and_one_draws_the_same_everywhere(store, settings):
    with running() as server:
        def bodies(name):
            campaign = generate._Campaign(store, settings, options(server, campaign=name))
            return [campaign._request(n) for n in range(4)]
        assert bodies("a") == bodies("a")
        assert bodies("a") != bodies("b")


def test_only_a_lead_may_spend_and_an_unknown_task_or_source_is_named(store, settings):
    with running() as server:
        with pytest.raises(NotAllowed):
            generate.run(store, settings, Actor(name="r", role="reviewer"), options(server))
        with pytest.raises(NotFound, match="knitting"):
            generate.run(store, settings, LEAD, options(server, task="knitting"))
        with pytest.raises(NotFound, match="nowhere"):
            generate.run(store, settings, LEAD, options(server, source="nowhere"))
        assert server.requests == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("task", [task.name for task in site_tasks()])
def test_from_the_shipped_seeds_come_rows_whose_first_line_is_the_tasks_answer(tmp_path, task, lang):
    shipped = load_settings(tmp_path / "home")
    store = open_store(shipped.store_url)
    with running() as server:
        counts = generate.run(store, shipped, LEAD, options(server, task=task, lang=lang, count=2))
    assert (counts.rows, counts.flagged) == (2, 0)
    for item in items.find(store):
        get_task(task).check(json.loads(item.payload["output"].split("\n\n")[0]))
    store.close()


def test_a_row_without_the_tasks_answer_in_its_first_line_is_flagged(tmp_path):
    shipped = load_settings(tmp_path / "home")
    store = open_store(shipped.store_url)
    with running() as server:
        campaign = generate._Campaign(store, shipped, options(server, task="function_pointer"))
        claim = next(campaign._claims())
        rows = [{"instruction": "Which function does it reach?", "input": CODE.format(n=name), "output": output} for name, output in (
            ("x", "It reaches x_go(), which is the only one."), ("y", '{"targets": "y_go"}\n\nIt reaches y_go(), which is the only one.'))]
        ledger.answered(store, claim.name, json.dumps(rows), 1, 1)
        campaign.take(claim.name, claim.ordinal, claim.request, json.dumps(rows))
    found = [flag for item in items.find(store) for flag in item.flags if flag.filter == "answer_json"]
    assert len(found) == 2 and "no JSON object" in found[0].params["why"]["text"] and "targets" in str(found[1].params["why"])
    store.close()


@pytest.mark.parametrize("mode", ["broken", "deep", "no_choices", "brackets"])
def test_an_answer_that_cannot_be_read_is_paid_kept_and_never_asked_again(store, settings, mode):
    with running(mode) as server:
        with pytest.raises(UnreadableAnswer):
            generate.run(store, settings, LEAD, options(server, concurrency=1))
        counts = generate.status(store, "first")
        assert counts.answered == counts.unread == len(server.requests) == generate.MOST_UNREAD and counts.failed == 0
        asked = len(server.requests)
        server.mode = "pairs"
        assert generate.run(store, settings, LEAD, options(server)).rows == 6
        assert len({json.dumps(r, sort_keys=True) for r in server.requests}) == len(server.requests) > asked


def test_half_a_character_and_absurd_counts_cost_no_row(store, settings):
    with running("surrogate") as server:
        counts = generate.run(store, settings, LEAD, options(server))
    assert counts.rows == 6 and counts.prompt_tokens == counts.completion_tokens == 0


def test_a_stop_does_not_wait_for_an_endpoint_that_hangs(store, settings):
    with running("slow", delay_s=PATIENCE_S) as server:
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        counts = generate.run(store, settings, LEAD, options(server), stop=stop.is_set)
        assert counts.rows == 0 and counts.sent == 2  # under way: they may have been paid for
