"""Outlines from a process that can be killed."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from curation.csource.syntax.isolated import SyntaxReader
from curation.csource.syntax.outline import outline
from curation.csource.syntax.scopes import enclosing, folds
from curation.csource.syntax.tree import Unparsed, parse

CODE = "struct s {\n\tint a; /* 打开 */\n};\nint f(void)\n{\n\treturn g(1);\n}\n"


@pytest.fixture(scope="module")
def reader() -> Iterator[SyntaxReader]:
    one = SyntaxReader(time_limit_s=1.0, memory_bytes=150 << 20)
    yield one
    one.close()


def test_it_tells_what_this_process_would(reader: SyntaxReader) -> None:
    tree = parse(CODE)
    view = reader.view(CODE)
    assert (view.symbols, view.folds, view.error_share) == (outline(tree), folds(tree), 0)
    assert [symbol.children for symbol in reader.view(CODE, calls=False).symbols if symbol.kind == "function"] == [[]]
    assert reader.enclosing(CODE, 6, 9) == enclosing(tree, 6, 9)
    assert reader.enclosing(CODE, 6, 9, 6, 12) == enclosing(tree, 6, 9, 6, 12)


def test_a_text_that_ends_the_process_or_takes_too_long_is_told_and_the_next_is_read(reader: SyntaxReader) -> None:
    with pytest.raises(Unparsed, match="ended the process"):
        reader.view("a[" * 3_000_000)
    assert reader.view(CODE).symbols
    with pytest.raises(Unparsed, match="larger than"):
        reader.view(" " * 17_000_000)
    assert reader.view(CODE).symbols
