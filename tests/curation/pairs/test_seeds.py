"""The shipped seeds are what the model is shown as right: they are checked one by one."""
import json
import re

import pytest

from curation.errors import BadRow, NotFound
from curation.filters import Context, all_filters
from curation.filters.cut_code import unpaired
from curation.pairs import seeds
from curation.tasks import all_tasks

SEEDS = [seed for topic in seeds.topics() for seed in seeds.load(topic)]
LANGS = ("en", "zh")


def named(seed):
    return seed.id


@pytest.mark.parametrize("task", [task.name for task in all_tasks().values()])
def test_every_task_has_at_least_twenty_seeds(task):
    assert len(seeds.load(task)) >= 20


def test_no_two_seeds_share_an_id_or_a_question():
    assert len({s.id for s in SEEDS}) == len(SEEDS)
    assert len({(s.instruction["en"], s.input) for s in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS, ids=named)
def test_a_seed_is_whole_in_both_languages_with_code_that_pairs_up(seed):
    assert seed.task == seed.id.rsplit("-", 1)[0] and set(seed.instruction) == set(LANGS)
    code = [line for line in seed.input.splitlines() if line.strip()]
    assert 8 <= len(code) <= 40 and unpaired(seed.input) is None
    if seed.task == "preference":
        assert seed.output is None
        return
    assert seed.output is not None and set(seed.output) == set(LANGS)
    for lang in LANGS:
        context = Context(lang=lang, topic=seed.task)
        assert [flag for check in all_filters().values() for flag in check(seed.pair(lang), context)] == []


@pytest.mark.parametrize("seed", [s for s in SEEDS if all_tasks()[s.task].kind == "site"], ids=named)
def test_a_site_seed_answers_the_same_in_both_languages_at_places_that_exist(seed):
    answers = {lang: json.loads(seed.output[lang].split("\n\n", 1)[0]) for lang in LANGS}
    for answer in answers.values():
        answer.pop("trigger", None)  # the one field that is said in words
    assert answers["en"] == answers["zh"]
    header, *lines = seed.input.splitlines()
    file = header.removeprefix("// file: ")
    assert all(seed.output[lang].split("\n\n", 1)[1].strip() for lang in LANGS)
    for target in answers["en"].get("targets", []):
        assert target["file"] == file and re.search(rf"\b{target['name']}\(", lines[target["line"] - 1])
    for step in answers["en"].get("phases", []):
        assert step["file"] == file and lines[step["line"] - 1].strip()


def test_a_line_that_is_no_seed_is_named(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "a", "task": "t", "instruction": {"en": "x", "zh": "y"}}\n{"id": 3}\n', encoding="utf-8")
    with pytest.raises(BadRow, match="bad.jsonl, line 2"):
        seeds.read(path)
    with pytest.raises(NotFound, match="knitting"):
        seeds.load("knitting")
