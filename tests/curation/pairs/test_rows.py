"""Rows of others come into the queue: every format, every encoding, and bad lines that stop nothing."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation import formats
from curation.errors import BadRow, BadValue, NotAllowed, NotFound, UnknownFormat
from curation.model import Actor
from curation.pairs import rows
from curation.people.users import local_lead
from curation.settings import Settings, load_settings
from curation.store import Store, items, open_store

ALPACA = {"instruction": "Which function does ops->read reach?", "input": "ops->read = uart_read;\nops->read(b, 4);", "output": "uart_read"}
PREFERENCE = {"prompt": "Which function runs on exit?", "chosen": "cleanup, registered by atexit", "rejected": "I cannot tell"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.store_url)


@pytest.fixture
def lead(store: Store) -> Actor:
    return local_lead(store)


def lines(*records: object) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


EXAMPLES: list[tuple[str, str, bytes]] = [
    ("alpaca", "a.jsonl", lines(ALPACA)),
    ("alpaca", "a.json", json.dumps([ALPACA], indent=1).encode()),
    ("alpaca", "one.json", json.dumps(ALPACA, indent=1).encode()),
    ("qa", "a.jsonl", lines({"question": "What runs first?", "answer": "main"})),
    ("qa", "a.csv", b"Question,Answer\r\nWhat runs first?,main\r\n"),
    ("qa", "a.tsv", b"question\tanswer\nWhat runs first?\tmain\n"),
    ("qa", "a.jsonl", lines({"prompt": "What runs first?", "completion": "main"})),
    ("messages", "a.jsonl", lines({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]})),
    ("messages", "a.jsonl", lines({
        "prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}],
    })),
    ("sharegpt", "a.json", json.dumps([{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}]).encode()),
    ("preference", "a.jsonl", lines(PREFERENCE)),
    ("preference", "a.jsonl", lines({"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}],
                                     "rejected": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "r"}]})),
]


@pytest.mark.parametrize(("name", "file", "data"), EXAMPLES)
def test_every_format_is_told_by_itself_and_read(store, settings, lead, name, file, data):
    report = rows.import_data(store, settings, lead, data, file)
    assert (report.added, report.known, report.format, report.problems) == (1, 0, name, [])
    item = next(iter(items.find(store)))
    assert item.origin == "imported" and item.task == formats.get_format(name).TASK


def test_the_contract_of_a_format_holds_for_all():
    assert set(formats.all_formats()) == {name for name, _, _ in EXAMPLES}
    for name, entry in formats.all_formats().items():
        example = next(data for n, file, data in EXAMPLES if n == name and file.endswith((".jsonl", ".json")))
        row = next(iter(formats.read(example.decode(), "x.json")))
        assert isinstance(row, formats.Row) and entry.KEYS and entry.TASK in ("self_instruct", "preference")
        written = entry.write(row.payload)
        assert entry.sniff(written) and entry.read(written) == row.payload, name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_files_in_chinese_encodings_are_read(store, settings, lead, encoding):
    record = {"instruction": "请说明下面的回调函数什么时候执行", "input": "", "output": "在中断上下文里执行，不可以睡眠"}
    report = rows.import_data(store, settings, lead, json.dumps(record, ensure_ascii=False).encode(encoding), "zh.jsonl")
    assert report.added == 1
    item = next(iter(items.find(store)))
    assert item.payload == record and item.lang == "zh"


def test_one_bad_line_is_reported_with_its_number_and_the_others_go_on(store, settings, lead):
    data = lines(ALPACA) + b'{"instruction": "broken\n' + lines({"instruction": "no answer"}, [1], {**ALPACA, "output": "other"})
    report = rows.import_data(store, settings, lead, data, "a.jsonl")
    assert report.added == 2
    assert [(p.params["where"], p.params["line"]) for p in report.problems] == [("a.jsonl", 2), ("a.jsonl", 3), ("a.jsonl", 4)]
    assert "'output' is missing" in str(report.problems[1])


@pytest.mark.parametrize(("data", "line", "why"), [
    (b'{"instruction": "a\\u0000b", "output": "c"}\n', 1, "NUL"),
    (b'{"instruction": "a\\ud800b", "output": "c"}\n', 1, "half of a character"),
    (b'{"instruction": "  ", "output": "c"}\n', 1, "empty"),
    (b'{"instruction": 3, "output": "c"}\n', 1, "no text"),
    (b'{"instruction": NaN, "output": "c"}\n', 1, "NaN"),
    (b'\n{"instruction": ' + b"[" * 100_000 + b"\n", 2, "not JSON|nested"),
])
def test_rows_that_cannot_be_kept_are_named(store, settings, lead, data, line, why):
    good = lines(*[{**ALPACA, "output": f"f{n}"} for n in range(2)])
    report = rows.import_data(store, settings, lead, data + good, "a.jsonl")
    assert report.added == 2
    (problem,) = report.problems
    assert problem.params["line"] == line
    with pytest.raises(BadRow, match=why):
        raise problem


def test_a_broken_array_keeps_what_came_before(store, settings, lead):
    report = rows.import_data(store, settings, lead, b"[" + lines(ALPACA).strip() + b",\n{oops}]", "a.json")
    assert report.added == 1 and report.problems[0].params["line"] == 2 and "rest of the array" in str(report.problems[0])


def test_a_csv_row_with_too_many_cells_is_named(store, settings, lead):
    data = b'question,answer\n"two\nlines, one cell",main\nwhat,is,this\nlast,row\n'
    report = rows.import_data(store, settings, lead, data, "a.csv")
    assert report.added == 2 and [p.params["line"] for p in report.problems] == [4]


def test_the_same_rows_again_are_known(store, settings, lead):
    assert rows.import_data(store, settings, lead, lines(ALPACA, ALPACA), "a.jsonl").added == 1
    report = rows.import_data(store, settings, lead, lines(ALPACA, PREFERENCE), "b.jsonl", format="alpaca")
    assert (report.added, report.known, len(report.problems)) == (0, 1, 1)


def test_flags_of_the_filters_come_with_the_items(store, settings, lead):
    refusal = {"instruction": "Explain this function pointer table in detail, please.", "output": "I'm sorry, but I can't help with that."}
    rows.import_data(store, settings, lead, lines(refusal, {**refusal, "output": "I'm sorry, but I can't help with that!"}), "a.jsonl")
    first, second = items.find(store)
    assert "refusal" in {f.filter for f in first.flags}
    assert "near_duplicate" in {f.filter for f in second.flags} and "near_duplicate" not in {f.filter for f in first.flags}


def test_rows_with_one_prompt_share_a_group_and_others_do_not(store, settings, lead):
    rows.import_data(store, settings, lead, lines(ALPACA, {**ALPACA, "output": "x"}, {**ALPACA, "input": "y"}), "a.jsonl")
    groups = [item.group for item in items.find(store)]
    assert groups[0] == groups[1] != groups[2]


def test_the_position_of_preference_answers_is_drawn_by_the_recorded_seed(settings, lead, tmp_path):
    records = [{**PREFERENCE, "prompt": f"{PREFERENCE['prompt']} {n}"} for n in range(200)]

    def drawn(name: str, seed: int) -> list[tuple[str, str]]:
        store = open_store(f"sqlite:///{tmp_path / name}")
        rows.import_data(store, settings, local_lead(store), lines(*records), "p.jsonl", seed=seed)
        found = list(items.find(store))
        for item in found:
            assert item.payload[item.meta["chosen_in_file"]] == PREFERENCE["chosen"] and item.payload["seed"] == seed
        return [(item.meta["chosen_in_file"], item.payload["shown_first"]) for item in found]

    first = drawn("1", 7)
    assert first == drawn("2", 7) != drawn("3", 8)
    assert all(20 < first.count(both) < 80 for both in [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")])


def test_what_is_in_no_format_says_which_there_are(store, settings, lead):
    with pytest.raises(UnknownFormat, match="alpaca"):
        rows.import_data(store, settings, lead, b'{"text": "x"}\n', "a.jsonl")
    with pytest.raises(UnknownFormat):
        rows.import_data(store, settings, lead, lines(ALPACA), "a.jsonl", format="klingon")
    with pytest.raises(BadValue, match="NUL"):
        rows.import_data(store, settings, lead, b"PAR1\0\0\0", "a.parquet")
    assert list(items.find(store)) == []


def test_a_file_is_read_by_its_path_and_a_missing_one_named(store, settings, lead, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(ALPACA))
    assert rows.import_rows(store, settings, lead, tmp_path / "a.jsonl").added == 1
    with pytest.raises(NotFound, match="none.jsonl"):
        rows.import_rows(store, settings, lead, tmp_path / "none.jsonl")


def test_an_annotator_imports_nothing(store, settings):
    with pytest.raises(NotAllowed):
        rows.import_data(store, settings, Actor(name="x", role="annotator"), lines(ALPACA), "a.jsonl")
