"""The report screen: what a run's directory holds, shown as it is."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.training.stage_fixture import complete
from training import metrics, report
from ui import parts

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = str(ROOT / "pages" / "report.py")
EVIL = "**bold** ![x](http://evil.example/a.png)\n<script>alert(1)</script>"


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home" / "runs"


def _prediction(i: int, said: str | None, text: str) -> dict[str, Any]:
    how = {"targets": {"metric": "set", "key": "name"}}
    gold, parsed = {"targets": [{"name": "read"}]}, {"targets": [{"name": said}]} if said else None
    return {"id": f"row{i}", "task": "function_pointer", "lang": "en", "group": "g", "text": text, "ended": "stop", "tokens": 3,
            "parsed": parsed, "gold": gold, "scores": metrics.score_row(how, gold, parsed), "surprise": {"nats": 4.0, "tokens": 2},
            "hallucinated": [], "repeated": False, "failures": [], "prompt_tokens": 9, "seconds": 1.0, "wall_s": 1.0, "source": "s",
            "file": "f.c", "line": 1, "item": None, "kind": None, "difficulty": None}


def _write_run(runs_dir: Path, name: str, evaluated: bool = True, files: bool = True) -> Path:
    run = runs_dir / name
    stages = ["prepare", "merge", "evaluate", "quantize", "package"]
    (run / "02-evaluate").mkdir(parents=True)
    (run / "manifest.json").write_text(json.dumps({
        "name": name, "created_at": "2026-01-01T00:00:00Z", "preset": "tiny", "stages": stages, "launcher": "local",
        "dataset": {"label": "made-v0001", "hash": "abc", "path": "x"}}))
    (run / "config.yaml").write_text("preset: tiny\n")
    if not evaluated:
        return run
    rows = {"base": [_prediction(0, None, EVIL), _prediction(1, "read", "ok"), _prediction(2, None, "no")],
            "tuned": [_prediction(0, "read", "{...}"), _prediction(1, "write", "bad"), _prediction(2, "read", "ok")]}
    how = {"function_pointer": {"targets": {"metric": "set", "key": "name"}}}
    built = report.build(rows, how, {who: {"role": who, "path": who} for who in rows}, seed=1, test_rows=9)
    (run / "02-evaluate" / "report.json").write_text(json.dumps(built))
    complete(run / "02-evaluate", {"report": "02-evaluate/report.json"})
    if files:
        file = {"type": "Q4_K_M", "file": "03-quantize/a.gguf", "bytes": 812_345_678, "tensors": {"Q4_K": 10, "Q8_0": 2},
                "fallbacks": [{"name": "t", "type": "Q8_0", "row": 5504}] * 2, "kl_mean": 0.00123, "kl_max": 0.5, "same_best": 0.987,
                "positions": 100, "prompts": 4, "same_answers": 3, "bytes_by_type": {}, "answers": []}
        complete(run / "03-quantize", {"name": "a", "files": [file], "positions": 100, "prompts": 4})
        complete(run / "04-package", {"name": "a", "folder": "04-package/a", "modelfile_problem": "it <counts> turns",
                                      "files": [{"name": "a-Q4_K_M.gguf", "bytes": 812_345_678, "sha256": "f" * 64}]})
    return run


def _page(**query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def _metric(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


def test_without_a_finished_evaluation_the_page_says_so_and_leads_to_the_training(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[str] = []
    monkeypatch.setattr(parts, "page_link", links.append)
    _write_run(runs_dir, "unfinished", evaluated=False)
    assert "No run has finished" in _page().caption[-1].value and links == ["train"]


def test_the_page_shows_before_and_after_with_won_and_lost(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    page = _page()
    assert _metric(page) == {"Score before": "0.333", "Score after": "0.667", "Won": "2", "Lost": "1"}
    table = page.dataframe[0].value
    f1 = table[(table["Field"] == "Targets") & (table["Figure"] == "F1")].iloc[0]
    assert f1["Untuned"].startswith("0.500 (") and f1["Tuned"].startswith("0.667 (")
    assert "made-v0001" in page.text[0].value
    assert "3 of the 9 rows" in " ".join(c.value for c in page.caption)


def test_quantized_files_are_shown_with_what_is_really_in_them(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    row = _page().dataframe[1].value.iloc[0]
    assert (row["Type"], row["Size"], row["KL, mean"], row["Same answers"]) == ("Q4_K_M", "812.3 MB", "1.23e-03", "3 / 4")
    assert row["Stored as"] == "Q4_K × 10, Q8_0 × 2" and row["Tensors that fell back"] == 2


def test_answers_are_shown_as_code_and_never_as_markdown(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    page = _page()
    assert EVIL in [block.value for block in page.code]
    assert not any("evil.example" in element.value for element in [*page.markdown, *page.caption, *page.warning])
    page.segmented_control(key="report_kind").set_value("lost").run()
    assert {"ok", "bad"} <= {block.value for block in page.code}


def test_the_bundle_is_named_with_sizes_sums_and_what_is_missing(runs_dir: Path) -> None:
    run = _write_run(runs_dir, "one")
    page = _page()
    assert str(run / "04-package" / "a") in [block.value for block in page.code]
    assert page.dataframe[2].value.iloc[0]["SHA-256"] == "f" * 64
    assert "\\<counts\\>" in page.warning[0].value


def test_a_run_without_files_shows_its_evaluation(runs_dir: Path) -> None:
    _write_run(runs_dir, "one", files=False)
    page = _page()
    assert len(page.dataframe) == 1
    assert "This run has packed no bundle." in [c.value for c in page.caption]


def test_the_link_from_the_train_page_chooses_the_run_and_a_wrong_name_does_not_break_it(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    _write_run(runs_dir, "two", files=False)
    assert _page(run="one").selectbox(key="report_run").value == "one"
    assert _page(run="../../etc").selectbox(key="report_run").value == "two"


def test_the_page_speaks_chinese(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["_lang"] = "zh"
    page.run()
    assert not page.exception
    assert _metric(page)["变好"] == "2"
    assert "间接调用" in [h.value for h in page.subheader]


def test_an_annotator_sees_no_report(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.model import Actor
    from ui import session

    _write_run(runs_dir, "one")
    monkeypatch.setattr(session, "actor_of", lambda *_: Actor(name="wang", role="annotator"))
    page = _page()
    assert not page.dataframe and "Only a lead" in page.info[0].value


def test_the_page_loads_no_torch(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({PAGE!r}, default_timeout=60).run()\n"
        "assert not page.exception and page.metric\n"
        "print(sorted({'torch', 'transformers', 'trl', 'peft'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
