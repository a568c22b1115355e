"""Rows of others come into the queue: every format, every encoding, and bad lines that stop nothing."""
from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

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
    ("alpaca_preference", "a.jsonl", lines({"instruction": "What runs?", "input": "p(1);", "chosen": "f", "rejected": "g"})),
    ("alpaca_preference", "a.jsonl", lines({"instruction": "What runs?", "output": ["f", "g"]})),
    ("sharegpt_preference", "a.jsonl", lines({"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "f"},
                                              "rejected": {"from": "gpt", "value": "g"}})),
    ("unpaired", "a.jsonl", lines({"prompt": "q", "completion": "f", "label": True})),
    ("unpaired", "a.jsonl", lines({
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "f"}], "kto_tag": "true",
    })),
    ("instances", "a.jsonl", lines({"instruction": "What runs?", "instances": [{"input": "p(1);", "output": "f"}]})),
    ("distilabel", "a.jsonl", lines({"instruction": "What runs?", "generation": "f", "model_name": "m"})),
    ("ultrafeedback", "a.jsonl", lines({
        "instruction": "q", "completions": [{"response": "f", "overall_score": 8}, {"response": "g", "overall_score": 1}],
    })),
    ("label_studio", "a.json", json.dumps([{"id": 4, "data": {"question": "What runs?", "code": "p(1);"}, "annotations": [{"result": [
        {"type": "textarea", "from_name": "a", "to_name": "code", "value": {"text": ["f"]}}]}], "predictions": []}]).encode()),
    ("doccano", "a.jsonl", lines({"id": 1, "text": "What runs?", "label": ["f"], "Comments": []})),
    ("argilla", "a.jsonl", lines({"id": "x", "fields": {"instruction": "What runs?"}, "metadata": {},
                                  "responses": {"answer": [{"value": "f", "user_id": "u", "status": "submitted"}]}})),
    ("prodigy", "a.jsonl", lines({
        "text": "What runs?", "options": [{"id": 1, "text": "f"}, {"id": 2, "text": "g"}], "accept": [1], "answer": "accept",
        "_input_hash": 5, "_task_hash": 6,
    })),
    ("qa", "a.csv", "问题,答案\n先运行什么？,main\n".encode("gbk")),
    ("preference", "a.jsonl", lines({"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}],
                                     "rejected": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "r"}]})),
]


@pytest.mark.parametrize(("name", "file", "data"), EXAMPLES)
def test_every_format_is_told_by_itself_and_read(store, settings, lead, name, file, data):
    report = rows.import_data(store, settings, lead, data, file)
    assert (report.added, report.known, report.format, report.problems) == (1, 0, name, [])
    item = next(iter(items.find(store)))
    assert item.origin == "imported" and item.task == formats.get_format(name).TASK and report.unread == {}


def test_the_contract_of_a_format_holds_for_all():
    assert set(formats.all_formats()) == {name for name, _, _ in EXAMPLES}
    for name, entry in formats.all_formats().items():
        example = next(data for n, file, data in EXAMPLES if n == name and file.endswith((".jsonl", ".json")))
        row = next(iter(formats.read(example.decode(), "x.json")))
        assert isinstance(row, formats.Row) and entry.KEYS and entry.TASK in ("self_instruct", "preference")
        written = entry.write(row.payload)
        assert formats.sniff([written]) is entry, name
        (again,) = formats.read(json.dumps(written), "x.json")
        assert isinstance(again, formats.Row) and _words(again.payload) == _words(row.payload), name


def _words(payload):
    """A row's texts; formats without an input of their own write it behind the instruction."""
    asked = "\n\n".join(part for part in (payload.get("instruction"), payload.get("input")) if part)
    return {**payload, "instruction": asked, "input": ""}


@given(st.data())
@settings_of_hypothesis(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_a_format_writes_it_reads_back_whole(data):
    name = data.draw(st.sampled_from(sorted(formats.all_formats())))
    entry = formats.get_format(name)
    letters = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0<")
    text = st.text(letters, min_size=1).filter(str.strip)
    if entry.TASK == "preference":
        payload = {"prompt": data.draw(text), "chosen": "a" + data.draw(text), "rejected": "b" + data.draw(text)}
    else:
        payload = {"instruction": data.draw(text), "input": data.draw(st.just("") | text), "output": "x" + data.draw(text)}
        if data.draw(st.booleans()):
            payload |= {"thinking": "t", "terms": ["callback", "回调"], "difficulty": 3}
    (again,) = formats.read(json.dumps(entry.write(payload)), "x.json")
    assert isinstance(again, formats.Row) and _words(again.payload) == _words(payload) and again.unread == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_files_in_chinese_encodings_are_read(store, settings, lead, encoding):
    record = {"instruction": "请说明下面的回调函数什么时候执行", "input": "", "output": "在中断上下文里执行，不可以睡眠"}
    report = rows.import_data(store, settings, lead, json.dumps(record, ensure_ascii=False).encode(encoding), "zh.jsonl")
    assert report.added == 1
    item = next(iter(items.find(store)))
    assert item.payload == record and item.lang == "zh"


def test_one_bad_line_is_reported_with_its_number_and_the_others_go_on(store, settings, lead):
    data = lines(ALPACA) + b'{"instruction": "broken\n' + lines({"instruction": "no answer"}, [1], {**ALPACA, "output": "other"})
    held = rows.import_data(store, settings, lead, data, "a.jsonl")
    assert (held.added, held.held) == (0, 2) and list(items.find(store)) == []
    report = rows.import_data(store, settings, lead, data, "a.jsonl", skip_bad=True)
    assert (report.added, report.held) == (2, 0) and list(map(str, report.problems)) == list(map(str, held.problems))
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
    report = rows.import_data(store, settings, lead, data + good, "a.jsonl", skip_bad=True)
    assert report.added == 2
    (problem,) = report.problems
    assert problem.params["line"] == line
    with pytest.raises(BadRow, match=why):
        raise problem


def test_a_broken_array_keeps_what_came_before(store, settings, lead):
    report = rows.import_data(store, settings, lead, b"[" + lines(ALPACA).strip() + b",\n{oops}]", "a.json", skip_bad=True)
    assert report.added == 1 and report.problems[0].params["line"] == 2 and "rest of the array" in str(report.problems[0])


def test_a_csv_row_with_too_many_cells_is_named(store, settings, lead):
    data = b'question,answer\n"two\nlines, one cell",main\nwhat,is,this\nlast,row\n'
    report = rows.import_data(store, settings, lead, data, "a.csv", skip_bad=True)
    assert report.added == 2 and [p.params["line"] for p in report.problems] == [4]


def test_the_same_rows_again_are_known(store, settings, lead):
    assert rows.import_data(store, settings, lead, lines(ALPACA, ALPACA), "a.jsonl").added == 1
    report = rows.import_data(store, settings, lead, lines(ALPACA, PREFERENCE), "b.jsonl", format="alpaca", skip_bad=True)
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
        rows.import_data(store, settings, lead, b"PA\0R1\0\0\0", "a.bin")
    assert list(items.find(store)) == []


def test_a_file_is_read_by_its_path_and_a_missing_one_named(store, settings, lead, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(ALPACA))
    assert rows.import_rows(store, settings, lead, tmp_path / "a.jsonl").added == 1
    with pytest.raises(NotFound, match="none.jsonl"):
        rows.import_rows(store, settings, lead, tmp_path / "none.jsonl")


def test_an_annotator_imports_nothing(store, settings):
    with pytest.raises(NotAllowed):
        rows.import_data(store, settings, Actor(name="x", role="annotator"), lines(ALPACA), "a.jsonl")


@pytest.mark.parametrize(("record", "why"), [
    ({**ALPACA, "history": [["q0", "a0"]]}, "history"),
    ({**ALPACA, "label": False}, "marked bad"),
    ({**ALPACA, "tools": "[{}]"}, "tools"),
    ({**ALPACA, "weight": 0.5}, "weight"),
    ({**ALPACA, "difficulty": 7}, "difficulty"),
    ({"prompt": "q", "completion": "a", "label": False}, "marked bad"),
    ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0}]}, "weight 0"),
    ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "tool_calls": [{"id": 1}]}]}, "tool_calls"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "a"}]}, "no text"),
    ({"instruction": "q", "generations": ["a", "b"]}, "rating"),
    ({"instruction": "q", "generations": ["a", "b"], "ratings": [3, 3]}, "better"),
    ({"text": "q", "answer": "reject", "options": [], "accept": []}, "reject"),
    ({"data": {"question": "q"}, "annotations": [{"result": [], "was_cancelled": True}]}, "nobody"),
    ({"data": {"question": "q"}, "annotations": [{"result": [{"type": "rectanglelabels", "value": {}}]}]}, "rectanglelabels"),
    ({**ALPACA, "output": "<think>hm</think>"}, "thought"),
])
def test_what_changes_a_rows_meaning_is_read_or_the_row_is_refused_with_its_place(store, settings, lead, record, why):
    report = rows.import_data(store, settings, lead, lines(record), "a.jsonl")
    (problem,) = report.problems
    assert report.added == 0 and problem.params["line"] == 1 and why in str(problem) and list(items.find(store)) == []


def test_keys_of_a_rows_origin_stay_with_it_and_others_are_counted(store, settings, lead):
    report = rows.import_data(store, settings, lead, lines({**ALPACA, "id": 3, "license": "MIT", "note": "x", "empty": ""}), "a.jsonl")
    (item,) = items.find(store)
    assert report.unread == {"note": 1} and item.meta["about"] == {"id": 3, "license": "MIT"}


@pytest.mark.parametrize("record", [
    {"instruction": "q", "output": "<think>t</think>\n\na"}, {"instruction": "q", "output": "<thinking>t</thinking>a"},
    {"instruction": "q", "output": "a", "thinking": "t"}, {"instruction": "q", "output": "a", "reasoning_content": "t"},
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning_content": "t"}]},
])
def test_thoughts_come_under_one_name_however_a_file_marks_them(store, settings, lead, record):
    assert rows.import_data(store, settings, lead, lines(record), "a.jsonl").added == 1
    (item,) = items.find(store)
    assert item.payload == {"instruction": "q", "input": "", "output": "a", "thinking": "t"}


def test_terms_and_difficulty_are_read(store, settings, lead):
    rows.import_data(store, settings, lead, lines({**ALPACA, "crypto_terms": "callback, 回调", "difficulty": "2"}), "a.jsonl")
    (item,) = items.find(store)
    assert item.payload["terms"] == ["callback", "回调"] and item.payload["difficulty"] == 2


@pytest.mark.parametrize(("data", "line", "why"), [
    (b'{"instruction": "q", "output": "a", "output": "b"}\n', 1, "stands twice"),
    (b'[{"instruction": "q", "output": "a"}]\n[]', 2, "after the end"),
    (b'{"instruction": "q", "output": "a"} trailing\n', 1, "not JSON"),
    (b"question,answer,answer\nq,a,b\n", 1, "twice"),
    (b'{"data": [{"instruction": "q", "output": "a"}]} x', 1, "after the end"),
    (b'{\n"instruction": "q",\n"output": "a"\n}\n{\n"instruction": ', 5, "rest of the file"),
])
def test_garbage_doubled_keys_and_doubled_columns_are_faults(store, settings, lead, data, line, why):
    report = rows.import_data(store, settings, lead, data, "a.csv" if data.startswith(b"question") else "a.json", format="alpaca")
    assert report.added == 0 and [p.params["line"] for p in report.problems] == [line] and why in str(report.problems[0])


def test_objects_over_several_lines_and_a_list_under_data_are_read(store, settings, lead):
    several = "\n".join(json.dumps({**ALPACA, "output": f"f{n}"}, indent=1) for n in range(3))
    assert rows.import_data(store, settings, lead, several.encode(), "a.json").added == 3
    assert rows.import_data(store, settings, lead, json.dumps({"data": [ALPACA]}, indent=1).encode(), "b.json").added == 1


def test_packed_files_and_parquet_are_read_and_damaged_ones_named(store, settings, lead, tmp_path):
    assert rows.import_data(store, settings, lead, gzip.compress(lines(ALPACA)), "a.jsonl.gz").added == 1
    with pa.output_stream(str(tmp_path / "b"), compression="zstd") as file:
        file.write(lines({**ALPACA, "output": "z"}))
    assert rows.import_data(store, settings, lead, (tmp_path / "b").read_bytes(), "b.jsonl.zst").added == 1
    pq.write_table(pa.Table.from_pylist([{**ALPACA, "output": "p"}, {**ALPACA, "output": "p2"}]), tmp_path / "c.parquet")
    packed = (tmp_path / "c.parquet").read_bytes()
    assert rows.import_data(store, settings, lead, packed, "c.parquet").added == 2
    for data, name in ((gzip.compress(lines(ALPACA))[:-9], "d.jsonl.gz"), (b"\x28\xb5\x2f\xfdxxxx", "d.zst")):
        with pytest.raises(BadValue, match="damaged"):
            rows.import_data(store, settings, lead, data, name)
    assert "damaged" in str(rows.import_data(store, settings, lead, packed[:-40], "e.parquet").problems[0])


def test_a_list_of_ratings_picks_the_best_and_the_worst(store, settings, lead):
    rows.import_data(store, settings, lead, lines({"instruction": "q", "generations": ["a", "b", "c"], "ratings": [2, 5, 1]}), "a.jsonl")
    (item,) = items.find(store)
    assert item.payload[item.meta["chosen_in_file"]] == "b" and {item.payload["a"], item.payload["b"]} == {"b", "c"}


def test_the_prompt_is_not_repeated_in_the_answers_where_messages_say_it_again(store, settings, lead):
    asked = {"role": "user", "content": "What is called?"}
    record = {"prompt": "What is called?", "score_chosen": 9.0, "score_rejected": 1.0,
              "chosen": [asked, {"role": "assistant", "content": "f"}], "rejected": [asked, {"role": "assistant", "content": "g"}]}
    rows.import_data(store, settings, lead, lines(record), "a.jsonl")
    (item,) = items.find(store)
    assert item.payload["prompt"] == "What is called?" and {item.payload["a"], item.payload["b"]} == {"f", "g"}
