"""Small programs, each with what its calls reach in a comment: `// expect CALLEE: names`."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.csource import build_index

_FLOWS = Path(__file__).parent / "flows"
_EXPECT = re.compile(r"// expect (.+): ([\w, ]+)$")
_CASES = [
    (file.name, number, found[1], sorted(found[2].split(", ")))
    for file in sorted(_FLOWS.glob("*.c"))
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    if (found := _EXPECT.search(line))
]


@pytest.mark.parametrize(("file", "line", "callee", "wanted"), _CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_a_call_reaches_what_the_program_says(file: str, line: int, callee: str, wanted: list[str]) -> None:
    index = build_index([(file, (_FLOWS / file).read_text(encoding="utf-8"))], jobs=0)
    call = next(c for c in index.calls(file) if c.kind == "indirect" and c.line == line)
    assert sorted(c.name for c in index.resolve(call)) == wanted, callee
