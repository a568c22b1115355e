"""One schema for YAML, command line and form: defaults, faults told all at once, presets, round trip."""
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import BadConfig, NotFound
from training import config
from training.stage import recipes

SMALL = {"teacher": {"path": "some/model"}, "stages": ["sft", "merge"]}


@pytest.mark.parametrize("name", sorted(config.presets()))
def test_every_preset_is_valid_and_says_where_it_came_from(name: str) -> None:
    loaded = config.load(name)
    assert loaded.preset == name
    assert set(loaded.stages) <= set(recipes())


def test_the_presets_are_those_that_are_promised() -> None:
    assert {"tiny", "deepseek-coder-6.7b", "deepseek-coder-1.3b", "qwen2.5-coder-7b", "qwen2.5-coder-1.5b"} <= set(config.presets())


def test_the_tiny_preset_goes_through_every_stage_without_a_gpu() -> None:
    loaded = config.load("tiny")
    assert loaded.stages == config.STAGES
    assert loaded.device == "cpu" and loaded.teacher.random and loaded.student and loaded.student.random
    assert config.settings_of(loaded, "sft").method == "qlora"


def test_all_faults_are_told_at_once_with_path_and_nearest_key() -> None:
    values = {**SMALL, "sft": {"lerning_rate": 1, "batch_size": 0, "adapter": {"rnk": 4}}, "sed": 3, "device": "gpu"}
    with pytest.raises(BadConfig) as error:
        config.load(values)
    told = error.value.params["problems"]
    assert "sft.lerning_rate: there is no such key. Did you mean learning_rate?" in told
    assert "sft.adapter.rnk: there is no such key. Did you mean rank?" in told
    assert "sed: there is no such key. Did you mean seed?" in told
    assert "sft.batch_size" in told and "given: 0" in told
    assert "device" in told and "'cpu'" in told
    assert len(told.splitlines()) == 5


def test_an_unknown_key_that_is_near_none_is_told_with_those_there_are() -> None:
    with pytest.raises(BadConfig, match="There are: .*alpha"):
        config.load({**SMALL, "sft": {"adapter": {"zzz": 1}}})


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        (["package"], "package needs quantize before it"),
        (["merge", "sft", "quantize"], "quantize needs merge between it and sft"),
        (["sft", "sft"], "sft stands there twice"),
        (["sft", "mrge"], "did you mean merge"),
        (["prepare"], "there is no stage 'prepare'"),
        (["sft", "distill"], "distill needs a `student`"),
    ],
)
def test_stages_that_cannot_work_are_refused(stages: list[str], told: str) -> None:
    with pytest.raises(BadConfig, match=told):
        config.load({**SMALL, "stages": stages})


def test_without_a_student_the_default_stages_are_refused_too() -> None:
    with pytest.raises(BadConfig, match="distill needs a `student`"):
        config.load({"teacher": {"path": "some/model"}})


@pytest.mark.parametrize("model", [{}, {"path": "a/b", "random": {}}, {"random": {"hidden_size": 300}}, {"random": {"heads": 3}}])
def test_a_model_is_a_path_or_random_with_widths_that_quantize(model: dict) -> None:
    with pytest.raises(BadConfig, match="teacher"):
        config.load({**SMALL, "teacher": model})


def test_overrides_go_over_the_file_by_dotted_path() -> None:
    loaded = config.load("tiny", {"sft.adapter.rank": 4, "seed": 99})
    assert config.settings_of(loaded, "sft").adapter.rank == 4
    assert loaded.seed == 99


def test_a_fault_that_an_override_brought_in_is_not_told_of_the_file_alone() -> None:
    with pytest.raises(BadConfig, match=r"tiny\.yaml \+ model\.path is not a valid"):
        config.load("tiny", {"model.path": "/m"})


def test_a_model_of_ones_own_takes_the_place_of_the_random_one() -> None:
    loaded = config.load("tiny", {"teacher.path": "models/mine"})
    assert (loaded.teacher.path, loaded.teacher.random) == ("models/mine", None)
    assert loaded.student is not None and loaded.student.random is not None


def test_an_override_through_a_value_is_refused() -> None:
    with pytest.raises(BadConfig, match="seed is no section"):
        config.load("tiny", {"seed.deep": 1})


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1), rate=st.floats(1e-9, 1.0), method=st.sampled_from(["full", "lora", "qlora"]),
    threads=st.none() | st.integers(1, 64),
)
def test_what_is_written_reads_back_equal(
    seed: int, rate: float, method: str, threads: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    loaded = config.load(SMALL, {"seed": seed, "sft.learning_rate": rate, "sft.method": method, "threads": threads})
    file = tmp_path_factory.mktemp("config") / "c.yaml"
    file.write_text(config.dump(loaded), encoding="utf-8")
    assert config.load(file) == loaded


@pytest.mark.parametrize(
    ("text", "told"),
    [("teacher: [", "not YAML"), ("seed: 1\nseed: 2\n", "'seed' stands there twice"), ("- a\n", "holds no keys"), ("", "holds no keys")],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(BadConfig, match=told):
        config.load(tmp_path / "c.yaml")


def test_no_such_preset_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="tiny"):
        config.load("tinny")


def test_numbers_written_as_1e_4_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("teacher: {path: a/b}\nstages: [sft]\nsft: {learning_rate: 1e-4}\n")
    assert config.settings_of(config.load(tmp_path / "c.yaml"), "sft").learning_rate == 1e-4


@pytest.mark.parametrize("name", sorted(recipes()))
def test_every_recipe_keeps_the_contract(name: str) -> None:
    recipe = recipes()[name]
    assert recipe.NAME == recipe.__name__.rpartition(".")[2] == name
    assert recipe.__doc__ and ">>>" in recipe.__doc__
    assert recipe.Settings.model_config["extra"] == "forbid"
    recipe.Settings()
    assert callable(recipe.run)
    assert set(recipe.NEEDS) <= set(recipes())
