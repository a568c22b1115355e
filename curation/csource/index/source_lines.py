"""What stands on a line of a source, under which #if, and in which language?

>>> SourceLines({"a.c": "int f(void)\\n{\\n\\treturn 0;\\n}\\n"}).line_text("a.c", 3)
'return 0;'
"""
from __future__ import annotations

from collections.abc import Mapping

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.sources.path_hints import conditional_lines, is_cplusplus

_KEPT = 400  # files whose lines are kept split
_KEPT_SPANS = 8_000  # files whose conditional lines are kept


class SourceLines:
    """texts: by file; of a big corpus read again at each access."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self._lines = Recent[str, list[str]](_KEPT)
        self._conditional = Recent[str, list[tuple[int, int]]](_KEPT_SPANS)

    def text(self, file: str) -> str:
        """The decoded text of a file. Raises KeyError for a file that was not given."""
        return self.texts[file]

    def lines(self, file: str) -> list[str]:
        """The file's lines as they stand, without line ends; line 1 is item 0. [] for a file that was not given."""
        return self._lines.get(file) or self._lines.put(file, self.texts.get(file, "").split("\n"))

    def line_text(self, file: str, line: int) -> str:
        """The source line, stripped; "" beyond the end."""
        lines = self.lines(file)
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def conditional(self, file: str, line: int) -> bool:
        """Whether the line stands under an #if that is no include guard."""
        spans = self._conditional.get(file)
        if spans is None:
            spans = self._conditional.put(file, conditional_lines(self.texts.get(file, "")))
        return any(first <= line <= last for first, last in spans)

    def is_cplusplus(self, file: str) -> bool:
        """Whether the file holds C++, where calls through pointers cannot be told from those of methods."""
        return is_cplusplus(file, self.texts.get(file, ""))
