"""Where the workspace is, what flowsight.toml and the environment say of it, and what wrong values are answered with."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation import PROJECT
from curation.errors import BadConfig
from curation.settings import load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("FLOWSIGHT_"):
            monkeypatch.delenv(name)


def test_without_a_word_the_workspace_lies_beside_the_code_and_datasets_in_the_project() -> None:
    settings = load_settings()
    assert settings.home == PROJECT / "workspace"
    assert settings.datasets_dir == PROJECT / "datasets"
    assert settings.store_url.startswith("sqlite:///")


def test_the_environment_moves_the_whole_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.home, settings.datasets_dir, settings.runs_dir) == (tmp_path, tmp_path / "datasets", tmp_path / "runs")
    assert not list(tmp_path.iterdir()), "asking for settings writes nothing"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flowsight.toml").write_text('lang = "zh"\n[llm]\nmodel = "of the file"\ntimeout_s = 5.0\n', encoding="utf-8")
    assert (load_settings(tmp_path).lang, load_settings(tmp_path).llm.model) == ("zh", "of the file")
    monkeypatch.setenv("FLOWSIGHT_LLM_MODEL", "of the environment")
    monkeypatch.setenv("FLOWSIGHT_LANG", "en")
    settings = load_settings(tmp_path)
    assert (settings.lang, settings.llm.model, settings.llm.timeout_s) == ("en", "of the environment", 5.0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('langg = "zh"', "langg"),
        ('lang = "fr"', "lang"),
        ("max_file_bytes = 0", "max_file_bytes"),
        ('llm = "gpt"', "llm"),
        ("lang = ", "TOML"),
    ],
)
def test_a_wrong_value_is_named_with_the_file(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "flowsight.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadConfig, match="flowsight.toml") as err:
        load_settings(tmp_path)
    assert named in str(err.value)


def test_a_key_of_the_endpoint_is_refused_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "flowsight.toml").write_text('[llm]\nkey = "secret"\n', encoding="utf-8")
    with pytest.raises(BadConfig) as err:
        load_settings(tmp_path)
    assert "llm.key" in str(err.value) and "secret" not in str(err.value)
