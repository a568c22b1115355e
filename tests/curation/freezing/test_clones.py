"""Copies of a function stand on one side of the split, however they were dressed up."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.freezing import manifest
from curation.freezing.clones import Clones
from curation.freezing.freeze import FreezeOptions, freeze
from curation.labeling import label
from curation.model import Item
from curation.people.users import local_lead
from curation.settings import load_settings
from curation.sourcing import propose, sources
from curation.store import items, open_store

FUNCTION = """struct ops {{ int (*run)(struct dev *d, int how); }};
static int {n}_go(struct dev *d, int how) {{ return how + {v}; }}
static const struct ops {n}_ops = {{ .run = {n}_go }};
int {n}_start(struct dev *d, int how)
{{
\tconst struct ops *o = &{n}_ops;
\tint i, sum = {v};

\tfor (i = 0; i < how; i++)
\t\tsum += {body};
\tif (sum > {v})
\t\tlog_it("{n} is done", sum);
\treturn o->run(d, sum);
}}
"""
BODIES = [
    "d->slot[i]", "d->slot[i] * how", "(d->slot[i] << 2) - 1", "lookup(d, i)", "d->a ? d->b : i", "~d->slot[i] & how", "-i",
    "d->next->value[i]",
]


def commented(text: str) -> str:
    return "\n".join(f"{line} /* 第 {n} 行 */" if line.strip() and "\\" not in line else line for n, line in enumerate(text.split("\n")))


def reformatted(text: str) -> str:
    return re.sub(r"\n\s*", "\n        ", text.replace("{\n", "\n{\n"))


def renamed(text: str) -> str:
    text = re.sub(r"\b(\w+)_(go|ops|start)\b", r"other_\1_\2", text)
    return re.sub(r"\bsum\b", "total", re.sub(r"\bhow\b", "mode", text)).replace("is done", "完成")


DRESS = {"comments": commented, "layout": reformatted, "names and literals": renamed, "all": lambda t: commented(reformatted(renamed(t)))}


@pytest.mark.parametrize("dress", DRESS)
def test_a_dressed_up_copy_of_a_program_lies_in_the_split_of_the_original(tmp_path: Path, dress: str) -> None:
    settings = load_settings(tmp_path / "home")
    store = open_store(settings.store_url)
    lead = local_lead(store)
    for name, change in (("one", str), ("two", DRESS[dress])):
        folder = tmp_path / name
        folder.mkdir()
        for n, body in enumerate(BODIES):
            (folder / f"{name}{n}.c").write_text(change(FUNCTION.format(n=f"m{n}", v=n + 3, body=body)), encoding="utf-8")
        sources.import_folder(store, settings, lead, folder, name, from_shell=True)
        propose.propose_source(store, settings, lead, name, tasks=["function_pointer"])
    sites = list(items.find(store, tasks=["function_pointer"]))
    assert len(sites) == 2 * len(BODIES)
    for item in sites:
        label.save(store, lead, item.id, f"confirm-{item.id}", "confirm", answer=item.payload["answer"])
    options = FreezeOptions(name="flow", seed=5, tasks=["function_pointer"], langs=["en"], test=0.3, validation=0.2, near=1.0)
    version = freeze(store, settings, lead, options)
    rows = manifest.read_rows(version.path)
    split = {(row.fields["source"], re.sub(r"\D", "", row.fields["file"])): row.split for row in rows}
    assert len(split) == 2 * len(BODIES)
    assert all(split["one", n] == split["two", n] for _, n in split) and len(set(split.values())) == 3
    reasons = manifest.verify(version.path)["groups"]
    assert all("clone" in group["reason"] for group in reasons.values())


def test_small_functions_and_damaged_ones_tie_nothing() -> None:
    clones = Clones(None)

    def keys(code: str) -> list[str]:
        payload = {"instruction": "Explain.", "input": code, "output": "It runs."}
        return clones.keys(Item(id="a", task="self_instruct", origin="imported", payload=payload, group="g"))

    assert keys("int f(void) { return 0; }") == keys("no code { at all") == []
    assert keys("int f(int a) { if (((( { for (;;) x(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12") == []
    first, other = FUNCTION.format(n="a", v=1, body="i"), FUNCTION.format(n="b", v=2, body="i")
    assert keys(first) == keys(commented(other)) != []


def test_a_file_that_cannot_be_read_ties_nothing() -> None:
    def read(source: str, path: str) -> str:
        from curation.errors import NotFound
        raise NotFound(kind="file", name=path)

    item = Item(id="a", task="function_pointer", origin="site", source="s", file="a.c", line=3, payload={}, group="g")
    assert Clones(read).keys(item) == []
