"""training/recipes/package.py: the bundle that leaves the house."""
from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from curation.errors import BadConfig
from tests.training.stage_fixture import complete, context
from training import chat_template, data, gguf, models, report
from training.recipes import package

pytestmark = pytest.mark.line


@pytest.fixture(scope="session")
def packaged(line: Path, quantized: dict[str, Any], evaluated: dict[str, Any]) -> dict[str, Any]:
    result = package.run(context(line, "package", package.Settings(types=["Q4_K_M", "Q8_0"])))
    complete(line / "03-package", result)
    return result


def _bundle(line: Path) -> Path:
    return line / "03-package" / "flowsight"


def test_the_bundle_holds_what_it_lists(line: Path, packaged: dict[str, Any]) -> None:
    folder = line / packaged["folder"]
    assert folder == _bundle(line)
    assert {f["name"] for f in packaged["files"]} == {f.name for f in folder.iterdir()} == {
        "flowsight-Q4_K_M.gguf", "flowsight-Q4_K_M.gguf.sha256", "flowsight-Q8_0.gguf", "flowsight-Q8_0.gguf.sha256",
        "Modelfile", "README.md", "report.csv", "report.md", "version.json"}
    for file in packaged["files"]:
        raw = (folder / file["name"]).read_bytes()
        assert (len(raw), hashlib.sha256(raw).hexdigest()) == (file["bytes"], file["sha256"])
    lists = [f.name for f in folder.glob("*.sha256")]
    subprocess.run(["sha256sum", "--check", "--strict", *lists], cwd=folder, check=True, capture_output=True)


def test_the_modelfile_says_the_template_the_model_was_trained_on(line: Path, packaged: dict[str, Any],
                                                                  llama: Any) -> None:
    text = (_bundle(line) / "Modelfile").read_text(encoding="utf-8")
    assert text.startswith("FROM ./flowsight-Q4_K_M.gguf\n") and 'PARAMETER stop "<|im_end|>"' in text and "num_ctx 512" in text
    tokenizer = models.load_tokenizer(line / "tuned")
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "test")
    written = [chat_template.render_go(chat_template.template_in(text), row["prompt"]) for row in rows]
    assert written == [data.prompt_text(tokenizer, row["prompt"]) for row in rows]
    ids = gguf.tokenize(llama, _bundle(line) / "flowsight-Q4_K_M.gguf", written)
    trained = [data.encode(tokenizer, row["prompt"], row["completion"]).input_ids for row in rows]
    assert ids == [whole[: len(one)] for whole, one in zip(trained, ids, strict=True)]


def test_the_version_file_leads_back_to_data_run_and_figures(line: Path, packaged: dict[str, Any],
                                                             evaluated: dict[str, Any]) -> None:
    about = json.loads((_bundle(line) / "version.json").read_text(encoding="utf-8"))
    assert about["dataset"]["hash"] == data.open_dataset(line / "dataset").hash
    assert about["run"] == "run" and about["license"] is None
    assert about["figures"]["function_pointer"]["tuned"]["score"] == evaluated["tasks"]["function_pointer"]["figures"]["tuned"]["score"]
    assert [f["file"] for f in about["files"]] == ["flowsight-Q4_K_M.gguf", "flowsight-Q8_0.gguf"]
    assert str(line) not in (_bundle(line) / "version.json").read_text(encoding="utf-8")


def test_the_report_in_the_bundle_has_the_quantized_files(line: Path, packaged: dict[str, Any]) -> None:
    text = (_bundle(line) / "report.md").read_text(encoding="utf-8")
    assert "made-v0001" in text and "## Quantized files" in text and "| Q4_0 | " in text
    assert "quantized,,Q4_K_M," in (_bundle(line) / "report.csv").read_text(encoding="utf-8")
    found = report.read(line)
    assert found["bundle"]["folder"] == str(_bundle(line)) and found["quantized"]["files"][0]["type"] == "F16"


def test_packaging_again_gives_the_same_bundle(line: Path, packaged: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(line, run)
    (run / "03-package" / "flowsight" / "left over").write_text("x")
    again = package.run(context(run, "package", package.Settings(types=["Q4_K_M", "Q8_0"])))
    moving = {"version.json"}  # holds the time
    assert [f for f in again["files"] if f["name"] not in moving] == [f for f in packaged["files"] if f["name"] not in moving]


def test_a_template_ollama_cannot_say_leaves_the_modelfile_out_and_says_why(line: Path, packaged: dict[str, Any],
                                                                            tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(line, run)
    counting = "{% for m in messages %}{{ loop.index }}{{ m['content'] }}{% endfor %}"
    (run / "tuned" / "chat_template.jinja").write_text(counting, encoding="utf-8")
    result = package.run(context(run, "package", package.Settings()))
    assert "Modelfile" not in {f["name"] for f in result["files"]}
    assert result["modelfile_problem"] in (run / result["folder"] / "README.md").read_text(encoding="utf-8")


def test_a_type_that_was_not_made_is_refused_and_the_next_stands_in_for_the_preferred(quantized: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="Q2_K was not made"):
        package.chosen_files(quantized, ["Q4_K_M", "Q2_K"], {})
    assert [f["type"] for f in package.chosen_files(quantized, None, {})] == ["Q4_K_M"]
    others = {"files": [f for f in quantized["files"] if f["type"] != "Q4_K_M"]}
    assert [f["type"] for f in package.chosen_files(others, None, {})] == ["Q5_K_M"]


def test_a_type_that_failed_its_gate_is_left_out_and_the_best_named_one_that_passed_is_taken(quantized: dict[str, Any]) -> None:
    passed = {"Q4_K_M": False, "Q5_K_M": False, "Q8_0": True, "Q4_0": True}
    assert [f["type"] for f in package.chosen_files(quantized, None, passed)] == ["Q8_0"]
    assert [f["type"] for f in package.chosen_files(quantized, ["Q4_K_M", "Q4_0"], passed)] == ["Q4_0"]
    assert package.chosen_files(quantized, ["Q4_K_M"], passed) == []


def _judged(line: Path, run: Path, **changes: Any) -> Path:
    """A copy of the run with another verdict; without one where it is None."""
    shutil.copytree(line, run)
    shutil.rmtree(run / "03-package", ignore_errors=True)
    path = run / "01-evaluate" / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    return run


FAILED = {"name": "gain", "subject": None, "passed": False, "value": 0.1, "limit": 0.2,
          "reason": {"reason": "gate_too_few", "text": "only {groups} groups", "params": {"groups": 3}}}


def test_a_refused_model_gets_no_bundle_unless_a_lead_says_why(line: Path, packaged: dict[str, Any], tmp_path: Path) -> None:
    run = _judged(line, tmp_path / "run", verdict={"ship": False, "gates": [FAILED], "types": {}})
    refused = package.run(context(run, "package", package.Settings()))
    assert refused["refused"] == [FAILED] and refused["folder"] is None and not list((run / "03-package").iterdir())
    complete(run / "03-package", refused)
    assert report.read(run)["bundle"] is None and report.read(run)["refused"] == [FAILED]

    shipped = package.run(context(run, "package", package.Settings(override="the customer asked for a look")))
    about = json.loads((run / shipped["folder"] / "version.json").read_text(encoding="utf-8"))
    assert about["override"] == "the customer asked for a look" and about["refused"] == [FAILED]
    assert "Do not ship" in (run / shipped["folder"] / "report.md").read_text(encoding="utf-8")


def test_a_model_that_passes_needs_no_override_and_keeps_none(packaged: dict[str, Any], line: Path) -> None:
    about = json.loads((_bundle(line) / "version.json").read_text(encoding="utf-8"))
    assert packaged["refused"] == [] and about["override"] is None and about["refused"] == []


@pytest.mark.parametrize("verdict", [None, "no report"])
def test_a_model_that_nobody_judged_gets_no_bundle(line: Path, packaged: dict[str, Any], tmp_path: Path, verdict: str | None) -> None:
    run = _judged(line, tmp_path / "run", verdict=None)  # as a report of format 1 has it
    if verdict == "no report":
        shutil.rmtree(run / "01-evaluate")
    assert [g["name"] for g in package.run(context(run, "package", package.Settings()))["refused"]] == ["evaluated"]
