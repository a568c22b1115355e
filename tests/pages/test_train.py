"""The train screen: what it starts is a real worker; what it shows comes out of the run's directory."""
from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation.errors import BadModelFolder, Reason, record
from tests.patience import PATIENCE_S
from tests.training.frozen_fixture import write_frozen
from training import config, estimate, exact_cost, runs
from training.stage import stage_folders
from ui import parts

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = str(ROOT / "pages" / "train.py")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("FLOWSIGHT_HOME", str(home))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def frozen(home: Path) -> Path:
    return write_frozen(home / "datasets" / "made" / "v0001", rows=40, pairs=0)


def _page(lang: str = "en") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=PATIENCE_S)
    page.session_state["_lang"] = lang
    page.run()
    assert not page.exception
    return page


def _line(page: AppTest, n: int = 0) -> dict[str, str]:
    """A line of the table of runs."""
    return page.dataframe[0].value.iloc[n].to_dict()


def _fake_run(home: Path, name: str, *, leaving: dict | None, events: list[dict], done: tuple[str, ...] = ()) -> Path:
    """A run's directory as a worker that has ended leaves it."""
    run_dir = home / "runs" / name
    run_dir.mkdir(parents=True)
    stages = ["prepare", "sft", "dpo", "merge"]
    manifest = {"name": name, "created_at": "2026-01-01T00:00:00Z", "launcher": "local", "preset": "tiny", "stages": stages,
                "dataset": {"label": "made-v0001", "path": "x", "hash": "x"}}
    (run_dir / "manifest.json").write_text(json.dumps(manifest))
    (run_dir / "config.yaml").write_text("preset: tiny\n")
    (run_dir / "status.json").write_text(json.dumps({"state": "running", "stage": "dpo", "step": 3, "total": 9, "loss": 0.5}))
    (run_dir / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (run_dir / "stdout.log").write_text("line one\nline two\n")
    if leaving:
        (run_dir / "exit.json").write_text(json.dumps(leaving))
    for stage in done:
        folder = stage_folders(run_dir, stages)[stage]
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps({"skipped": "no_preference_rows"} if stage == "dpo" else {}))
        (folder / "COMPLETE").touch()
    return run_dir


def test_without_a_frozen_dataset_the_page_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    links: list[str] = []
    monkeypatch.setattr(parts, "page_link", links.append)
    page = _page()
    assert "Freeze one first" in page.info[0].value and links == ["freeze"]
    assert not page.button


def test_pressing_train_starts_one_worker_that_the_page_can_stop(home: Path, frozen: Path) -> None:
    page = _page()
    page.selectbox(key="train_preset").set_value("tiny").run()
    page.pills(key="train_stages_tiny_en").set_value(["sft"]).run()
    page.number_input(key="set_tiny_sft__max_steps").set_value(100_000).run()
    time.sleep(0.5)  # a press right after the drawing is taken for key repeat
    page.button(key="train_start").click().run()
    assert not page.exception and not page.error
    (run_dir,) = (home / "runs").iterdir()
    try:
        assert runs.poll(run_dir).active
        assert page.query_params["run"] in (run_dir.name, [run_dir.name])
        assert "max_steps: 100000" in (run_dir / "config.yaml").read_text()
        page.run()
        time.sleep(0.5)
        page.button(key="train_stop").click().run()
        assert not page.exception
        assert (run_dir / "stop.json").is_file() or not runs.poll(run_dir).active
    finally:
        runs.kill(run_dir)


def test_a_wrong_override_is_told_and_starts_nothing(home: Path, frozen: Path) -> None:
    page = _page()
    page.selectbox(key="train_preset").set_value("tiny").run()
    page.text_input(key="set_tiny_sft__learning_rate").set_value("fast").run()
    page.number_input(key="set_tiny_sft__adapter__rank").set_value(0).run()
    told = page.error[0].value.replace("\\", "")
    assert "sft.learning_rate" in told and "sft.adapter.rank" in told and page.button(key="train_start").disabled
    assert not (home / "runs").exists()
    page.button(key="unset_sft__adapter__rank").click().run()
    page.text_input(key="set_tiny_sft__learning_rate").set_value("2e-4").run()
    assert not page.error and page.session_state["_settings_set"]["tiny"] == {"sft.learning_rate": 0.0002}


def test_a_failed_run_shows_its_stages_its_error_its_log_and_its_curve(home: Path, frozen: Path) -> None:
    events = [
        {"kind": "stage_started", "stage": "sft"}, {"kind": "step", "stage": "sft", "step": 1, "total": 2, "loss": 3.0},
        {"kind": "eval", "stage": "sft", "step": 2, "eval_loss": 2.5}, {"kind": "step", "stage": "sft", "step": 2, "total": 2, "loss": 2.0},
    ]
    error = {"code": "no_rows", "params": {"split": "train", "left_out": "4", "max_length": "16"}, "text": "The train split has no row"}
    _fake_run(home, "one", leaving={"state": "failed", "error": error}, events=events, done=("prepare", "sft"))
    page = _page()
    assert _line(page)["State"] == "failed"
    assert "no row" in page.error[0].value
    shown = " ".join(element.value for element in page.markdown)
    assert "Fine\\-tune · done" in shown and "Preferences \\(DPO\\) · failed" in shown and "Merge · waiting" in shown
    assert any("line two" in block.value for block in page.code)
    assert "train_stop" not in [b.key for b in page.button] and not page.button(key="train_resume").disabled
    assert page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart")


def test_the_error_of_a_failed_run_is_wholly_in_the_language_of_the_page(home: Path, frozen: Path) -> None:
    again = Reason("download_again", "Download the model again.")
    err = BadModelFolder(where="m", why=Reason("no_config_json", "it has no config.json"), todo=again)
    _fake_run(home, "one", leaving={"state": "failed", "error": {**record(err), "text": str(err)}}, events=[])
    page = _page("zh")
    assert page.error[0].value.replace("\\", "") == "m 不能用作模型：没有 config.json。请重新下载该模型。"


def test_a_skipped_stage_says_why_in_the_users_language(home: Path, frozen: Path) -> None:
    _fake_run(home, "one", leaving={"state": "done", "error": None}, events=[], done=("prepare", "sft", "dpo", "merge"))
    page = AppTest.from_file(PAGE, default_timeout=PATIENCE_S)
    page.session_state["_lang"] = "zh"
    page.run()
    assert "数据集中没有偏好数据。" in [caption.value for caption in page.caption]
    assert _line(page)["状态"] == "已完成"


def test_a_run_whose_worker_was_killed_is_said_to_have_died(home: Path, frozen: Path) -> None:
    _fake_run(home, "one", leaving=None, events=[])
    page = _page()
    assert _line(page)["State"] == "died"
    assert not page.button(key="train_resume").disabled


def test_an_annotator_cannot_train(home: Path, frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.model import Actor
    from ui import session

    monkeypatch.setattr(session, "actor_of", lambda *_: Actor(name="wang", role="annotator"))
    page = _page()
    assert not page.button and "Only a lead" in page.info[0].value


def test_the_page_and_the_start_of_a_run_load_no_torch(home: Path, frozen: Path) -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({PAGE!r}, default_timeout={PATIENCE_S}).run()\n"
        "assert not page.exception and page.button(key='train_start')\n"
        "print(sorted({'torch', 'transformers', 'trl', 'peft', 'datasets.arrow_dataset'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_cost_is_an_estimate_until_a_dry_run_has_counted_it(home: Path, frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = lambda page: "\n".join(caption.value.replace("\\", "") for caption in page.caption)  # noqa: E731
    monkeypatch.setattr(exact_cost, "counted", lambda *_: (None, True))
    page = _page()
    assert "it is being counted" in said(page) and "32 rows" in said(page)
    found = {"rows": 32, "left_out": 4, "steps": 7, "refused": True, "tokens": 9,
             "time": {"seconds": 30.0, "former": "one"}, "memory": {"total": 5e8}}
    monkeypatch.setattr(exact_cost, "counted", lambda *_: (found, False))
    page = _page()
    assert "28 rows · 7 steps · about 30 s · at least 500.0 MB of memory · 4 rows too long · counted by a dry run" in said(page)
    assert "refuse to start" in said(page) and "being counted" not in said(page)


def test_a_damaged_configuration_or_split_is_told_where_it_is_and_the_page_stands(home: Path, frozen: Path) -> None:
    run_dir = _fake_run(home, "one", leaving={"state": "done", "error": None}, events=[], done=("prepare", "sft", "dpo", "merge"))
    (run_dir / "config.yaml").write_bytes(b"\xff{[")
    page = _page()
    assert "config.yaml is not a valid configuration" in page.warning[0].value.replace("\\", "")
    (run_dir / "config.yaml").write_text(config.dump(config.load("tiny")), encoding="utf-8")
    assert not _page().warning
    (frozen / "sft" / "train.parquet").write_bytes(b"no")
    page = _page("zh")
    assert "train.parquet 已损坏" in page.error[0].value.replace("\\", "")


def test_a_refused_bundle_is_told(home: Path, frozen: Path) -> None:
    run_dir = _fake_run(home, "one", leaving={"state": "done", "error": None}, events=[], done=("prepare",))
    manifest = json.loads((run_dir / "manifest.json").read_text())
    (run_dir / "manifest.json").write_text(json.dumps({**manifest, "stages": [*manifest["stages"], "package"]}))
    folder = run_dir / "04-package"
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps({"name": "x", "folder": None, "files": [], "refused": [{"name": "gain"}]}))
    (folder / "COMPLETE").touch()
    assert any("no bundle was packed" in warning.value for warning in _page().warning)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_fits_which_card_stands_there_once_it_is_opened(home: Path, frozen: Path, lang: str) -> None:
    page = AppTest.from_file(PAGE, default_timeout=PATIENCE_S)
    page.session_state["_lang"] = lang
    page.session_state["estimate"] = True  # the expander is open
    page.run()
    page.selectbox(key="train_preset").set_value("smollm2-135m").run()
    assert not page.exception and not page.error
    page.selectbox(key="estimate_card").set_value("rtx-3060").run()
    page.number_input(key="estimate_price").set_value(0.2).run()
    table = page.dataframe[0].value
    assert len(table) == len(estimate.cards()) and table.iloc[0].tolist()[1] == "8"
    said = " ".join(caption.value for caption in page.caption)
    assert ("weights" if lang == "en" else "权重") in said
    assert "estimate." not in said
