"""The freeze screen: what is chosen, what the preview says, and that one press makes one version."""
from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import PROJECT
from curation.freezing.freeze import verify
from curation.store import frozen
from tests.curation.freezing.test_freeze import Workspace
from tests.patience import PATIENCE_S
from ui import parts

PAGE = str(PROJECT / "pages" / "freeze.py")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(parts, "DWELL_S", 0.0)
    return Workspace(tmp_path / "home", pairs=12, preferences=6)


def page() -> AppTest:
    at = AppTest.from_file(PAGE, default_timeout=PATIENCE_S).run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(e.value for kind in (at.success, at.warning, at.info, at.caption, at.error) for e in kind).replace("\\", "")


def test_preview_then_freeze_writes_one_verified_version(work):
    at = page()
    assert not [b for b in at.button if b.key == "freeze_now"]
    at.number_input(key="freeze_seed").set_value(5)
    at.button(key="freeze_preview").click().run()
    assert "18 rows in 18 groups" in texts(at)
    at.button(key="freeze_now").click().run()
    assert not at.exception
    (version,) = frozen.all_versions(work.store)
    about = verify(work.settings.datasets_dir / "flow" / "v0001")
    assert version.hash == about["hash"] and about["seed"] == 5 and version.hash in texts(at)
    assert not [b for b in at.button if b.key == "freeze_now"]
    at.button(key="freeze_verify").click().run()
    assert "byte for byte" in texts(at)


def test_a_touched_version_is_told(work):
    path = work.freeze().path
    (path / "README.md").write_text("touched")
    at = page()
    at.button(key="freeze_verify").click().run()
    assert "byte for byte" not in texts(at) and "README.md was changed" in at.session_state[parts._ERRORS][0]


def test_a_change_after_the_preview_must_be_previewed_again(work):
    at = page()
    at.button(key="freeze_preview").click().run()
    at.multiselect(key="freeze_tasks").set_value(["preference"]).run()
    assert at.button(key="freeze_now").disabled
    at.button(key="freeze_preview").click().run()
    assert not at.button(key="freeze_now").disabled and "6 rows in 6 groups" in texts(at)


def test_nothing_to_freeze_is_said_before_the_button(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path))
    at = page()
    at.button(key="freeze_preview").click().run()
    assert at.button(key="freeze_now").disabled and "Nothing can be frozen yet" in texts(at)


def test_a_wrong_name_is_told(work):
    at = page()
    at.text_input(key="freeze_name").input("../up")
    at.button(key="freeze_preview").click().run()
    assert "../up" in at.session_state[parts._ERRORS][0] and frozen.all_versions(work.store) == []


def test_the_screen_speaks_chinese(work, monkeypatch):
    monkeypatch.setenv("FLOWSIGHT_LANG", "zh")
    at = page()
    assert at.header[0].value == "冻结数据集" and at.button(key="freeze_preview").label == "预览"


def test_with_a_models_tokenizer_the_preview_tells_the_lengths_and_the_manifest_what_was_chosen(work):
    from tokenizers import Tokenizer, models

    home = work.settings.models_dir / "small"
    home.mkdir(parents=True)
    Tokenizer(models.WordLevel({"?": 0}, unk_token="?")).save(str(home / "tokenizer.json"))
    at = page()
    at.selectbox(key="freeze_tokenizer").set_value("small")
    at.radio(key="freeze_completion").set_value("answer")
    at.number_input(key="freeze_excerpt_tokens").set_value(300)
    at.button(key="freeze_preview").click().run()
    assert not at.exception and "40 tokens are kept free" in texts(at)
    assert any("max_length" in frame.value.columns for frame in at.dataframe)
    at.button(key="freeze_now").click().run()
    options = verify(work.settings.datasets_dir / "flow" / "v0001")["options"]
    assert (options["completion"], options["excerpt_tokens"], options["class_share"]) == ("answer", 300, 0.5)
    assert options["tokenizer"].startswith("sha256:")
