"""One contract over every entry of every registry: whoever adds a file is told here what else it needs."""
from __future__ import annotations

import ast
import json
import tomllib
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from curation.csource import Program
from curation.filters import all_filters
from curation.formats import all_formats
from curation.model import Item, Proposal, TrainingRow
from curation.pairs import seeds
from curation.sourcing.indexing import index_folder
from curation.sourcing.propose import item_of, propose_folder
from curation.tasks import all_tasks, site_tasks
from training.config import presets
from training.launchers import launchers
from training.stage import recipes

ROOT = Path(__file__).resolve().parent.parent
WORDS = {lang: tomllib.loads((ROOT / "ui" / "locales" / f"{lang}.toml").read_text(encoding="utf-8")) for lang in ("en", "zh")}
SITE_TASKS = [task.name for task in site_tasks()]


@cache
def _index() -> Program:
    return index_folder(ROOT / "datasets" / "demo" / "src").program


@cache
def _proposals(task: str) -> list[Proposal]:
    return list(propose_folder(ROOT / "datasets" / "demo" / "src", [task]))


def _item(proposal: Proposal) -> Item:
    return item_of(_index(), "demo", proposal)


def _word(lang: str, path: str) -> str | None:
    table = WORDS[lang]
    for key in path.split("."):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, str) else None


@pytest.mark.parametrize("name", all_tasks())
def test_a_task_has_words_in_both_languages_and_twenty_seeds(name: str) -> None:
    for lang in ("en", "zh"):
        assert _word(lang, f"task.{name}"), f"[task] {name} is missing in {lang}.toml"
    loaded = seeds.load(name)
    assert len(loaded) >= 20, f"datasets/seeds/{name}.jsonl has {len(loaded)} seeds"
    assert all(seed.instruction.get(lang) for seed in loaded for lang in ("en", "zh"))


@pytest.mark.parametrize("name", all_tasks())
def test_a_task_has_an_answer_model_that_refuses_unknown_fields(name: str) -> None:
    assert issubclass(all_tasks()[name].Answer, BaseModel)
    assert all_tasks()[name].Answer.model_config.get("extra") == "forbid"


@pytest.mark.parametrize("name", SITE_TASKS)
def test_a_site_task_has_a_goal_a_metric_and_proposes_on_the_demo_corpus(name: str) -> None:
    task = all_tasks()[name]
    assert task.goal and task.goal[0] <= task.goal[1]
    assert task.metrics(), "no field of the answer has a metric"
    found = _proposals(name)
    assert found, "nothing is proposed on the demo corpus"
    assert all(p.evidence or any(c.evidence for c in p.candidates) for p in found), "a proposal without evidence"


@pytest.mark.parametrize("name", SITE_TASKS)
def test_the_answer_of_every_proposal_fits_the_model_and_the_record_has_the_common_keys(name: str) -> None:
    task = all_tasks()[name]
    assert task.record is not None
    for proposal in _proposals(name):
        assert task.check(proposal.answer)
        assert {"task", "file", "line", "column", "function"} <= task.record(proposal).keys()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", SITE_TASKS)
def test_a_site_task_drafts_and_renders_in_both_languages_with_the_answer_first(name: str, lang: str) -> None:
    task = all_tasks()[name]
    assert task.draft is not None
    rendered = 0
    for proposal in _proposals(name):
        text = task.draft(proposal.answer, proposal, lang)
        assert text.strip()
        assert lang == "en" or any("\u4e00" <= ch <= "\u9fff" for ch in text), text
        row = task.render(_item(proposal), proposal.answer, None, lang)
        if row is None:
            continue
        rendered += 1
        assert isinstance(row, TrainingRow) and row.lang == lang
        first, blank, *_ = row.completion[-1].content.split("\n")
        assert json.loads(first) == row.answer and blank == ""
        assert all(first not in message.content for message in row.prompt), "the answer stands in the prompt"
    assert rendered


def test_drafts_differ_between_the_languages() -> None:
    for name in SITE_TASKS:
        draft = all_tasks()[name].draft
        assert draft is not None
        first = _proposals(name)[0]
        assert draft(first.answer, first, "en") != draft(first.answer, first, "zh")


@pytest.mark.parametrize("name", all_filters())
def test_a_filter_has_its_sentence_in_both_languages_and_a_test(name: str) -> None:
    for lang in ("en", "zh"):
        assert _word(lang, f"filter.{name}"), f"[filter] {name} is missing in {lang}.toml"
    assert (ROOT / "curation" / "filters" / f"{name}.py").is_file()
    tests = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests" / "curation").rglob("*.py"))
    assert name in tests


@pytest.mark.parametrize("name", all_formats())
def test_a_format_is_recognized_and_gives_back_what_it_was_given(name: str) -> None:
    entry = all_formats()[name]
    payload = {
        "self_instruct": {"instruction": "Which function runs?", "input": "", "output": "`f` 运行。"},
        "preference": {"prompt": "Which?", "chosen": "`f`.", "rejected": "None."},
    }[entry.TASK]
    record = entry.write(payload)
    assert entry.sniff(record)
    assert entry.read(record) == [payload]
    assert all(_word(lang, f"rows.format_name.{name}") for lang in ("en", "zh"))


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_refuses_unknown_settings_and_has_its_words(name: str) -> None:
    recipe = recipes()[name]
    assert recipe.Settings.model_config.get("extra") == "forbid"
    assert callable(recipe.run)
    assert all(_word(lang, f"train.stage_name.{name}") for lang in ("en", "zh"))


@pytest.mark.parametrize("name", launchers())
def test_a_launcher_can_launch_and_end_a_worker(name: str) -> None:
    assert all(callable(getattr(launchers()[name], verb)) for verb in ("launch", "alive", "terminate", "kill"))


def test_there_are_the_presets_that_are_promised() -> None:
    assert {"tiny", "deepseek-coder-6.7b", "deepseek-coder-1.3b"} <= presets().keys()
    assert any(name.startswith("qwen2.5-coder") for name in presets())


def test_the_demo_corpus_is_read_without_a_problem() -> None:
    found = index_folder(ROOT / "datasets" / "demo" / "src")
    index, problems = found.program, found.problems
    assert [*problems, *index.problems()] == []


def test_a_site_task_is_named_nowhere_but_in_its_own_file() -> None:
    """One more task is one more file: whoever needs to know something of a task asks the task (anchor, row_field, subject, ...). Texts that
    a reader sees (docstrings, examples of --help) and styles of the viewer may name one. Pairs and preferences are kinds, which others
    know."""
    wrong = []
    for path in [*ROOT.glob("*.py"), *(path for room in ("curation", "training", "ui", "pages") for path in (ROOT / room).rglob("*.py"))]:
        here = path.relative_to(ROOT).as_posix()
        if here.startswith("curation/tasks/") or "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in SITE_TASKS:
                wrong.append(f"{here}:{node.lineno} names {node.value}")
    assert not wrong, wrong


@pytest.mark.parametrize("name", SITE_TASKS)
def test_a_site_task_says_what_it_is_about_and_its_row_field_is_one_of_its_answer(name: str) -> None:
    task = all_tasks()[name]
    assert task.subject and set(task.subject) == {"en", "zh"}
    assert task.row_field is None or task.row_field in task.Answer.model_fields
