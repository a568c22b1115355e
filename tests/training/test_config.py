"""One schema for YAML, command line and form: defaults, faults told all at once, presets, round trip."""
from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from curation.errors import BadConfig, NotFound
from training import config, fit, models
from training.gates import Gates
from training.stage import recipes

ROOT = Path(__file__).resolve().parent.parent.parent

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


@settings(max_examples=30)
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


GUIDE = """
model: {name: some/model, dtype: bf16, load_in_4bit: true}
training: {num_train_epochs: 3, lr: 1e-4, optim: adafactor, save_steps: 20, eval_steps: 5, max_steps: -1, output_dir: out}
lora: {r: 8, lora_alpha: 16, target_modules: "q_proj, v_proj", layers_to_transform: 10-12, bias: none}
data: {path: rows.jsonl, max_seq_length: 1024, system_prompt: Be brief.}
parallel: {num_gpus: 1, tensor_parallel: 1}
system: {threads: 2, seed: 5, report_to: none}
"""


def test_sections_named_as_in_other_tools_are_read_with_a_note_of_what_each_became(tmp_path: Path) -> None:
    (tmp_path / "guide.yaml").write_text(GUIDE)
    loaded, notes = config.load_with_notes(tmp_path / "guide.yaml")
    sft = config.settings_of(loaded, "sft")
    assert (loaded.teacher.path, loaded.dtype, loaded.seed, loaded.threads) == ("some/model", "bfloat16", 5, 2)
    assert loaded.system_prompt == "Be brief." and loaded.report_to == []
    assert (sft.method, sft.epochs, sft.learning_rate, sft.optimizer, sft.save_every, sft.eval_every, sft.max_steps, sft.max_length) == (
        "qlora", 3, 1e-4, "adafactor", 20, 5, None, 1024)
    assert (sft.adapter.rank, sft.adapter.target_modules, sft.adapter.layers_to_transform) == (8, ["q_proj", "v_proj"], [10, 11, 12])
    assert loaded.stages == ["sft", "dpo", "merge", "quantize", "evaluate", "package"]
    told = "\n".join(notes)
    assert "lora.r became sft.adapter.rank: 8" in told and "data.path: rows.jsonl (not a setting: it is given to the command)" in told
    assert len(notes) == 24
    assert config.load("tiny") == config.load_with_notes("tiny")[0] and config.load_with_notes("tiny")[1] == []


@pytest.mark.parametrize(("values", "told"), [
    ({"model": {"naem": "a/b"}}, "model.naem: there is no such key. Did you mean name?"),
    ({"parallel": {"num_gpus": 4}}, "parallel.num_gpus: one device is used; several come with a launcher"),
    ({"training": {"fp16": True}}, "training.fp16: float16 is not computed in here"),
    ({"model": {"trust_remote_code": True}}, "model.trust_remote_code: code that comes with a model is never run"),
    ({"lora": {"r": 8, "rank": 4}}, "lora.rank: sft.adapter.rank is given by lora.r too"),
    ({"lora": {"r": 8}, "sft": {"adapter": {"rank": 4}}}, "lora.r: sft.adapter.rank is given by"),
    ({"lora": {"r": 8}, "sft": 3}, "lora.r"),
    ({"data": ["rows.jsonl"]}, "data: this section holds keys"),
])
def test_what_cannot_be_read_of_such_sections_is_told(values: dict, told: str) -> None:
    with pytest.raises(BadConfig) as error:
        config.load({"teacher": {"path": "a/b"}, **values})
    assert told in error.value.params["problems"]


@pytest.mark.parametrize(("given", "read"), [
    ("10-12", [10, 11, 12]), ("0, 4-5", [0, 4, 5]), ([3, "7-8"], [3, 7, 8]), (2, [2]), ("", None), (None, None),
])
def test_layers_are_numbers_lists_or_ranges(given: object, read: list[int] | None) -> None:
    loaded = config.load({**SMALL, "sft": {"adapter": {"layers_to_transform": given}}})
    assert config.settings_of(loaded, "sft").adapter.layers_to_transform == read


@pytest.mark.parametrize(("section", "told"), [
    ({"adapter": {"layers_to_transform": "5-2"}}, "'5-2' is no layer"), ({"adapter": {"layers_to_transform": "a"}}, "'a' is no layer"),
    ({"adapter": {"layers_to_transform": [True]}}, "True is no layer"), ({"adapter": {"layers_to_transform": "0-99999"}}, "is no layer"),
    ({"scheduler": "cosine_with_min_lr"}, "needs min_lr / min_lr_rate in scheduler_options"),
    ({"scheduler": "warmup_stable_decay"}, "needs num_decay_steps"),
    ({"early_stopping_patience": 2, "eval_rows": 0}, "early_stopping_patience needs validation rows"),
    ({"scheduler": "reduce_lr_on_plateau", "eval_rows": 0}, "reduce_lr_on_plateau needs validation rows"),
    ({"save_limit": 1}, "sft.save_limit"),
])
def test_settings_that_cannot_work_together_are_refused(section: dict, told: str) -> None:
    with pytest.raises(BadConfig) as error:
        config.load({**SMALL, "sft": section})
    assert told in error.value.params["problems"]


MODELS = [fit.LoopSettings, fit.AdapterSettings, models.ModelChoice, Gates, config.Base, *(r.Settings for r in recipes().values())]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_every_setting_is_described_and_has_words_in_both_languages(model: type[BaseModel]) -> None:
    words = {lang: tomllib.loads((ROOT / "ui" / "locales" / f"{lang}.toml").read_text(encoding="utf-8")) for lang in ("en", "zh")}
    drawn_otherwise = {"teacher", "student", "preset", "stages", "adapter", "start", "gates", "random"}
    section = next((name for name, recipe in recipes().items() if recipe.Settings is model), "")
    for name, field in model.model_fields.items():
        if name in drawn_otherwise:
            continue
        assert field.description, name
        for lang in ("en", "zh"):
            for kind in ("setting", "setting_about"):
                there = words[lang][kind]
                tables = [there, *([there.get(section, {})] if section else [there.get(each, {}) for each in ("adapter", *recipes())])]
                assert any(isinstance(table.get(name), str) for table in tables), (name, lang, kind)
