"""The report screen: what a run's directory holds, shown as it is."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE_S
from tests.training.report_fixture import EVIL, write_reported_run
from tests.training.stage_fixture import complete
from training import gates, runs
from ui import parts

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = str(ROOT / "pages" / "report.py")
@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home" / "runs"


def _write_run(runs_dir: Path, name: str, **how: Any) -> Path:
    """A finished evaluation, with quantized files measured and a bundle."""
    run = write_reported_run(runs_dir, name, **how)
    file = {"type": "Q4_K_M", "file": "03-quantize/a.gguf", "bytes": 812_345_678, "tensors": {"Q4_K": 10, "Q8_0": 2},
            "fallbacks": [{"name": "t", "type": "Q8_0", "row": 5504}] * 2, "kl_mean": 0.00123, "kl_max": 0.5, "same_best": 0.987,
            "positions": 100, "prompts": 4, "same_answers": 3, "bytes_by_type": {}, "answers": []}
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "stages": ["prepare", "merge", "evaluate", "quantize", "package"]}))
    complete(run / "03-quantize", {"name": "a", "files": [file], "positions": 100, "prompts": 4})
    complete(run / "04-package", {"name": "a", "folder": "04-package/a", "modelfile_problem": "it <counts> turns",
                                  "files": [{"name": "a-Q4_K_M.gguf", "bytes": 812_345_678, "sha256": "f" * 64}]})
    return run


def _older(run: Path) -> None:
    """Makes the report one of format 1."""
    path = run / "02-evaluate" / "report.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({"format": 1, "seed": 1, "models": {"base": "b", "tuned": "t"}, "examples": [],
                                **{name: kept[name] for name in ("rows", "test_rows", "tasks")}}))


def _page(lang: str = "en", **query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=PATIENCE_S)
    page.session_state["_lang"] = lang
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def _metric(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


def _tables(page: AppTest, column: str) -> list[Any]:
    return [table.value for table in page.dataframe if column in table.value.columns]


def test_without_a_finished_evaluation_the_page_says_so_and_leads_to_the_training(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[str] = []
    monkeypatch.setattr(parts, "page_link", links.append)
    run = _write_run(runs_dir, "unfinished")
    (run / "02-evaluate" / "COMPLETE").unlink()
    assert "No run has finished" in _page().caption[-1].value and links == ["train"]


def test_the_verdict_comes_first_and_names_the_gates_that_refuse(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    page = _page()
    told = page.error[0].value if page.error else page.success[0].value
    assert ("Do not ship" in told) == bool(page.error) and "95 % interval" in told
    gates = _tables(page, "Gate")[0]
    assert {"Gain", "Answers can be parsed"} <= set(gates["Gate"]) and set(gates["Passed"]) <= {"✓", "✗", "–"}
    assert (gates["Passed"] == "✗").any() and all(row["Reason"] for _, row in gates[gates["Passed"] == "✗"].iterrows())
    assert set(_metric(page)) >= {"Score before", "Score after", "Won : lost"}


def test_a_lead_overrides_a_refusal_with_a_written_reason_alone(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(runs, "extend", lambda *args: asked.append(args), raising=False)
    monkeypatch.setattr(parts, "DWELL_S", 0.0)
    run = _write_run(runs_dir, "one", limits=gates.Gates(min_gain=0.99))
    page = _page()
    assert page.button(key="report_override_do").disabled
    page.text_area(key="report_override_reason").set_value("The demo needs it today.").run()
    page.button(key="report_override_do").click().run()
    assert not page.exception
    assert asked == [(run, ["package"], {"package.override": "local: The demo needs it today."})]


def test_quantized_files_are_shown_with_what_is_really_in_them(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    row = _tables(_page(), "KL, mean")[0].iloc[0]
    assert (row["Type"], row["Size"], row["KL, mean"], row["Same answers"]) == ("Q4_K_M", "812.3 MB", "1.23e-03", "3 / 4")
    assert row["Stored as"] == "Q4_K × 10, Q8_0 × 2" and row["Tensors that fell back"] == 2


def test_answers_are_shown_as_code_and_never_as_markdown(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    page = _page()
    assert EVIL in [block.value for block in page.code]
    assert not any("evil.example" in element.value for element in [*page.markdown, *page.caption, *page.warning, *page.text])


def test_answers_are_found_by_result_and_failure_and_lead_back_to_labeling(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    page = _page()
    count = len(page.selectbox(key="sample_id").options)
    page.selectbox(key="sample_result").set_value("wrong").run()
    wrong = page.selectbox(key="sample_id").options
    assert 0 < len(wrong) < count
    page.selectbox(key="sample_failure").set_value("hallucinated").run()
    assert not page.exception and any("invented_name" in block.value for block in page.code)
    assert any(block.language == "diff" and "+" in block.value for block in page.code)
    links = [element.proto.url for element in page.get("link_button")]
    assert "/label?item=item000" in links


def test_the_bundle_is_named_with_sizes_sums_and_what_is_missing(runs_dir: Path) -> None:
    run = _write_run(runs_dir, "one")
    page = _page()
    assert str(run / "04-package" / "a") in [block.value for block in page.code]
    assert _tables(page, "SHA-256")[0].iloc[0]["SHA-256"] == "f" * 64
    assert any("\\<counts\\>" in warning.value for warning in page.warning)


def test_a_report_of_an_older_version_is_shown_and_said_to_be_one(runs_dir: Path) -> None:
    _older(_write_run(runs_dir, "one"))
    page = _page()
    assert "older version" in page.info[0].value and _tables(page, "Figure")


def test_any_runs_are_compared_by_settings_and_figures(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    other = _write_run(runs_dir, "two")
    (other / "config.yaml").write_text("preset: tiny\nsft:\n  learning_rate: 0.01\n")
    page = _page(run="one")
    page.segmented_control(key="report_mode").set_value("compare").run()
    assert not page.exception and not page.info
    (settings,) = _tables(page, "Setting")
    assert settings.iloc[0].to_dict() == {"Setting": "sft.learning_rate", "one": "–", "two": "0.01"}
    assert {"one", "two"} == set(page.dataframe[0].value.columns)


def test_the_link_from_the_train_page_chooses_the_run_and_a_wrong_name_does_not_break_it(runs_dir: Path) -> None:
    _write_run(runs_dir, "one")
    _write_run(runs_dir, "two")
    assert _page(run="one").selectbox(key="report_run").value == "one"
    assert _page(run="../../etc").selectbox(key="report_run").value == "two"


def test_the_page_speaks_chinese(runs_dir: Path) -> None:
    _write_run(runs_dir, "one", limits=gates.Gates(min_gain=0.99))
    page = _page("zh")
    assert "不可交付" in page.error[0].value
    refused = _tables(page, "关卡")[0]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in row["原因"]) for _, row in refused[refused["通过"] == "✗"].iterrows())


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
        f"page = AppTest.from_file({PAGE!r}, default_timeout={PATIENCE_S}).run()\n"
        "assert not page.exception and page.metric\n"
        "print(sorted({'torch', 'transformers', 'trl', 'peft'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
