"""training/baselines.py: answers by rules of thumb, by hand on few rows."""
from __future__ import annotations

import json
from typing import Any

from training.baselines import answers, majority, nearest

METRICS: dict[str, Any] = {"timing": {"context": {"metric": "accuracy"}, "fields": {"metric": "set"}}}


def _row(name: str, prompt: str, answer: dict[str, Any] | None, task: str = "timing", **meta: Any) -> dict[str, Any]:
    text = json.dumps(answer) if answer is not None else ""
    return {"id": name, "task": task, "lang": "en", "origin": "site", "group": name, "prompt": [{"role": "user", "content": prompt}],
            "completion": [{"role": "assistant", "content": text}], "answer": text, "source": "s", "file": "f.c", "line": 1,
            "meta": json.dumps(meta)}


TRAIN = [
    _row("a", "Where? request_irq(irq, handler, 0);", {"context": "hardirq", "fields": ["x"]}),
    _row("b", "Where? INIT_WORK(work, function);", {"context": "process", "fields": []}),
    _row("c", "Where? queue_work(queue, work);", {"context": "process", "fields": []}),
    _row("d", "Where? free text", None),
    _row("e", "Where? timer_setup(timer, function, 0);", {"context": "softirq", "fields": ["y"]}),
]


def test_the_majority_is_that_of_each_field() -> None:
    assert majority(TRAIN, METRICS)(TRAIN[0]) == '{"context":"process","fields":[]}'
    assert majority(TRAIN[:2], METRICS)(TRAIN[0]) == '{"context":"hardirq","fields":["x"]}'  # a tie: the first by its text
    assert majority(TRAIN, METRICS)(_row("z", "?", None, task="other")) is None


def test_the_nearest_row_is_that_with_the_most_of_the_same_code() -> None:
    learned = [row for row in TRAIN if row["answer"]]
    answer = nearest(learned)
    assert answer(_row("z", "Where? request_irq(irq, other, 0);", None)) == TRAIN[0]["answer"]
    assert answer(_row("z", "Where? timer_setup(t2, function, 0);", None)) == TRAIN[4]["answer"]
    assert answer(_row("z", "nothing alike", None)) == TRAIN[0]["answer"]  # the first
    assert answer(_row("z", "?", None, task="other")) is None


def test_chinese_prompts_are_compared_character_by_character() -> None:
    rows = [_row("a", "回调在中断上下文运行", {"context": "hardirq"}), _row("b", "回调由工作队列执行", {"context": "process"})]
    assert nearest(rows)(_row("z", "它由工作队列调用", None)) == rows[1]["answer"]


def test_baselines_are_scored_as_a_models_answers_are() -> None:
    test = [_row("t", "Where? INIT_WORK(work, function);", {"context": "process", "fields": []}),
            _row("u", "Where? request_irq(irq, handler, 0);", {"context": "hardirq", "fields": ["x"]},
                 first_candidate={"context": "hardirq", "fields": []}), _row("v", "free text", None)]
    found = answers(TRAIN, test, METRICS)
    assert {name: (of["reads_code"], of["skipped"], len(of["rows"] or [])) for name, of in found.items()} == {
        "majority": (False, None, 2), "nearest": (False, None, 2), "first_candidate": (True, None, 1)}
    assert [row["scores"]["context"]["score"] for row in found["majority"]["rows"]] == [1, 0]
    assert [row["scores"]["fields"]["score"] for row in found["nearest"]["rows"]] == [1, 1]
    assert found["first_candidate"]["rows"][0]["scores"]["fields"]["score"] == 0


def test_without_anything_to_go_by_a_baseline_says_why_it_is_left_out() -> None:
    found = answers([], [_row("t", "?", {"context": "process"})], METRICS)
    assert {name: of["skipped"] for name, of in found.items()} == {
        "majority": "no_train_rows", "nearest": "no_train_rows", "first_candidate": "no_first_candidate"}


def test_damaged_meta_is_no_candidate() -> None:
    row = {**_row("t", "?", {"context": "process"}), "meta": "[" * 100_000}
    assert answers(TRAIN, [row], METRICS)["first_candidate"]["skipped"] == "no_first_candidate"
