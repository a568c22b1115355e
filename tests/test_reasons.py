"""Reasons inside errors: whatever a user may read in a sentence is a Reason with Chinese words, or the words of others.

The code is read, not run: every UserError raised in curation/ and training/. Not held: the command lines (commands/, __main__.py), whose
output is English, and BadKnowledge, which is about files of the project itself.
"""
from __future__ import annotations

import ast
import copy
import json
import string
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from curation.errors import BadValue, NotAllowed, NotFound, Reason, UserError, all_user_errors, invalid, joined, reason_in, record, remade
from ui.text import error_text, reason_text

ROOT = Path(__file__).resolve().parent.parent
SENTENCES = {"why", "todo", "problems"}
NOUNS = {"kind", "field", "action", "tool"}
PASSED_ON = {"ValueError", "ReadError", "refuse"}  # plain errors, and functions that make an error of a reason
PROPER = {"cmake", "llama.cpp"}  # the same in every language


@cache
def _zh() -> dict[str, dict[str, str]]:
    return tomllib.loads((ROOT / "ui" / "locales" / "zh.toml").read_text(encoding="utf-8"))


def _modules() -> list[Path]:
    found = [*(ROOT / "curation").rglob("*.py"), *(ROOT / "training").rglob("*.py")]
    return sorted(path for path in found if path.name != "__main__.py" and path.parent.name != "commands")


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _reasons(path: Path) -> Iterator[tuple[str, ast.expr, set[str], int]]:
    """(code, the text's node, names of the params given, line) of each Reason with words of its own."""
    for call in _calls(ast.parse(path.read_text(encoding="utf-8"))):
        if _name(call) == "Reason" and isinstance(call.args[0], ast.Constant) and call.args[0].value != "":
            yield str(call.args[0].value), call.args[1], {k.arg or "**" for k in call.keywords}, call.lineno


def _literal(node: ast.expr, names: dict[str, list[ast.expr]], depth: int = 0) -> bool:
    """Whether English written here comes out of the expression; names: what is assigned to each name of the module."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and any(c.isalpha() for c in node.value)
    if isinstance(node, ast.JoinedStr):
        return any(_literal(part, names, depth) for part in node.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.IfExp):
        return _literal(node.body, names, depth) or _literal(node.orelse, names, depth)
    if isinstance(node, ast.BinOp):
        return _literal(node.left, names, depth) or _literal(node.right, names, depth)
    if isinstance(node, ast.BoolOp):
        return any(_literal(value, names, depth) for value in node.values)
    if isinstance(node, ast.Name) and depth < 3:
        return any(_literal(value, names, depth + 1) for value in names.get(node.id, []))
    return False


def _assigned(tree: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id].append(node.value)
    return found


def _shown_to_users(path: Path) -> bool:
    """Whether the plain errors of this module become the reason of a UserError (reason_in)."""
    return path.parent.name == "formats" or path.name in ("archives.py", "manifest.py", "models.py", "config.py")


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_error_is_raised_with_bare_english(path: Path) -> None:
    errors = {cls.__name__ for cls in all_user_errors()} - {"BadKnowledge"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = []
    for call in _calls(tree):
        given = {k.arg: k.value for k in call.keywords}
        if _name(call) in errors:
            bare += [(call.lineno, name) for name in SENTENCES & given.keys() if _literal(given[name], _assigned(tree))]
        elif _name(call) in PASSED_ON and _shown_to_users(path) and call.args and _literal(call.args[0], {}):
            bare.append((call.lineno, "argument"))
    assert bare == []


def test_every_reason_has_chinese_words_with_the_same_values() -> None:
    wrong = {}
    for path in _modules():
        for code, text, given, line in _reasons(path):
            zh = _zh()["reason"].get(code)
            if not isinstance(text, ast.Constant) or zh is None or not _placeholders(zh) == _placeholders(str(text.value)) == given:
                wrong[f"{path.relative_to(ROOT)}:{line}"] = (code, zh)
    assert wrong == {}


def test_a_code_has_one_english_text_and_a_text_one_code() -> None:
    texts, codes = defaultdict(set), defaultdict(set)
    for path in _modules():
        for code, text, _, _ in _reasons(path):
            texts[code].add(ast.unparse(text))
            codes[ast.unparse(text)].add(code)
    assert {code: found for code, found in texts.items() if len(found) > 1} == {}
    assert {text: found for text, found in codes.items() if len(found) > 1} == {}


def test_no_chinese_reason_is_left_without_its_english() -> None:
    used = {code for path in _modules() for code, _, _, _ in _reasons(path)}
    assert {code for code in _zh()["reason"] if not code.startswith("invalid_")} - used == set()


def test_every_named_thing_has_a_chinese_noun() -> None:
    missing = set()
    for path in [*_modules(), *(ROOT / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for call in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            if _name(call) in {cls.__name__ for cls in all_user_errors()} | {"require"}:
                named = [k.value.value for k in call.keywords if k.arg in NOUNS and isinstance(k.value, ast.Constant)]
                missing |= {(path.name, word) for word in named if word not in _zh()["noun"].keys() | PROPER}
    assert missing == set()


def test_an_error_is_wholly_in_the_language_of_the_page() -> None:
    err = BadValue(field="name", value="A b", why=Reason("no_dataset_name", "is no name for a dataset"),
                   todo=Reason("give_one_of", "Give one of {known}.", known="a, b"))
    assert str(err) == "name: 'A b' is no name for a dataset. Give one of a, b."
    assert error_text(err, "zh") == "名称：'A b' 不能用作数据集名称。请填写以下之一：a, b。"
    assert error_text(NotAllowed(user="wang", role="annotator", action="label"), "zh").startswith("wang（标注员）无权执行：标注。")
    assert error_text(NotFound(kind="folder", name="x"), "zh").startswith("没有名为 'x' 的文件夹。")


def test_the_words_of_others_stay_as_they_are_inside_a_translated_reason() -> None:
    why = Reason("array_rest", "{why}; the rest of the array cannot be read",
                 why=Reason("not_json", "not JSON: {said} (column {column})", said="Expecting {value}", column=7))
    assert reason_text(why, "zh") == "不是 JSON：Expecting {value}（第 7 列）；数组的其余部分无法读取"
    assert reason_text(joined([why, "fatal: no such host"]), "zh").endswith("无法读取\nfatal: no such host")
    assert reason_text(joined([why]), "en") == str(why) == "not JSON: Expecting {value} (column 7); the rest of the array cannot be read"


def test_what_only_puts_reasons_together_has_chinese_punctuation() -> None:
    one = Reason("", "{field}: {why} ({said})", field="name", why=Reason("empty", "is empty"), said="a: b, (c)")
    assert reason_text(joined([one, one], "; "), "zh") == "名称：为空（a: b, (c)）；名称：为空（a: b, (c)）"


def test_an_error_out_of_a_file_is_translated_as_the_one_that_was_raised() -> None:
    err = BadValue(field="out", value="a.txt", why=joined([Reason("larger_than", "is larger than {most} bytes", most=9)]), todo="?")
    again = remade(json.loads(json.dumps(record(err))))
    assert again is not None and str(again) == str(err)
    assert error_text(again, "zh") == error_text(err, "zh") == "输出文件：'a.txt' 超过 9 字节。?"
    assert remade({"code": "bad_value", "params": {"field": "out", "value": 1}}) is None  # of another version
    assert remade({"code": "of_another_program", "params": {}}) is None
    old = remade({"code": "bad_value", "params": {"field": "out", "value": "1", "why": "is odd", "todo": "Mend it."}})
    assert isinstance(old, UserError) and error_text(old, "zh") == "输出文件：'1' is odd。Mend it."


def test_a_copy_of_a_reason_can_still_be_translated() -> None:
    why = copy.deepcopy(Reason("larger_than", "is larger than {most} bytes", most=9))
    assert (why, why.code, why.params) == ("is larger than 9 bytes", "larger_than", {"most": 9})


class Given(BaseModel, extra="forbid"):
    whole: int = Field(default=1, ge=1, lt=9)
    word: str = Field(default="", max_length=3)
    kind: Literal["a", "b"] = "a"


@pytest.mark.parametrize(("values", "zh"), [
    ({"whole": "x"}, "应为整数"), ({"whole": 0}, "应不小于 1"), ({"whole": 9}, "应小于 9"), ({"word": 1}, "应为文本"),
    ({"word": "long"}, "最多 3 个字符"), ({"odd": 1}, "没有这一项"), ({"kind": "c"}, "应为 'a', 'b' 之一"),
])
def test_what_pydantic_found_is_said_in_chinese_by_its_kind(values: dict[str, object], zh: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Given.model_validate(values)
    details = caught.value.errors()[0]
    assert reason_text(invalid(details), "zh") == zh
    assert invalid(details) == details["msg"]


def test_the_reason_of_an_error_without_words_is_its_type() -> None:
    assert reason_in(EOFError()) == "EOFError"
    assert isinstance(reason_in(ValueError(Reason("nested", "nested too deeply"))), Reason)
