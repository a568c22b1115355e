"""Freezing: the same store and seed give the same bytes, nothing leaks, and a touched byte is refused."""
from __future__ import annotations

import json
import random
import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from curation.errors import BadValue, NotAllowed, NothingToFreeze, TouchedDataset
from curation.freezing import manifest
from curation.freezing.freeze import FreezeOptions, freeze, preview, verify, verify_version
from curation.freezing.gather import subject_of
from curation.freezing.leaks import leaks
from curation.freezing.manifest import FrozenRow
from curation.model import Actor, Item, stable_id
from curation.pairs import prefer, review, rows
from curation.people.users import local_lead
from curation.settings import Settings, load_settings
from curation.store import Store, frozen, items, open_store
from curation.tasks import get_task

WORDS = ("timer queue handler device buffer signal thread driver socket register probe release attach detach flush wait notify poll"
         " open close read write map lock unlock alloc free init exit start stop reset config status event loop worker").split()


def sentence(number: int) -> str:
    """A text unlike all others."""
    return " ".join(random.Random(number).choices(WORDS, k=25))


class Workspace:
    """A workspace with accepted pairs and chosen preferences in it."""

    def __init__(self, home: Path, pairs: int = 30, preferences: int = 12, order: int = 1) -> None:
        self.settings: Settings = load_settings(home)
        self.store: Store = open_store(self.settings.store_url)
        self.lead: Actor = local_lead(self.store)
        made = [{"instruction": f"Explain {sentence(n)}", "output": f"It does {sentence(1000 + n)}"} for n in range(pairs)]
        asked = [
            {"prompt": f"Which {sentence(2000 + n)}", "chosen": f"yes {sentence(3000 + n)}", "rejected": f"no {sentence(4000 + n)}"}
            for n in range(preferences)
        ]
        self.rows(made[::order])
        self.rows(asked[::order])
        self.accept_all()
        for item in list(items.find(self.store, tasks=["preference"])):
            self.choose(item, item.meta["chosen_in_file"])

    def rows(self, records: list[dict]) -> None:
        if records:
            data = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()
            report = rows.import_data(self.store, self.settings, self.lead, data, "rows.jsonl", lang="en")
            assert not report.problems

    def accept_all(self) -> None:
        ids = [i.id for i in items.find(self.store, tasks=["self_instruct"], statuses=["open"])]
        if ids:
            review.decide_many(self.store, self.lead, ids, f"accept-{ids[0]}", "accept")

    def choose(self, item: Item, choice: str) -> None:
        prefer.choose(self.store, self.lead, item.id, f"choose-{item.id}-{choice}", choice)

    def freeze(self, **options):
        return freeze(self.store, self.settings, self.lead, FreezeOptions(**{"name": "flow", "seed": 3, **options}))

    def preview(self, **options):
        return preview(self.store, self.settings, FreezeOptions(**{"name": "flow", "seed": 3, **options}))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_frozen_folder_holds_what_its_manifest_says(work):
    version = work.freeze()
    assert (version.name, version.version, version.path) == ("flow", 1, work.settings.datasets_dir / "flow" / "v0001")
    about = verify(version.path)
    assert about["hash"] == version.hash and about["seed"] == 3 and about["format"] == 1
    assert about["tasks"]["self_instruct"]["counts"] == {"train": 24, "validation": 3, "test": 3}
    assert set(about["tasks"]["preference"]["counts"]) == {"train", "validation", "test"}
    assert set(about["files"]) == {"README.md", "croissant.json"} | {
        f"{c}/{s}.{e}" for c in ("sft", "preference") for s in ("train", "validation", "test") for e in ("parquet", "jsonl")
    }
    assert about["leaks"]["exact"] == about["leaks"]["near"] == about["leaks"]["torn_groups"] == 0
    assert [v.hash for v in frozen.all_versions(work.store)] == [version.hash]
    assert [p.name for p in version.path.parent.iterdir()] == ["v0001"]
    assert sum(e["rows"] for e in about["groups"].values()) == len(about["rows"]) == 42


def test_load_dataset_reads_it_without_our_code(work, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    from datasets import load_dataset

    path = str(work.freeze().path)
    sft = load_dataset(path, cache_dir=str(tmp_path / "cache"))
    assert {name: part.num_rows for name, part in sft.items()} == {"train": 24, "validation": 3, "test": 3}
    row = sft["train"][0]
    assert row["prompt"][0]["role"] == "user" and row["completion"][0]["role"] == "assistant"
    assert row == manifest.read_rows(Path(path), "sft", "train")[0].fields
    preferred = load_dataset(path, "preference", cache_dir=str(tmp_path / "cache"))
    assert {"prompt", "chosen", "rejected"} <= preferred["train"].features.keys()
    assert preferred["train"][0]["chosen"][0]["content"].startswith("yes")


def test_the_same_content_and_seed_freeze_to_the_same_hash_and_bytes_elsewhere(work, tmp_path):
    other = Workspace(tmp_path / "a" / "quite" / "different" / "place", order=-1)
    first, second = work.freeze(), other.freeze()
    assert first.hash == second.hash
    one, two = bytes_of(first.path), bytes_of(second.path)
    for name in ("manifest.json", "manifest.sha256"):
        one.pop(name), two.pop(name)
    assert one == two
    assert work.freeze(name="other").hash == first.hash
    assert work.freeze(seed=4).hash != first.hash


def test_each_freeze_is_a_new_version_and_touches_no_older_one(work):
    first = work.freeze()
    before = bytes_of(first.path)
    work.rows([{"instruction": f"Explain {sentence(77)}", "output": "more"}])
    work.accept_all()
    second = work.freeze()
    assert (second.version, second.path.name) == (2, "v0002") and second.hash != first.hash
    assert bytes_of(first.path) == before
    shutil.rmtree(second.path)
    assert work.freeze().version == 3  # a number once given is never given again


def test_no_path_of_the_machine_no_user_and_no_clock_is_in_the_data(work):
    version = work.freeze()
    for name, data in bytes_of(version.path).items():
        assert str(work.settings.home).encode() not in data, name
        assert name == "manifest.json" or not re.search(rb"20\d\d-\d\d-\d\dT", data), name
        assert name in ("manifest.json",) or work.lead.name.encode() not in data, name


TOUCHES = {
    "a byte of a data file": lambda p: flip(p / "sft" / "train.parquet"),
    "a byte of the lines": lambda p: flip(p / "preference" / "test.jsonl"),
    "a byte of the card": lambda p: flip(p / "README.md"),
    "a byte of the manifest": lambda p: flip(p / "manifest.json"),
    "the seal": lambda p: flip(p / "manifest.sha256"),
    "a missing file": lambda p: (p / "sft" / "test.parquet").unlink(),
    "a missing manifest": lambda p: (p / "manifest.json").unlink(),
    "a missing seal": lambda p: (p / "manifest.sha256").unlink(),
    "a file more": lambda p: (p / "sft" / "more.py").write_text("x"),
    "a file grown": lambda p: (p / "sft" / "test.jsonl").open("ab").write(b"\n"),
    "a link for a file": lambda p: link(p / "sft" / "test.jsonl"),
}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def link(path: Path) -> None:
    aside = path.parent.parent.parent / "aside"
    path.rename(aside)
    path.symlink_to(aside)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return Workspace(tmp_path_factory.mktemp("whole")).freeze().path


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_touched_folder_is_refused(whole, tmp_path, touch):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    verify(folder)
    TOUCHES[touch](folder)
    with pytest.raises(TouchedDataset):
        verify(folder)


def test_every_single_byte_of_the_manifest_counts(whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    data = (folder / "manifest.json").read_bytes()
    for at in range(0, len(data), len(data) // 40):
        (folder / "manifest.json").write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1:])
        with pytest.raises(TouchedDataset):
            verify(folder)


def test_a_manifest_sealed_again_after_a_change_of_rows_is_refused(whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    about = json.loads((folder / "manifest.json").read_text())
    about["rows"][0]["split"] = "test" if about["rows"][0]["split"] != "test" else "train"
    del about["files"]
    (folder / "manifest.json").unlink(), (folder / "manifest.sha256").unlink()
    manifest.seal(folder, about, {})
    with pytest.raises(TouchedDataset, match="hash"):
        verify(folder)


def test_rows_of_one_group_prompt_or_near_duplicate_are_never_torn(tmp_path):
    work = Workspace(tmp_path, pairs=20, preferences=0)
    twice = [{"instruction": f"Explain {sentence(n)}", "output": f"Another answer {sentence(500 + n)}"} for n in range(10)]
    near = [{"instruction": f"Explain {sentence(n)} please", "output": f"A third answer {sentence(600 + n)}"} for n in range(10, 20)]
    prefer_same = [{"prompt": f"Explain {sentence(n)}", "chosen": sentence(700 + n), "rejected": "no"} for n in range(0, 20, 3)]
    work.rows(twice + near)
    work.rows(prefer_same)
    work.accept_all()
    for item in list(items.find(work.store, tasks=["preference"])):
        work.choose(item, "a")
    version = work.freeze(validation=0.2, test=0.3)
    about = verify(version.path)
    splits = defaultdict(set)
    groups = defaultdict(set)
    for row in manifest.read_rows(version.path):
        key = row.fields["prompt"][0]["content"].removesuffix(" please")
        splits[key].add(row.split)
        groups[key].add(row.fields["group"])
    assert len(splits) == 20 and all(len(s) == 1 for s in splits.values()) and all(len(g) == 1 for g in groups.values())
    reasons = {reason for group in about["groups"].values() for reason in group["reason"]}
    assert {"prompt", "near"} <= reasons
    assert {s for each in splits.values() for s in each} == {"train", "validation", "test"}


def test_what_clustering_misses_is_joined_after_the_split(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.freezing.freeze.clusters", lambda texts, threshold: list(range(len(texts))))  # finds nothing at all
    work = Workspace(tmp_path, pairs=20, preferences=0)
    work.rows([{"instruction": f"Explain {sentence(n)} please", "output": sentence(600 + n)} for n in range(20)])
    work.accept_all()
    about = verify(work.freeze(validation=0.3, test=0.3).path)
    assert about["leaks"]["near"] == 0 and about["leaks"]["joined_because_of_leaks"] > 0


def test_the_hash_does_not_depend_on_the_order_of_the_rows():
    rows = [{"id": str(n), "config": "sft", "split": "train", "group": "g", "sha256": str(n * 7)} for n in range(5)]
    assert manifest.dataset_hash(rows, {}) == manifest.dataset_hash(rows[::-1], {}) != manifest.dataset_hash(rows[1:], {})


def test_a_valid_dataset_under_the_number_of_another_is_refused(work):
    first = work.freeze(seed=1)
    second = work.freeze(seed=2)
    known = {v.version: v for v in frozen.all_versions(work.store)}
    assert verify_version(work.settings, known[1])["hash"] == first.hash
    shutil.rmtree(first.path)
    shutil.copytree(second.path, first.path)
    verify(first.path)
    with pytest.raises(TouchedDataset, match="not the one"):
        verify_version(work.settings, known[1])


def test_the_leak_report_sees_a_leak():
    def row(split: str, group: str, text: str) -> FrozenRow:
        return FrozenRow("sft", split, {"id": stable_id(split, group, text), "group": group, "prompt": [{"role": "user", "content": text}]})

    clean = [row("train", "a", sentence(1)), row("test", "b", sentence(2))]
    assert [leaks(clean, 0.8)[k] for k in ("exact", "near", "torn_groups")] == [0, 0, 0]
    assert leaks([*clean, row("test", "c", f"  {sentence(1)}\n")], 0.8)["exact"] == 1
    assert leaks([*clean, row("test", "c", sentence(1) + " more")], 0.8)["near"] == 1
    assert leaks([*clean, row("test", "a", sentence(3))], 0.8)["torn_groups"] == 1


def test_the_subject_of_a_prompt_leaves_out_the_instruction_and_the_file_names():
    prompt = [{"role": "user", "content": "Answer as JSON.\n\n// file: a.c\nint x;\n// file: b.h\nint y;"}]
    assert subject_of(prompt) == "int x;\n\nint y;"
    assert subject_of([{"role": "user", "content": "Why?"}]) == "Why?"


def test_ties_open_and_rejected_items_are_counted_and_left_out(tmp_path):
    work = Workspace(tmp_path, pairs=4, preferences=4)
    first, second, third, _ = items.find(work.store, tasks=["preference"])
    work.choose(first, "tie")
    work.choose(second, "both_bad")
    work.rows([{"instruction": f"Open {sentence(50)}", "output": "x"}, {"instruction": f"Bad {sentence(51)}", "output": "y"}])
    bad = list(items.find(work.store, tasks=["self_instruct"], statuses=["open"]))[1]
    review.decide(work.store, work.lead, bad.id, "no", "reject", reason="refusal")
    found = {t.task: t for t in work.preview().tasks}
    assert found["preference"].left_out == {"tie": 1, "both_bad": 1} and found["preference"].rows == 2
    assert found["self_instruct"].left_out == {"open": 1, "rejected": 1} and found["self_instruct"].rows == 4
    assert {t.task: t.left_out for t in work.preview(langs=["zh"]).tasks}["self_instruct"]["language"] == 4


def test_the_preview_gives_what_freezing_then_writes_and_warns(work):
    seen = work.preview()
    about = verify(work.freeze().path)
    assert {t.task: t.splits for t in seen.tasks if t.rows} == {name: t["counts"] for name, t in about["tasks"].items()}
    assert seen.groups == len(about["groups"]) and seen.rows == len(about["rows"])
    assert not [w for w in seen.warnings if w.params.get("task") in ("self_instruct", "preference")]
    small = Workspace(work.settings.home / "small", pairs=2, preferences=1)
    warned = {(w.code, w.params.get("task")) for w in small.preview().warnings}
    assert {("warn_empty_split", "self_instruct"), ("warn_one_group", "preference")} <= warned
    for task in ("function_pointer", "callback_timing", "async_pattern"):
        assert ("warn_below_minimum", task) in warned


def test_an_empty_choice_freezes_nothing_and_leaves_nothing(tmp_path):
    work = Workspace(tmp_path, pairs=1, preferences=0)
    assert [w.code for w in work.preview(tasks=["preference"]).warnings] == ["warn_nothing"]
    with pytest.raises(NothingToFreeze, match="chosen tasks"):
        work.freeze(tasks=["preference"])
    assert not (work.settings.datasets_dir / "flow").exists() and frozen.all_versions(work.store) == []


def test_a_freeze_that_fails_midway_leaves_nothing(work, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(manifest, "seal", fail)
    with pytest.raises(OSError, match="disk full"):
        work.freeze()
    assert list((work.settings.datasets_dir / "flow").iterdir()) == [] and frozen.all_versions(work.store) == []
    monkeypatch.undo()
    assert work.freeze().version == 1


@pytest.mark.parametrize("name", ["../x", "Flow", "", "demo", "seeds", "a/b", "-x"])
def test_names_that_are_no_dataset_are_refused(work, name):
    with pytest.raises(BadValue, match="name"):
        work.freeze(name=name)


def test_wrong_options_are_refused(work):
    for wrong in ({"validation": 0.5, "test": 0.5}, {"langs": []}):
        with pytest.raises(BadValue):
            work.freeze(**wrong)


def test_only_a_lead_freezes(work):
    with pytest.raises(NotAllowed):
        freeze(work.store, work.settings, Actor(name="r", role="reviewer"), FreezeOptions(name="flow"))


def test_the_card_lists_both_configs_and_croissant_every_file(work):
    folder = work.freeze(license="cc-by-4.0").path
    text = (folder / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(text.split("---\n")[1])
    assert [c["config_name"] for c in head["configs"]] == ["sft", "preference"] and head["configs"][0]["default"] is True
    assert head["license"] == "cc-by-4.0" and head["language"] == ["en"]
    about = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    assert {f["@id"]: f["sha256"] for f in about["distribution"]} == {
        name: entry["sha256"] for name, entry in listed.items() if name.endswith(".parquet")
    }
    assert len(about["recordSet"]) == 6
    assert get_task("preference").name in text


def test_parquet_and_json_lines_hold_the_same_rows(work):
    import pyarrow.parquet as pq

    folder = work.freeze().path
    for config in ("sft", "preference"):
        for split in ("train", "validation", "test"):
            table = pq.read_table(folder / config / f"{split}.parquet")
            assert table.column_names == list(manifest.COLUMNS[config])
            assert table.to_pylist() == [row.fields for row in manifest.read_rows(folder, config, split)]
