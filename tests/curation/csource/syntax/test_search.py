"""Structural search over files, in processes that may be killed."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.csource.facts.model import FactsProblem
from curation.csource.sources.files import c_files
from curation.csource.syntax.hits import Hit, may_match
from curation.csource.syntax.pattern import BadPattern, compile_pattern
from curation.csource.syntax.search import search

CODE = "/* 打开 */\nint open_it(struct dev *d)\n{\n\tint n = 1;\n\treturn d->ops->open(d,\n\t\t\t    n);\n}\n"


def _files(folder: Path, **texts: str | bytes) -> list[tuple[str, str]]:
    for name, text in texts.items():
        (folder / f"{name}.c").write_bytes(text if isinstance(text, bytes) else text.encode())
    return sorted(c_files(folder))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Hit | FactsProblem]:
    """One search over files of every sort: its processes take a second to start on a busy machine."""
    folder = tmp_path_factory.mktemp("code")
    files = _files(
        folder, plain=CODE, crlf=CODE.replace("\n", "\r\n"), gbk=CODE.encode("gbk"), wide=CODE.encode("utf-16"), none="int f(void);\n",
        hostile="int f(int ops) { " + "ops->" * 30_000 + "a(); }\n", binary=b"\0\1\2ops" * 99, other="int g(void) { return a->ops->b(); }")
    return list(search("$x->ops->$f($$$)", [*files, ("away.c", str(folder / "away.c"))], jobs=2, context=1, time_limit_s=20))


def _of(found: list[Hit | FactsProblem], file: str) -> list[Hit | FactsProblem]:
    return [one for one in found if one.file == file]


def test_a_hit_says_where_what_and_in_which_function(found: list[Hit | FactsProblem]) -> None:
    (hit,) = _of(found, "plain.c")
    assert isinstance(hit, Hit)
    assert (hit.line, hit.column, hit.end_line, hit.end_column, hit.function) == (5, 9, 6, 10, "open_it")
    assert hit.text == "d->ops->open(d, n)"
    assert [(hole.name, hole.text, hole.line, hole.column) for hole in hit.holes] == [("x", "d", 5, 9), ("f", "open", 5, 17)]
    assert (hit.first_line, hit.lines) == (4, ("\tint n = 1;", "\treturn d->ops->open(d,", "\t\t\t    n);", "}"))


@pytest.mark.parametrize("file", ["crlf.c", "gbk.c", "wide.c"])
def test_line_ends_and_encodings_change_nothing(found: list[Hit | FactsProblem], file: str) -> None:
    (hit,), (plain,) = _of(found, file), _of(found, "plain.c")
    assert isinstance(hit, Hit) and isinstance(plain, Hit)
    assert (hit.line, hit.column, hit.end_line, hit.end_column, hit.text, hit.lines) == (
        plain.line, plain.column, plain.end_line, plain.end_column, plain.text, plain.lines)


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_searched(found: list[Hit | FactsProblem]) -> None:
    problems = {one.file: one.code for one in found if isinstance(one, FactsProblem)}
    assert problems == {"binary.c": "undecodable", "away.c": "unreadable"}
    assert len(_of(found, "other.c")) == 1 and not _of(found, "none.c")


def test_a_file_that_takes_too_long_costs_itself_only(tmp_path: Path) -> None:
    files = _files(tmp_path, slow="int f(void) { g(end, " + "1, " * 2_000 + "1); }\n", good="int f() { g(1, 2, 1, 2, end); }")
    found = list(search("$f($$$, $a, $$$, $b, $$$, $a, $$$, $b, end)", files, time_limit_s=0.5))
    assert sorted((one.file, getattr(one, "code", "hit")) for one in found) == [("good.c", "hit"), ("slow.c", "too_slow")]


def test_a_wrong_pattern_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadPattern, match="line 1, column 4"):
        next(search("foo(", []))
    with pytest.raises(BadPattern, match="Invalid node type"):
        next(search("(nope) @a", [], as_query=True))


def test_files_without_the_words_are_not_parsed_and_those_of_wide_characters_are() -> None:
    wanted = compile_pattern("$x->ops->$f($$$)")
    assert may_match(wanted, b"a->ops->b()") and may_match(wanted, "ops".encode("utf-16")) and may_match(wanted, "ops".encode("utf-16-le"))
    assert not may_match(wanted, b"a->op->b()") and not may_match(wanted, b"drops, ops_, stops")
