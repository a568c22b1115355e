"""The whole line in one sitting, as a person walks it on the demo corpus: import, propose, label, review, prefer, freeze, train `tiny`,
kill and restart the web process in mid-training, read the report, find the bundle. And the same first steps in Chinese.

What a page says is read by the locale files' words; what has been done is asked of the store and of the run's directory.
"""
from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from curation.freezing import freeze
from curation.model import Item
from curation.pairs import review
from curation.pairs.review import REASONS
from curation.store import Store, frozen, items, open_store
from tests.browser.conftest import APPEARS_MS, PROJECT, Server, settled
from training import runs
from ui.text import say

pytestmark = [pytest.mark.browser, pytest.mark.line, pytest.mark.timeout(7200)]
DEMO = PROJECT / "datasets" / "demo"
SOURCE = "walk"
DWELL_MS = 600  # a key pressed sooner after a form was drawn is taken for key repeat
SEED = 3  # gives every split of every task that has enough groups a row
STEPS = 80  # of fine-tuning, a row each: enough to be killed in the middle of, few enough to wait for
TRAINING_MS = 3_600_000  # a bound, not a measure: about two minutes on two busy cores


def w(key: str, **params: Any) -> str:
    return say("en", key, **params)


# ---- what the walk does everywhere ----


def quiet(page: Any) -> None:
    """The page is drawn, and has been for longer than a key repeat."""
    settled(page)
    page.wait_for_timeout(DWELL_MS)
    settled(page)


def opened(page: Any, name: str, lang: str = "en") -> None:
    """Goes to a screen by the menu."""
    page.locator("[data-testid='stSidebar'] a").filter(has_text=re.compile(f"{re.escape(say(lang, f'nav.{name}'))}$")).click()  # type: ignore[arg-type]
    page.wait_for_url(re.compile(r"/$" if name == "home" else f"/{name}"))
    quiet(page)


def followed(page: Any, name: str) -> None:
    """Goes to a screen by the link that the page itself shows."""
    page.locator(f"[data-testid='stMain'] a[href^='{name}']").click()
    page.wait_for_url(f"**/{name}**")
    quiet(page)


def shown(page: Any, text: str, timeout_s: float = APPEARS_MS / 1000) -> None:
    """Waits until the user can read the text somewhere on the page."""
    page.get_by_text(text, exact=False).locator("visible=true").first.wait_for(timeout=1000 * timeout_s)


def picked(page: Any, key: str, option: str) -> None:
    """Chooses an option of the select box with this key."""
    page.locator(f"[class*='st-key-{key}'] input[role='combobox']").click()
    page.get_by_role("option", name=option, exact=True).click()
    quiet(page)


def filled(page: Any, key: str, text: str) -> None:
    field = page.locator(f".st-key-{key} input")
    field.fill(text)
    field.press("Enter")
    quiet(page)


TABLES = """headers => {
    const tables = [...document.querySelectorAll("[data-testid='stDataFrame'] table[role='grid']")]
        .map(table => [...table.rows].map(row => [...row.cells].map(cell => cell.textContent)));
    return headers.every(header => tables.some(rows => rows[0]?.includes(header))) && tables;
}"""


def tables_with(page: Any, *headers: str) -> list[list[list[str]]]:
    """The rows of the page's tables, the header first, as a screen reader gets them, once each of these headers is in one of them."""
    found: list[list[list[str]]] = page.wait_for_function(TABLES, arg=list(headers)).json_value()
    return found


def store_of(server: Server) -> Store:
    return open_store(f"sqlite:///{server.home / 'store.sqlite'}")


def said(store: Store, item_id: str) -> list[tuple[str, str | None]]:
    """What has been said of an item: actions with their reasons, the first one first."""
    return [(each.action, each.reason) for each in items.annotations(store, [item_id])[item_id]]


# ---- the stages ----


def import_archive(page: Any, store: Store) -> None:
    """Packs the demo corpus and uploads it under a name of its own."""
    opened(page, "sources")
    page.get_by_text(w("sources.import"), exact=True).first.click()
    page.get_by_role("tab", name=w("sources.from_archive")).click()
    page.get_by_label(w("sources.name")).locator("visible=true").fill(SOURCE)
    page.keyboard.press("Tab")
    quiet(page)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(DEMO / "src", arcname="firmware-1.0")
    page.locator("input[type='file']").locator("visible=true").set_input_files(
        {"name": "firmware-1.0.tar.gz", "mimeType": "application/gzip", "buffer": packed.getvalue()})
    there = sorted(path for path in (DEMO / "src").rglob("*.[ch]"))
    size = sum(path.stat().st_size for path in there)
    shown(page, w("sources.imported", source=SOURCE, added=len(there), unchanged=0, size=f"{size / 1024:.1f} KiB"))
    assert f"source={SOURCE}" in page.url
    assert list(items.find(store, source=SOURCE)) == []


def propose(page: Any, store: Store) -> None:
    page.get_by_role("button", name=w("sources.propose")).click()
    shown(page, w("sources.job_done", source=SOURCE))
    found = list(items.find(store, source=SOURCE))
    assert {item.task for item in found} == {"function_pointer", "callback_timing", "async_pattern"}
    assert len(found) == len(list(items.find(store, source="demo")))


def label_ready(page: Any, lang: str) -> None:
    settled(page)
    page.wait_for_selector(".fs-frame[data-ready^='/source/']")
    page.wait_for_selector(f"textarea[data-ready$='/{lang}']")
    quiet(page)


def site(page: Any) -> str:
    return str(page.url.split("item=")[1].split("&")[0])


def labeled(page: Any, key: str, lang: str = "en") -> str:
    """Presses a key that saves, waits for the next site; the id of the one that was left."""
    left = site(page)
    page.keyboard.press(key)
    page.wait_for_function("left => !location.href.includes(left)", arg=left)
    label_ready(page, lang)
    return left


def label_five_sites(page: Any, store: Store) -> list[Item]:
    """Three calls, one callback, one asynchronous mechanism; nothing but keys once the task is chosen."""
    opened(page, "label")
    picked(page, "label_source", SOURCE)
    picked(page, "label_task", w("task.function_pointer"))
    label_ready(page, "en")
    ids = [labeled(page, "a"), labeled(page, "a")]

    mended = site(page)
    proposed = items.get(store, mended).payload["answer"]
    assert len(proposed["targets"]) > 1
    page.keyboard.press("1")  # the first candidate is not one
    page.wait_for_selector(f"button:has-text('{w('label.action.mend')}')")
    quiet(page)
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Only the last one is ever set: a n u x s f z 1")
    page.reload()  # in mid-edit
    label_ready(page, "en")
    assert site(page) == mended and said(store, mended) == []
    assert page.input_value("textarea[data-ready$='/en']").endswith("ever set: a n u x s f z 1")
    page.keyboard.press("e")
    page.keyboard.type(".")
    page.keyboard.press("Escape")
    page.wait_for_selector(f"button:has-text('{w('label.action.mend')}')")
    quiet(page)
    ids.append(labeled(page, "a"))
    (word,) = items.annotations(store, [mended])[mended]
    assert word.action == "mend" and word.explanation["en"].endswith("f z 1.")
    assert [t["name"] for t in word.answer["targets"]] == [t["name"] for t in proposed["targets"]][1:]

    for task in ("callback_timing", "async_pattern"):
        picked(page, "label_task", w(f"task.{task}"))
        label_ready(page, "en")
        ids.append(labeled(page, "a"))
    assert [[action for action, _ in said(store, i)] for i in ids] == [["confirm"], ["confirm"], ["mend"], ["confirm"], ["confirm"]]
    return [items.get(store, i) for i in ids]


def import_rows(page: Any, name: str, format_name: str) -> int:
    opened(page, "rows")
    page.get_by_role("tab", name=w("rows.from_server")).click()
    path = DEMO / name
    filled(page, "rows_path", str(path))
    count = len(path.read_text(encoding="utf-8").splitlines())
    page.locator(".st-key-rows_import button").click()
    shown(page, w("rows.imported", file=path, added=count, known=0, format=w(f"rows.format_name.{format_name}")))
    return count


def decided(page: Any, key: str, status: str = "open") -> str:
    """Presses a key that decides on the pair shown; the pair's id."""
    before = page.locator("[class*='st-key-accept-']").get_attribute("class").split("st-key-accept-")[1].split()[0]
    page.keyboard.press(key)
    page.locator(f".st-key-accept-{before}").wait_for(state="detached")
    quiet(page)
    return str(before)


def review_pairs(page: Any, store: Store) -> None:
    count = import_rows(page, "pairs.jsonl", "alpaca")
    followed(page, "review")
    shown(page, w("review.total", count=count))

    flagged = [item for item in items.find(store, tasks=["self_instruct"]) if item.flags]
    assert flagged
    look = flagged[0]
    page.locator(f".st-key-row-{look.id} button").click()
    quiet(page)
    for flag in look.flags:
        params = {**flag.params, **({"part": w(f"review.part.{flag.params['part']}")} if "part" in flag.params else {})}
        shown(page, w(f"filter.{flag.filter}", **params)[:40])
    page.keyboard.press("x")
    page.wait_for_selector(f".st-key-why-wrong-{look.id}")
    quiet(page)
    reason = REASONS.index("refusal") + 1
    page.keyboard.press(str(reason))
    page.locator(f".st-key-accept-{look.id}").wait_for(state="detached")
    quiet(page)
    assert said(store, look.id) == [("reject", "refusal")]

    accepted = decided(page, "a")
    assert said(store, accepted) == [("accept", None)]

    mended = page.locator("[class*='st-key-accept-']").get_attribute("class").split("st-key-accept-")[1].split()[0]
    page.keyboard.press("e")
    answer = page.locator(f"textarea[data-ready$='/{mended}/output']")
    answer.wait_for()
    quiet(page)
    answer.press("Control+End")
    answer.press_sequentially(" That is all.")
    answer.press("Control+Enter")
    answer.wait_for(state="detached")
    quiet(page)
    assert said(store, mended) == [("mend", None)]
    page.wait_for_timeout(1500)  # longer than the pause after which typing is kept
    assert items.draft(store, mended, "local") is None  # what is saved for good leaves no draft that would open it for mending again

    left = count - 3
    for _ in range(2):  # accepted, taken back as one, accepted again
        page.locator(".st-key-bulk_accept button").click()
        shown(page, w("review.bulk_ask_accept", count=left)[:40])
        filled_count = page.locator("[class*='st-key-count-'] input")
        filled_count.fill(str(left))
        filled_count.press("Tab")
        quiet(page)
        page.locator(".st-key-bulk_do button").click()
        shown(page, w("review.all_done"))
        assert review.queue(store, status="accepted").total == count - 1
        if _ == 0:
            quiet(page)
            page.keyboard.press("z")
            shown(page, w("review.total", count=left))
            assert review.queue(store, status="open").total == left
            quiet(page)
    assert review.queue(store, status="rejected").total == 1


def prefer_answers(page: Any, store: Store) -> None:
    count = import_rows(page, "preferences.jsonl", "preference")
    followed(page, "prefer")
    shown(page, w("prefer.progress", done=0, total=count, mine=0))
    chosen: list[str] = []
    for number in range(count):
        item_id = site(page)
        item = items.get(store, item_id)
        page.locator(f".st-key-left-{item_id}").wait_for()
        better = str(item.meta["chosen_in_file"])
        place = page.get_by_text(item.payload[better][:30]).first.bounding_box()["x"]
        page.keyboard.press("3" if number == 1 else "1" if place < page.viewport_size["width"] * 0.55 else "2")
        page.wait_for_function("left => !location.href.includes(left)", arg=item_id)
        quiet(page)
        (word,) = items.annotations(store, [item_id])[item_id]
        chosen.append("better" if (word.answer or {})["choice"] == better else (word.answer or {})["choice"])
    shown(page, w("prefer.all_done"))
    assert chosen == ["better", "tie", *["better"] * (count - 2)]


def freeze_dataset(page: Any, server: Server, store: Store) -> Path:
    opened(page, "freeze")
    filled(page, "freeze_test", "25")
    filled(page, "freeze_seed", str(SEED))
    page.locator(".st-key-freeze_preview button").click()
    shown(page, w("freeze.what_it_gives"))
    quiet(page)
    header, *rows = tables_with(page, w("freeze.task"))[0]
    by_task = {row[header.index(w("freeze.task"))]: dict(zip(header, row, strict=True)) for row in rows}
    assert by_task[w("task.preference")][w("freeze.rows")] == "9"  # ten, less the tie
    called = by_task[w("task.function_pointer")]
    assert (called[w("freeze.items")], called[w("freeze.rows")]) == ("3", "6")  # a row a language
    shown(page, w("freeze.warn_below_minimum", task=w("task.function_pointer"), items=3, minimum=2000))
    page.locator(".st-key-freeze_now button").click()
    folder = server.home / "datasets" / "flow" / "v0001"
    made = re.compile(w("freeze.made", name="flow", version=1, rows_hash="([0-9a-f]{64})"))
    page.get_by_text(made).locator("visible=true").first.wait_for()
    (version,) = frozen.all_versions(store)
    assert freeze.verify(folder)["hash"] == version.hash
    shown(page, version.hash)
    return folder


def losses(run_dir: Path) -> list[tuple[str, int]]:
    """(stage, step) of every training loss in the run's log so far."""
    events, _ = runs.read_events(run_dir)
    return [(str(e["stage"]), int(e["step"])) for e in events if e.get("loss") is not None and e.get("step") is not None]


def state_of(page: Any, state: str) -> Any:
    """The mark of the run shown, once it says this."""
    return page.locator(".st-key-run_state").filter(has_text=re.compile(f"{w(f'train.state_{state}')}$"))


def train_tiny(page: Any, server: Server) -> Path:
    """Presses Train, kills the web process while the worker tunes, and finds the run going on."""
    followed(page, "train")
    picked(page, "train_preset", "tiny")
    page.get_by_text(w("train.settings")).click()
    filled(page, "set_tiny_sft__max_steps", str(STEPS))
    page.locator(".st-key-train_start button").click()
    page.wait_for_url("**/train?run=**")
    run_dir = server.home / "runs" / page.url.split("run=")[1].split("&")[0]
    chart = page.locator("[data-testid='stVegaLiteChart']").first
    chart.wait_for(timeout=TRAINING_MS)
    assert runs.poll(run_dir).stage == "sft" and losses(run_dir)

    server.kill()
    alive = runs.poll(run_dir)
    assert alive.state == "running"
    seen = len(losses(run_dir))
    until = time.monotonic() + TRAINING_MS / 1000
    while len(losses(run_dir)) <= seen and time.monotonic() < until:  # it goes on while nobody serves the page
        time.sleep(0.1)
    assert len(losses(run_dir)) > seen
    server.start()
    page.reload()
    quiet(page)
    state_of(page, "running").wait_for()
    chart.wait_for()
    now = runs.poll(run_dir)
    assert (now.attempt, now.active) == (1, True)
    return run_dir


def finished(page: Any, run_dir: Path) -> None:
    state_of(page, "done").wait_for(timeout=TRAINING_MS)
    quiet(page)
    page.get_by_role("tab", name=w("train.results")).first.click()  # while the page is drawn again, the old one stands beside it
    shown(page, w("train.bundle"))
    run = runs.poll(run_dir)
    assert run.state == "done", run.error
    assert [stage.name for stage in run.stages] == ["prepare", "sft", "dpo", "distill", "merge", "quantize", "evaluate", "package"]
    assert {stage.state for stage in run.stages} == {"done"}
    assert {stage for stage, _ in losses(run_dir)} == {"sft", "dpo", "distill"}


def read_report(page: Any, run_dir: Path) -> Path:
    """The report in its own tab; the bundle's folder as it is shown there."""
    with page.expect_popup() as opening:
        page.get_by_role("link", name=w("train.open_report")).first.click()  # while the page is drawn again, the old one stands beside it
    report = opening.value
    report.set_default_timeout(APPEARS_MS)
    quiet(report)
    shown(report, w("report.bundle"))
    shown(report, w("report.ship_not"))  # forty steps teach a random model nothing, and the gates say so
    report.locator("[data-testid='stVegaLiteChart']").first.wait_for()
    tables = tables_with(report, w("report.gate"), w("report.model"), w("report.kl_mean"), "SHA-256")
    (judged,) = [table for table in tables if w("report.gate") in table[0]]
    assert any(row[judged[0].index(w("report.gate"))] == w("report.gates.gain") for row in judged[1:])
    compared = next(table for table in tables if w("report.model") in table[0] and w("report.figures.parse_rate") in table[0])
    assert {w("report.who.base"), w("report.who.tuned")} <= {row[0] for row in compared[1:]}
    (quantized,) = [table for table in tables if w("report.kl_mean") in table[0]]
    assert [row[0] for row in quantized[1:]] == ["F16", "Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0"]
    (files,) = [table for table in tables if "SHA-256" in table[0]]
    folder = Path(report.locator("[data-testid='stCode']").filter(has_text=str(run_dir)).last.inner_text().strip())
    assert {row[0] for row in files[1:]} == {path.name for path in folder.iterdir() if path.is_file()}
    report.close()
    return folder


def talk(page: Any, run_dir: Path) -> None:
    """Asks the packaged model a test row on the Chat page and waits for its answer, such as it is."""
    page.goto(page.url.split("/train")[0] + f"/chat?run={run_dir.name}")
    quiet(page)
    page.locator("[class*='st-key-chat_row_'] input[role='combobox']").click()
    page.get_by_role("option").nth(1).click()
    quiet(page)
    assert page.locator(".st-key-chat_prompt textarea").input_value().strip()  # the row's question stands there
    page.locator(".st-key-chat_ask button").click()
    page.get_by_text(re.compile(r"^\d+\.\d s$")).first.wait_for(timeout=TRAINING_MS)  # how long the answer took: it is whole
    shown(page, w("chat.gold"))


def find_bundle(folder: Path) -> None:
    models = sorted(folder.glob("*.gguf"))
    assert models and all(path.read_bytes()[:4] == b"GGUF" for path in models)
    for path in models:
        told = Path(f"{path}.sha256").read_text().split()
        assert told == [hashlib.sha256(path.read_bytes()).hexdigest(), path.name]
    assert json.loads((folder / "version.json").read_text())
    assert f"FROM ./{models[0].name}" in (folder / "Modelfile").read_text()


def test_the_whole_line_is_walked_in_the_browser(page: Any, server: Server) -> None:
    store = store_of(server)
    page.goto(server.url)
    quiet(page)
    import_archive(page, store)
    propose(page, store)
    label_five_sites(page, store)
    review_pairs(page, store)
    prefer_answers(page, store)
    freeze_dataset(page, server, store)
    run_dir = train_tiny(page, server)
    finished(page, run_dir)
    find_bundle(read_report(page, run_dir))
    talk(page, run_dir)
    assert page.problems == []
    store.close()


def test_a_site_is_explained_in_chinese_by_an_input_method(page: Any, server: Server) -> None:
    """The language is switched, letters that are composed on the way to a Chinese word are no shortcuts, and a reload keeps both."""
    store = store_of(server)
    page.goto(f"{server.url}/label?task=function_pointer")
    label_ready(page, "en")
    item_id = site(page)
    page.get_by_role("link", name=say("zh", "app.own_name")).click()
    label_ready(page, "zh")
    assert site(page) == item_id
    confirm = page.get_by_role("button", name=say("zh", "label.action.confirm"))
    confirm.wait_for()
    shown(page, say("zh", "task.function_pointer"))
    drafted = page.input_value("textarea[data-ready$='/zh']")
    assert re.search("[\u4e00-\u9fff]", drafted)

    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    input_method = page.context.new_cdp_session(page)
    for spelled, word in (("xianzai", "现在"), ("zhike nengs ", "只可能是"), ("houzhe", "后者。")):
        for end in range(1, len(spelled) + 1):
            input_method.send("Input.imeSetComposition", {"text": spelled[:end], "selectionStart": end, "selectionEnd": end})
        input_method.send("Input.insertText", {"text": word})
    shown(page, say("zh", "common.draft_kept"))
    page.reload()
    label_ready(page, "zh")
    assert page.input_value("textarea[data-ready$='/zh']") == f"{drafted}现在只可能是后者。"
    assert said(store, item_id) == []
    labeled(page, "a", "zh")
    (word,) = items.annotations(store, [item_id])[item_id]
    assert (word.action, word.explanation["zh"]) == ("confirm", f"{drafted}现在只可能是后者。")
    assert page.problems == []
    store.close()
