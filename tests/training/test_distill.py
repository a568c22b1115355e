"""A teacher that is asked once, before the loop: the same loss as beside the student, out of memory then, and asked again only where the
answers are not those of these rows and this teacher."""
from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.training.frozen_fixture import write_frozen  # noqa: E402
from tests.training.stage_fixture import complete, context  # noqa: E402
from training import data, encoded, losses, models, teacher_logits  # noqa: E402
from training.recipes import distill  # noqa: E402
from training.stage import StageContext, Stopped  # noqa: E402
from training.teacher_logits import Offline, Online  # noqa: E402

SIZE = models.RandomModel(layers=1, intermediate_size=256, heads=2, kv_heads=1, vocab_size=512, context=1024)
SETTINGS: dict[str, Any] = {
    "method": "full", "max_steps": 3, "batch_size": 2, "gradient_accumulation": 1, "learning_rate": 1e-3, "log_every": 1, "save_every": 10,
    "eval_rows": 2, "max_length": 1024, "alpha": 0.5,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory before `distill`, with two untuned models of one tokenizer."""
    run = tmp_path_factory.mktemp("distill")
    frozen = data.open_dataset(write_frozen(run / "dataset", rows=20, pairs=0))
    texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
    tokenizer = models.train_tokenizer(texts, SIZE.vocab_size)
    for name, seed in (("big", 1), ("small", 2)):
        models.make_random(run / name, SIZE, tokenizer, seed=seed)
    (run / "manifest.json").write_text(json.dumps({"stages": ["prepare", "distill"]}))
    complete(run / "00-prepare", {"teacher": "big", "student": "small"})
    return run


def _distilled(run: Path, into: Path, **settings: Any) -> tuple[dict[str, Any], list[float]]:
    events: list[dict[str, Any]] = []
    ctx = context(run, "distill", distill.Settings.model_validate({**SETTINGS, **settings}), events)
    ctx.stage_dir = into
    into.mkdir()
    result = distill.run(ctx)
    return result, [event["loss"] for event in events if "loss" in event]


def test_the_whole_vocabulary_asked_beforehand_teaches_as_the_teacher_in_memory(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the rounding of float16; and the teacher is gone before the student is loaded."""
    online, losses_online = _distilled(run, tmp_path / "online")
    assert online["teacher_logits"] is None and len(losses_online) == 3

    teachers: list[weakref.ref[Any]] = []
    load_teacher, load_student = distill.load_merged, distill.load_for_tuning

    def watched(*args: Any) -> Any:
        teachers.append(weakref.ref(model := load_teacher(*args)))
        return model

    def loaded(*args: Any) -> Any:
        assert len(teachers) == 1 and teachers[0]() is None
        return load_student(*args)

    monkeypatch.setattr(distill, "load_merged", watched)
    monkeypatch.setattr(distill, "load_for_tuning", loaded)
    offline, losses_offline = _distilled(run, tmp_path / "offline", teacher_logits="offline", top_k=1_000_000)
    assert losses_offline == pytest.approx(losses_online, rel=1e-3)
    assert offline["divergence"]["after"] == pytest.approx(online["divergence"]["after"], rel=1e-2)
    told = offline["teacher_logits"]
    assert told["rest"] == 0 and told["top_k"] == 512 and told["bytes"] >= 512 * 6 * told["places"]


def test_few_tokens_are_a_few_bytes_and_the_rest_is_told(run: Path, tmp_path: Path) -> None:
    result, found = _distilled(run, tmp_path / "few", teacher_logits="offline", top_k=8)
    told = result["teacher_logits"]
    assert 0 < told["rest"] < 1 and told["top_k"] == 8 and told["bytes"] < 60 * told["places"] and len(found) == 3


def _ctx(run: Path, into: Path) -> StageContext:
    ctx = context(run, "distill", distill.Settings.model_validate(SETTINGS))
    ctx.stage_dir = into
    return ctx


@pytest.fixture
def asking(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """ask(ctx, ...) -> (Offline, rows that the teacher was asked about)."""
    monkeypatch.setattr(teacher_logits, "ROWS", 4)
    asked: list[int] = []
    own = teacher_logits._ask

    def counted(model: Any, rows: list[Any], *args: Any) -> Any:
        asked.append(len(rows))
        return own(model, rows, *args)

    monkeypatch.setattr(teacher_logits, "_ask", counted)
    tokenizer = models.load_tokenizer(run / "big")

    def ask(ctx: StageContext, temperature: float = 2.0) -> tuple[Offline, int, list[data.Encoded]]:
        asked.clear()
        rows = encoded.sft_rows(ctx, tokenizer, "train", 1024).rows
        teacher = {"base": "big", "adapter": None, "model": "big", "mask": None, "method": "full"}
        found = Offline.of(ctx, rows, teacher=teacher, load=lambda: models.load_model(run / "big", device="cpu"), temperature=temperature,
                           top_k=6, vocabulary=512, batch_size=2)
        return found, sum(asked), rows

    return ask


def test_what_is_kept_is_what_the_teacher_says(run: Path, tmp_path: Path, asking: Any) -> None:
    found, asked, rows = asking(_ctx(run, tmp_path))
    assert asked == len(rows) == 16
    model, numbers = models.load_model(run / "big", device="cpu"), [9, 2]
    longest = max(len(rows[i].input_ids) for i in numbers)
    given = {"input_ids": torch.tensor([rows[i].input_ids + [0] * (longest - len(rows[i].input_ids)) for i in numbers])}
    places, targets = losses.learned(torch.tensor([rows[i].labels + [-100] * (longest - len(rows[i].labels)) for i in numbers]))
    here = slice(1, len(targets))
    logits = Online(model).at(places, given, numbers)(here)
    kept = found.at(places, given, numbers)(here)
    log = torch.log_softmax(logits / 2, dim=-1)
    assert torch.equal(kept.tokens, log.topk(6).indices)
    assert torch.allclose(kept.log_probs, log.topk(6).values, atol=2e-3)
    assert torch.allclose(kept.rest.exp(), 1 - log.topk(6).values.exp().sum(dim=1), atol=1e-3)
    assert found.rest == pytest.approx(float(kept.rest.exp().mean()), abs=0.05)


def test_a_stopped_teacher_goes_on_where_it_was_and_a_torn_file_is_asked_for_again(run: Path, tmp_path: Path, asking: Any) -> None:
    ctx = _ctx(run, tmp_path)
    events: list[dict[str, Any]] = []

    def written(event: dict[str, Any]) -> None:
        if event.get("doing") == "teacher logits":
            events.append(event)
            if event["step"] == 10:
                ctx.stop.set()

    ctx.write_event = written
    with pytest.raises(Stopped):
        asking(ctx)
    assert [event["step"] for event in events] == [2, 4, 6, 8, 10] and {event["total"] for event in events} == {16}
    ctx.stop.clear()
    ctx.write_event = lambda event: None
    assert asking(ctx)[1] == 8  # two files of four rows were whole
    assert asking(ctx)[1] == 0
    files = sorted((tmp_path / "checkpoints" / "teacher_logits").iterdir())
    assert len(files) == 4
    files[2].write_bytes(files[2].read_bytes()[:-10])
    assert asking(ctx)[1] == 4
    assert asking(ctx, temperature=1.0)[1] == 16
