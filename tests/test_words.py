"""Both languages: every word stands in both locale files, with the same placeholders; every error has its Chinese sentence."""
from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import string
import tomllib
from pathlib import Path

import pytest

import curation
import training
from curation.errors import UserError, all_user_errors

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "ui" / "locales"
IN_THE_CODE = ("errors.", "reason.", "noun.")  # sections whose English is in the code


def _flat(lang: str) -> dict[str, str]:
    def walk(table: dict, prefix: str) -> dict[str, str]:
        flat: dict[str, str] = {}
        for key, value in table.items():
            flat.update(walk(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
        return flat

    return walk(tomllib.loads((LOCALES / f"{lang}.toml").read_text(encoding="utf-8")), "")


def _names(text: str) -> set[str]:
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_key_stands_in_both_languages() -> None:
    en = {key for key in _flat("en") if not key.startswith(IN_THE_CODE)}
    zh = {key for key in _flat("zh") if not key.startswith(IN_THE_CODE)}
    assert en - zh == set(), "without Chinese"
    assert zh - en == set(), "without English"


def test_both_languages_have_the_same_placeholders() -> None:
    en, zh = _flat("en"), _flat("zh")
    assert {key: (_names(en[key]), _names(zh[key])) for key in en.keys() & zh.keys() if _names(en[key]) != _names(zh[key])} == {}


def test_every_user_error_has_a_chinese_sentence_with_the_same_values() -> None:
    for package in (curation, training):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", "worker")):
                importlib.import_module(module.name)
    zh = _flat("zh")
    wrong = {}
    for error in all_user_errors():
        text = zh.get(f"errors.{error.code}")
        if error is not UserError and (text is None or _names(text) != _names(error.text)):
            wrong[error.code] = text
    assert wrong == {}


@pytest.mark.parametrize("path", sorted([*(ROOT / "pages").glob("*.py"), *(ROOT / "ui").glob("*.py")]), ids=lambda p: p.name)
def test_every_key_that_a_screen_names_exists(path: Path) -> None:
    en = _flat("en")
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call) and node.args]
    named = [c.args[0].value for c in calls if getattr(c.func, "id", "") == "t" and isinstance(c.args[0], ast.Constant)]
    assert [key for key in named if key not in en] == []


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.name)
def test_a_screen_holds_no_sentence_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(getattr(n.func, "value", None), "id", "") == "st" and n.args]
    first = [c.args[0].value for c in calls if isinstance(c.args[0], ast.Constant) and isinstance(c.args[0].value, str)]
    assert [text for text in first if re.search(r"[A-Za-z]{3,} |[\u4e00-\u9fff]", text)] == []


def test_no_word_stands_there_that_no_code_names() -> None:
    """By a literal, by an f-string that fits, by a literal prefix (named(), help of a heading). Not seen: a word named and never shown."""
    literals: set[str] = set()
    shapes: list[re.Pattern[str]] = []
    for path in [ROOT / "app.py", *(f for folder in ("pages", "ui", "curation", "training") for f in (ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                fixed = [v.value if isinstance(v, ast.Constant) else None for v in node.values]
                if re.match(r"[a-z_]+\.", str(fixed[0])):  # its section at least is said
                    shapes.append(re.compile("".join(r"[\w.-]+" if part is None else re.escape(str(part)) for part in fixed)))

    def named(key: str) -> bool:
        base = key.removesuffix("_help")
        prefix = key.rpartition(".")[0]
        by_prefix = prefix in literals and ("." in prefix or prefix == "task")
        return key in literals or base in literals or by_prefix or any(shape.fullmatch(key) for shape in shapes)

    assert [key for key in _flat("en") if not named(key)] == []
