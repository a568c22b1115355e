import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.llm.answers import read_pairs
from curation.model import PairAnswer

ONE = {"instruction": "Which function runs?", "input": "p->run = go;\np->run(\"}{\");", "output": "go"}
TWO = {"instruction": "它能睡眠吗？", "input": "", "output": "不能。"}


@pytest.mark.parametrize("text", [
    json.dumps([ONE, TWO]),
    json.dumps([ONE, TWO], ensure_ascii=False, indent=2),
    "Here you are:\n```json\n" + json.dumps([ONE, TWO]) + "\n```\nEnjoy; if (x) { y(); }",
    json.dumps(ONE) + "\n" + json.dumps(TWO) + "\n",
    json.dumps({"examples": [ONE, TWO]}),
    "1. " + json.dumps(ONE) + "\n2. " + json.dumps(TWO),
    "[" + json.dumps(ONE) + ",\n" + json.dumps(TWO) + ",\n]",
    json.dumps([ONE, TWO]).replace("\\n", "\n"),
    json.dumps([ONE, TWO])[:-1] + ', {"instruction": "cut o',
    json.dumps([{"question": ONE["instruction"], "code": ONE["input"].split("\n"), "answer": "go"}, {**TWO, "input": None}]),
])
def test_pairs_are_read_however_they_are_wrapped(text):
    assert read_pairs(text) == [PairAnswer(**ONE), PairAnswer(**TWO)]


@pytest.mark.parametrize("text", [
    '[{"Instruction": "q", "Input": "", "Output": "a"}]', '[{"instruction":"q","input":"<noinput>","output":"a",},]',
    '<think>\nDraft: [{"instruction":"draft","input":"","output":"no"}]\n</think>\n[{"instruction":"q","output":"a"}]',
    'Draft: {"instruction": "d", "output": "d"}</think>{"instruction": "q", "output": "a"}',
    '{"instruction": "q", "output": "a" /* sure */}', '{"instruction": "q" "output": "a"}',
    '{"instruction": "q", "output": "a"} <think>and now {"instruction": "cut", "output": "o"}',
])
def test_what_models_get_wrong_is_mended_and_what_they_only_thought_is_no_row(text):
    assert read_pairs(text) == [PairAnswer(instruction="q", input="", output="a")]


def test_backslashes_that_json_does_not_know_are_kept():
    text = r'[{"instruction": "What is printed?", "input": "printf(\"\%d\0\n\", x); // \d", "output": "x"}]'
    [pair] = read_pairs(text)
    assert pair.input == 'printf("\\%d\\0\n", x); // \\d'


def test_an_output_given_as_an_object_becomes_its_json():
    [pair] = read_pairs(json.dumps({**ONE, "output": {"targets": [{"name": "go"}]}}))
    assert json.loads(pair.output) == {"targets": [{"name": "go"}]}


@pytest.mark.parametrize("text", [
    "", "Callbacks are wonderful.", "int f(void) { return 0; }", "[]", "{}", "null", '{"instruction": "q"}',
    '[{"instruction": "q", "output": " "}]',
    '{"instruction": ', "{" * 50_000, '{"a" ' * 20_000, '{"a":' * 3000, '{"instruction": "' + "\\" * 30_001,
])
def test_prose_and_broken_answers_give_no_pair(text):
    assert read_pairs(text) == []


PAIRS = st.builds(PairAnswer, instruction=st.text(min_size=1), input=st.text(), output=st.text(min_size=1))


@given(st.lists(PAIRS, max_size=4), st.booleans())
def test_what_json_wrote_is_read_back(pairs, ascii_only):
    read = read_pairs(json.dumps([p.model_dump() for p in pairs], ensure_ascii=ascii_only))
    stripped = [(p.instruction.strip(), p.input.strip("\n"), p.output.strip()) for p in pairs]
    assert [(p.instruction, p.input, p.output) for p in read] == [s for s in stripped if s[0] and s[2]]


@given(st.text(alphabet='{}[]":,\\ninstructo pu'))
def test_no_answer_whatever_raises(text):
    read_pairs(text)
