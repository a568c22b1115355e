"""Which answers become rows: every action of an annotator, both languages, and what keeps rows together."""
from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from curation import PROJECT
from curation.freezing import manifest
from curation.freezing.freeze import freeze
from curation.freezing.gather import FreezeOptions, gather
from curation.labeling import label
from curation.model import Actor, Item
from curation.people.users import local_lead
from curation.settings import Settings, load_settings
from curation.sourcing import propose, sources
from curation.store import Store, items, open_store


class Labeled:
    """The demo corpus, imported and proposed, nothing labeled."""

    def __init__(self, home: Path) -> None:
        self.settings: Settings = load_settings(home)
        self.store: Store = open_store(self.settings.store_url)
        self.lead: Actor = local_lead(self.store)
        self.bring(PROJECT / "datasets" / "demo" / "src", "demo")

    def bring(self, folder: Path, name: str) -> None:
        sources.import_folder(self.store, self.settings, self.lead, folder, name)
        propose.propose_source(self.store, self.settings, self.lead, name)

    def sites(self, task: str, source: str = "demo") -> list[Item]:
        return list(items.find(self.store, tasks=[task], source=source))

    def say(self, item: Item, action: str, **more) -> None:
        label.save(self.store, self.lead, item.id, f"op-{item.id}-{action}", action, **more)

    def gather(self, **options):
        return gather(self.store, FreezeOptions(**{"name": "flow", **options}))


@pytest.fixture
def work(tmp_path: Path) -> Labeled:
    return Labeled(tmp_path / "home")


def test_an_answered_site_is_rendered_in_each_language_with_the_explanation_left_for_it(work):
    site = work.sites("function_pointer")[0]
    work.say(site, "confirm", explanation={"zh": "由初始化语句写入。"})
    drafts = {d.fields["lang"]: d.fields for d in work.gather().drafts}
    assert set(drafts) == {"en", "zh"} and drafts["en"]["id"] != drafts["zh"]["id"]
    first, blank, rest = drafts["zh"]["completion"][0]["content"].split("\n", 2)
    assert json.loads(first)["targets"] and blank == "" and rest == "由初始化语句写入。"
    assert "由初始化语句写入" not in drafts["en"]["completion"][0]["content"]
    assert drafts["en"]["source"] == "demo" and drafts["en"]["file"] == site.file and drafts["en"]["line"] == site.line
    about = json.loads(drafts["en"]["meta"])
    assert about["item"] == site.id and about["kind"] and 1 <= about["difficulty"] <= 4
    assert f"{site.file}:{site.line}" in about["lines"].values()
    assert about["first_candidate"]["targets"] == [site.payload["candidates"][0]["name"]]
    assert [d.fields["lang"] for d in work.gather(langs=["en"]).drafts] == ["en"]


def test_none_external_and_incomplete_are_learned_where_the_answer_has_a_word_for_them(work):
    first, second, third = work.sites("function_pointer")[:3]
    work.say(first, "none")
    work.say(second, "external")
    seen = third.payload["answer"]["targets"][0]["name"]
    work.say(third, "incomplete", answer={"targets": [{"name": seen}]})
    answers = {json.loads(d.fields["meta"])["item"]: json.loads(d.fields["answer"]) for d in work.gather(langs=["en"]).drafts}
    assert answers[first.id] == {"targets": [], "completeness": "none"}
    assert answers[second.id] == {"targets": [], "completeness": "external"}
    assert answers[third.id]["completeness"] == "incomplete" and answers[third.id]["targets"] == [seen]


def test_no_mechanism_is_learned_as_the_empty_answer(work):
    site = work.sites("async_pattern")[0]
    work.say(site, "none")
    (draft,) = work.gather(langs=["en"]).drafts
    assert json.loads(draft.fields["answer"])["mechanism"] is None


def test_what_is_no_callback_is_learned_and_says_nothing_else(work):
    site = work.sites("callback_timing")[0]
    work.say(site, "none")
    drafts = work.gather().drafts
    assert {d.fields["lang"] for d in drafts} == {"en", "zh"}
    answer = {"context": "none", "may_sleep": None, "chain": [], "registered_via": None}
    assert all(json.loads(d.fields["answer"]) == answer for d in drafts)


def test_where_the_answer_has_no_word_they_are_left_out_and_counted(work):
    first, second = work.sites("callback_timing")[0], work.sites("async_pattern")[0]
    work.say(first, "external")
    work.say(second, "external")
    found = work.gather()
    assert found.drafts == [] and found.left_out["callback_timing"]["external"] == found.left_out["async_pattern"]["external"] == 1


def test_skipped_flagged_unknown_and_disputed_sites_are_left_out_and_counted(work):
    sites = work.sites("function_pointer")
    for site, action in zip(sites, ("skip", "flag", "unknown", "confirm", "confirm"), strict=False):
        work.say(site, action)
    other = Actor(name="wang", role="annotator")
    label.save(work.store, other, sites[4].id, "other", "mend", answer={"targets": [{"name": "elsewhere"}]})
    found = work.gather(tasks=["function_pointer"])
    assert found.left_out["function_pointer"] == {"skipped": 1, "flagged": 1, "unknown": 1, "disputed": 1, "open": len(sites) - 5}
    assert found.items["function_pointer"] == 1


def test_a_word_taken_back_is_no_row_any_more(work):
    site = work.sites("function_pointer")[0]
    work.say(site, "confirm")
    label.undo(work.store, work.lead, "undo")
    assert work.gather().drafts == []


def test_sources_and_origins_choose_what_goes_in(work, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.c").write_text("struct o { int (*f)(void); };\nint g(struct o *o) { return o->f(); }\n")
    work.bring(tmp_path / "other", "other")
    work.say(work.sites("function_pointer")[0], "confirm")
    work.say(work.sites("function_pointer", "other")[0], "confirm")
    assert {d.fields["source"] for d in work.gather().drafts} == {"demo", "other"}
    only = work.gather(sources=["other"])
    assert {d.fields["source"] for d in only.drafts} == {"other"} and only.left_out["function_pointer"]["not_chosen"] == 1
    assert work.gather(origins=["imported"]).drafts == []


def confirm_all(work: Labeled) -> None:
    for item in list(items.find(work.store, statuses=["open"])):
        work.say(item, "confirm")


def splits_of(work: Labeled, key: str, **options) -> dict[str, set[str]]:
    version = freeze(work.store, work.settings, work.lead, FreezeOptions(**{"name": "flow", **options}))
    found = defaultdict(set)
    for row in manifest.read_rows(version.path):
        found[row.fields[key]].add(row.split)
    return found


def test_a_file_is_never_torn_and_with_by_source_no_code_base_is(work, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.c").write_text(
            f"struct {name} {{ void (*{name}_done)(int); }};\nvoid {name}_end(int a) {{ (void)a; }}\n"
            f"void {name}_go(struct {name} *at) {{ at->{name}_done = {name}_end; at->{name}_done({len(name)}); }}\n"
        )
        work.bring(tmp_path / name, name)
    confirm_all(work)
    assert all(len(s) == 1 for s in splits_of(work, "file").values())
    by_source = splits_of(work, "source", by="source")
    assert set(by_source) == {"demo", "one", "two"} and all(len(s) == 1 for s in by_source.values())
    assert by_source["demo"] == {"train"}


def test_a_copied_file_stays_with_its_original(work, tmp_path):
    demo = PROJECT / "datasets" / "demo" / "src"
    copied = next(site for site in work.sites("function_pointer"))
    (tmp_path / "vendored" / "third_party").mkdir(parents=True)
    (tmp_path / "vendored" / "third_party" / "copy.c").write_bytes((demo / str(copied.file)).read_bytes())
    work.bring(tmp_path / "vendored", "vendored")
    confirm_all(work)
    version = freeze(work.store, work.settings, work.lead, FreezeOptions(name="flow"))
    groups = {row.fields["group"] for row in manifest.read_rows(version.path) if row.fields["file"] in (copied.file, "third_party/copy.c")}
    assert len(groups) == 1
    reasons = manifest.verify(version.path)["groups"][groups.pop()]["reason"]
    assert "content" in reasons and "file" in reasons


def test_what_is_more_than_its_share_is_cut_by_seed_and_counted(work):
    confirm_all(work)
    whole = work.gather(tasks=["callback_timing"], langs=["en"])
    assert not any(why.startswith("over_") for why in whole.left_out["callback_timing"])  # at most `keep` items: small sets stay whole
    cut = work.gather(tasks=["callback_timing"], langs=["en"], keep=5, file_share=None, answer_share=None, class_share=0.15)
    over = cut.left_out["callback_timing"]["over_class"]
    classes = cut.balanced["callback_timing"]["class"]
    assert over and cut.items["callback_timing"] + over == whole.items["callback_timing"] == sum(before for before, _ in classes.values())
    assert max(after for _, after in classes.values()) <= max(5, 0.15 * cut.items["callback_timing"])
    again = work.gather(tasks=["callback_timing"], langs=["en"], keep=5, file_share=None, answer_share=None, class_share=0.15)
    other = work.gather(tasks=["callback_timing"], langs=["en"], keep=5, file_share=None, answer_share=None, class_share=0.15, seed=9)
    ids = [[d.fields["id"] for d in found.drafts] for found in (cut, again, other)]
    assert ids[0] == ids[1] != ids[2]


def test_a_row_whose_excerpt_shows_nothing_of_its_answer_is_left_out_and_counted(work):
    site = work.sites("function_pointer")[0]
    work.say(site, "mend", answer={"targets": [{"name": "nowhere_to_be_seen"}]})
    found = work.gather()
    assert found.drafts == [] and found.left_out["function_pointer"]["not_shown"] == 1
