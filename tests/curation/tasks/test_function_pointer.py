"""The function_pointer task: proposals, words in both languages, training rows."""
import json

import pytest

from curation.csource import build_index
from curation.errors import BadAnswer
from curation.model import Item
from curation.tasks.function_pointer import TASK

CODE = (
    "struct ops { int (*open)(int); };\nstatic int my_open(int a) { return a; }\nstatic struct ops o = { .open = my_open };\n"
    "#define OPEN(p) (p)->open(1)\nint f(struct ops *p) { return p->open(2); }\nint g(struct ops *p) { return OPEN(p); }\n"
    "int h(void) { return my_open(3); }\n"
)


@pytest.fixture
def proposals():
    return list(TASK.propose(build_index([("a.c", CODE)], jobs=0), None))


def test_only_calls_through_pointers_are_sites_and_macro_calls_stand_at_their_use(proposals):
    assert [(p.line, p.function, p.expression) for p in proposals] == [(5, "f", "p->open"), (6, "g", "(p)->open")]
    assert proposals[1].extra["macro"] == "OPEN"
    assert [(e.kind, e.line) for e in proposals[1].evidence] == [("macro", 4)]


def test_the_answer_names_the_targets_and_passes_its_own_check(proposals):
    assert proposals[0].answer == {"targets": [{"name": "my_open", "file": "a.c", "line": 2}], "completeness": "complete"}
    assert TASK.check(proposals[0].answer) == proposals[0].answer


def test_files_limit_the_sites():
    index = build_index([("a.c", CODE), ("b.c", "void k(void (*cb)(void)) { cb(); }")], jobs=0)
    assert {p.file for p in TASK.propose(index, ["b.c"])} == {"b.c"}


def test_the_record_has_the_common_keys_and_ranked_candidates(proposals):
    record = json.loads(json.dumps(TASK.record(proposals[0])))
    assert list(record) == ["task", "file", "line", "column", "function", "expression", "candidates"]
    assert {"name", "file", "line", "score", "evidence", "steps"} == set(record["candidates"][0])


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            [
                "`p->open(...)` at a.c:5 in `f`",
                "It can reach `my_open` (defined at a.c:2)",
                "the initializer at a.c:3",
                "these are all the targets",
            ],
        ),
        ("zh", ["a.c:5 处函数 `f` 中的调用 `p->open(...)`", "可能调用 `my_open`（定义于 a.c:2）", "a.c:3 的初始化语句", "全部目标"]),
    ],
)
def test_the_draft_explains_from_the_evidence(proposals, lang, words):
    text = TASK.draft(proposals[0].answer, proposals[0], lang)
    assert all(word in text for word in words)


def test_the_draft_follows_a_mended_answer(proposals):
    text = TASK.draft({"targets": [{"name": "other"}], "completeness": "external"}, proposals[0], "en")
    assert "`other`" in text and "my_open" not in text and "outside these sources" in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_row_states_the_answer_as_one_line_of_json_and_then_explains(proposals, lang):
    item = Item(
        id="1",
        task="function_pointer",
        origin="site",
        payload=proposals[0].model_dump(mode="json"),
        excerpt=f"// file: a.c\n{CODE.rstrip()}",
        group="s/a.c",
    )
    row = TASK.render(item, proposals[0].answer, None, lang)
    first, blank, told = row.completion[0].content.split("\n", 2)
    assert json.loads(first) == row.answer == {"targets": ["my_open"], "completeness": proposals[0].answer["completeness"]}
    assert blank == "" and "a.c:" not in told and ("line 5" if lang == "en" else "第 5 行") in told
    assert "// file: a.c" in row.prompt[0].content and "`completeness`" in row.prompt[0].content


def test_a_wrong_answer_is_refused_by_field():
    with pytest.raises(BadAnswer, match="completeness"):
        TASK.check({"targets": [], "completeness": "perhaps"})


def test_targets_are_scored_as_a_set_of_names():
    assert TASK.metrics() == {"targets": {"metric": "set", "key": "name", "names": True}, "completeness": {"metric": "accuracy"}}


def test_a_call_in_a_template_is_one_site_with_the_candidates_of_all_inclusions() -> None:
    texts = [
        ("t.c", "static int NAME(run)(struct NAME(ops) *o) { return o->go(1); }\n"),
        ("a.c", "#define NAME(x) wide_##x\nstruct wide_ops { int (*go)(int); };\nint w(int x) { return x; }\n"
                '#include "t.c"\nstruct wide_ops a = { w };\nint start(void) { return wide_run(&a); }\n'),
        ("b.c", "#define NAME(x) thin_##x\nstruct thin_ops { int (*go)(int); };\nint n(int x) { return x; }\n"
                '#include "t.c"\nstruct thin_ops b = { n };\nint begin(void) { return thin_run(&b); }\n'),
    ]
    found = list(TASK.propose(build_index(texts, jobs=0), ["t.c"]))
    assert [sorted(c.name for c in p.candidates) for p in found] == [["n", "w"]]


def test_the_draft_tells_the_places_between_where_the_function_is_put_and_the_call():
    code = (
        "struct ops { int (*open)(int); };\nstruct dev { const struct ops *ops; };\nstatic int my_open(int n) { return n; }\n"
        "static const struct ops my_ops = { .open = my_open };\n"
        "static void add(struct dev *d, const struct ops *o)\n{\n\td->ops = o;\n}\n"
        "int start(struct dev *d)\n{\n\treturn d->ops->open(1);\n}\nvoid init(struct dev *d)\n{\n\tadd(d, &my_ops);\n}\n"
    )
    (proposal,) = TASK.propose(build_index([("a.c", code)], jobs=0))
    assert "by way of a.c:15 (`add(d, &my_ops);`), a.c:7 (`d->ops = o;`)." in TASK.draft(proposal.answer, proposal, "en")
    assert "随后经由 a.c:15（`add(d, &my_ops);`）、a.c:7（`d->ops = o;`）传到这里" in TASK.draft(proposal.answer, proposal, "zh")
