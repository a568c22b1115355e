"""After a source comes in anew, labels follow moved code or are told to be stale; what is gone is not frozen."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from curation import PROJECT
from curation.freezing.freeze import FreezeOptions, prepare
from curation.labeling import label
from curation.model import Item
from curation.people.users import local_lead
from curation.settings import load_settings
from curation.sourcing import propose, sources
from curation.sourcing.follow import follow
from curation.store import items, open_store

MENU, CODEC = "player/menu.c", "player/codec.c"


class Demo:
    """A copy of the demo corpus, imported, proposed, and every site of two tasks confirmed."""

    def __init__(self, tmp_path: Path) -> None:
        self.settings = load_settings(tmp_path / "home")
        self.store = open_store(self.settings.store_url)
        self.lead = local_lead(self.store)
        self.folder = tmp_path / "src"
        shutil.copytree(PROJECT / "datasets" / "demo" / "src", self.folder)
        self.bring()
        for item in self.sites():
            label.save(self.store, self.lead, item.id, f"confirm-{item.id}", "confirm", answer=item.payload["answer"])

    def bring(self) -> propose.ProposeReport:
        sources.import_folder(self.store, self.settings, self.lead, self.folder, "s", from_shell=True)
        return propose.propose_source(self.store, self.settings, self.lead, "s", tasks=["function_pointer", "async_pattern"])

    def sites(self, task: str | None = None) -> list[Item]:
        return list(items.find(self.store, source="s", tasks=[task] if task else None))

    def status(self, item: Item) -> str:
        return label.view(self.store, self.lead, item.id).resolved.status

    def frozen(self) -> tuple[set[str], dict[str, int]]:
        plan = prepare(self.store, FreezeOptions(name="flow", langs=["en"]), self.settings)
        left = {task: counts["stale"] for task, counts in plan.left_out.items() if counts["stale"]}
        return {f"{row.fields['task']} {row.fields['file']}:{row.fields['line']}" for row in plan.rows}, left


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path)


def test_labels_follow_their_sites_when_lines_are_put_before_them(demo: Demo) -> None:
    before = {item.id: item.line for item in demo.sites("function_pointer") if item.file == MENU}
    rows, _ = demo.frozen()
    (demo.folder / MENU).write_text("/* one\n   two\n   three */\n" + (demo.folder / MENU).read_text())
    report = demo.bring()
    after = {item.id: item for item in demo.sites("function_pointer") if item.file == MENU}
    assert before and {i: item.line for i, item in after.items()} == {i: (line or 0) + 3 for i, line in before.items()}
    assert all(demo.status(item) == "answered" and f"{item.line}" for item in after.values())
    assert report.followed == len(before) and all(item.payload["line"] == item.line for item in after.values())
    now, _ = demo.frozen()
    pointers = {row for row in rows if row.startswith(f"function_pointer {MENU}")}
    moved = {f"{head}:{int(line) + 3}" for head, line in (row.rsplit(":", 1) for row in pointers)}
    assert {row for row in now if row.startswith(f"function_pointer {MENU}")} == moved
    again = demo.bring()
    assert (again.added, again.followed, again.withdrawn) == (0, report.followed, 0)  # the same text again changes nothing
    assert {i.id: i.line for i in demo.sites("function_pointer") if i.file == MENU} == {i: item.line for i, item in after.items()}


def test_an_answer_that_names_lines_is_stale_when_they_moved_and_its_site_is_open_anew(demo: Demo) -> None:
    old = [item for item in demo.sites("async_pattern")]
    file = next(item.file for item in old if item.file)
    (demo.folder / file).write_text("\n\n" + (demo.folder / file).read_text())
    report = demo.bring()
    stale = [item for item in demo.sites("async_pattern") if item.meta.get("stale") == "moved"]
    assert stale and report.stale >= len(stale) and {item.file for item in stale} == {file}
    assert any(demo.status(item) == "open" and item.file == file for item in demo.sites("async_pattern"))
    assert demo.frozen()[1]["async_pattern"] == len(stale)


def test_labels_of_a_file_that_is_gone_are_told_and_not_frozen_and_come_back_with_it(demo: Demo) -> None:
    rows, _ = demo.frozen()
    text = (demo.folder / CODEC).read_text()
    (demo.folder / CODEC).unlink()
    report = demo.bring()
    gone = [item for item in demo.sites() if item.meta.get("stale") == "gone"]
    assert gone and {item.file for item in gone} >= {CODEC} and report.stale == len(gone)
    now, left = demo.frozen()
    assert not any(CODEC in row for row in now) and sum(left.values()) == len(gone)
    (demo.folder / CODEC).write_text(text)
    demo.bring()
    assert not any(item.meta.get("stale") for item in demo.sites()) and demo.frozen() == (rows, {})


def test_a_file_that_could_not_be_read_this_time_makes_nothing_stale() -> None:
    item = Item(id="a", task="function_pointer", origin="site", source="s", file="a.c", line=3, group="g",
                payload={"function": "f", "expression": "p()", "column": 1})
    assert follow([item], [], {"a"}, {"a.c"}).stale == {} and follow([item], [], {"a"}, set()).stale == {"a": "gone"}
    assert follow([item], [], set(), set()).stale == {}
