"""Which files does a text include, and which files of the corpus can that mean?

>>> included_sources({"a.c": '#define P(x) a_##x\\n#include "impl.c"\\n', "impl.c": ""})
{'a.c': [(2, 'impl.c')]}

The one place where a path is resolved: beside the including file, then among all files whose path ends like that, then by its last name
alone. A header's macros are seen by whoever may mean it (include_graph.py); of a source that is read in place of its #include, the nearest
is. Headers are read in place only within a brace list:

>>> included_sources({"a.c": 'struct op ops[] = {\n#include "ops.h"\n};\n', "ops.h": "OP(add)"})
{'a.c': [(2, 'ops.h')]}

A path in quotes that no file answers is told (`unanswered`), and so is one that is read in place; what stands in angle brackets is the
system's otherwise.
"""
from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import nlargest
from typing import NamedTuple

COMPUTED = "?"  # the path of `#include MACRO`
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(?:["<]([^">\n]+)[">]|[A-Za-z_])', re.MULTILINE)
_SOURCE = re.compile(  # what is no header: "impl.c", <ops.inc>, "names.def", "ucs.map"
    r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"<>\n]*\.(?!h\w{0,2}")\w+)"|<([^"<>\n]+\.(?:c|cc|cpp|cxx|inc|def|tbl|i))>)', re.MULTILINE)
_NAMED = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
_QUOTED = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_PASSED_OVER = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*", re.DOTALL | re.MULTILINE)
_IN_LIST = re.compile(r"(?:[={,]\s*\{|,)\s*\Z")
_HEADER = re.compile(r"\.h\w{0,2}\Z")
_NEAR = 4000  # characters before an #include in which a list is looked for
_SEVERAL = 8  # files of one last name that a path may mean, where the folders to look in are told to the compiler alone
_MOST = 64  # files that a path may mean: those that share most folders with the including file


class Unanswered(NamedTuple):
    """An #include that no file of the corpus answers. in_place: its text would be read in place of the #include: a table's elements, the
    code of a template."""

    file: str
    line: int
    path: str
    in_place: bool


def paths_of(text: str) -> list[str]:
    """The paths that a text includes, as written, each once; COMPUTED for those that a macro tells."""
    return list(dict.fromkeys(path or COMPUTED for path in _INCLUDE.findall(text))) if "include" in text or "import" in text else []


def quoted_of(text: str) -> list[tuple[int, str]]:
    """(1-based line, path as written) of each path in quotes."""
    if "include" not in text:
        return []
    found: list[tuple[int, str]] = []
    line, counted = 1, 0
    for include in _QUOTED.finditer(text):
        line += text.count("\n", counted, include.start())
        counted = include.start()
        found.append((line, include.group(1)))
    return found


class IncludePaths:
    """What an included path means in a corpus of these files, which are told by their numbers."""

    def __init__(self, files: Iterable[str]) -> None:
        self.numbers = {file: number for number, file in enumerate(files)}
        self._files = list(self.numbers)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            self._by_name[file.rpartition("/")[2]].append(file)
        self._ending: dict[str, list[str]] = {}
        self._near: dict[tuple[str, str], list[str]] = {}

    def meant(self, file: str, path: str) -> list[int]:
        """All files that a path in a file can mean, in order; [] where there is none."""
        folder = file.rpartition("/")[0]
        beside = f"{folder}/{path}" if folder else path
        if "./" in path:
            beside = posixpath.normpath(beside)
        if beside in self.numbers:
            return [self.numbers[beside]]
        ending = self._ending.get(path)
        if ending is None:
            named = self._by_name.get(path.rpartition("/")[2], [])
            tail = "/" + posixpath.normpath(path).lstrip("./")
            ending = [f for f in named if f.endswith(tail) or f == tail[1:]] or (named if len(named) <= _SEVERAL else [])
            self._ending[path] = ending
        if len(ending) > _MOST:
            near = self._near.get((folder, path))
            if near is None:
                near = self._near[folder, path] = nlargest(_MOST, ending, key=lambda other: shared(file, other))
            ending = near
        return [self.numbers[other] for other in ending if other != file]

    def all_of(self, file: str, paths: Iterable[str]) -> list[int]:
        return sorted({other for path in paths if path != COMPUTED for other in self.meant(file, path)})

    def in_place(self, file: str, path: str) -> list[str]:
        """The files whose text stands in the place of the #include: the nearest one; of a header (a list that it fills is told by the
        folders that the compiler alone knows) up to _SEVERAL. By its last name alone a path means only a file that is the one of that
        name."""
        found = [self._files[number] for number in self.meant(file, path) if self._files[number] != file]
        if not found:
            return []
        if not any(self._ends_like(other, file, path) for other in found) and ("/" in path or len(found) > 1):
            return []
        found.sort(key=lambda other: -shared(file, other))
        return found[:_SEVERAL if _HEADER.search(path) else 1]

    def _ends_like(self, other: str, file: str, path: str) -> bool:
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        tail = posixpath.normpath(path).lstrip("./")
        return other == beside or other == tail or other.endswith("/" + tail)


def shared(file: str, other: str) -> int:
    """How many folders the paths of two files begin with alike."""
    count = 0
    for a, b in zip(file.split("/")[:-1], other.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


def included_sources(texts: Mapping[str, str]) -> dict[str, list[tuple[int, str]]]:
    """Including file -> (1-based line, included file of the corpus), in order. The nearest file of a name is meant."""
    return read_in_place(IncludePaths(texts), {file: wanted for file, text in texts.items() if (wanted := includes_of(text))})


def includes_of(text: str) -> list[tuple[int, str]]:
    """(1-based line, path as written) of each source that a text includes, and of each file that it reads into a brace list."""
    if "include" not in text:
        return []
    sources = [(text.count("\n", 0, m.start()) + 1, m.group(1) or m.group(2)) for m in _SOURCE.finditer(text)]
    return sorted({*sources, *lists_of(text)})


def lists_of(text: str) -> list[tuple[int, str]]:
    """(1-based line, path as written) of each file that a text reads into a brace list: the code before it ends with `= {` or `,`."""
    found: list[tuple[int, str]] = []
    end, within = 0, False
    for include in _NAMED.finditer(text):
        between = _PASSED_OVER.sub("", text[max(end, include.start() - _NEAR):include.start()])
        if between.strip():
            within = _IN_LIST.search(between) is not None
        end = include.end()
        if within:
            found.append((text.count("\n", 0, include.start()) + 1, include.group(1)))
    return found


def read_in_place(paths: IncludePaths, wanted: Mapping[str, list[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
    """Including file -> (1-based line, included file of the corpus). wanted: what includes_of said of each file that includes sources at
    all."""
    found = {file: [(line, one) for line, path in listed for one in paths.in_place(file, path)] for file, listed in wanted.items()}
    return {file: listed for file, listed in found.items() if listed}


def unanswered(paths: IncludePaths, file: str, quoted: Iterable[tuple[int, str]], wanted: Iterable[tuple[int, str]]) -> list[Unanswered]:
    """What no file answers of one file's #includes. quoted: see quoted_of. wanted: see includes_of."""
    in_place = set(wanted)
    return [Unanswered(file, line, path, (line, path) in in_place) for line, path in sorted({*quoted, *in_place})
            if not paths.meant(file, path)]


def together(included: dict[str, list[tuple[int, str]]]) -> dict[str, set[str]]:
    """File -> the other files it makes one unit of compilation with: static names of one are seen in the others."""
    found: dict[str, set[str]] = defaultdict(set)
    for file, listed in included.items():
        unit = {file, *(inner for _, inner in listed)}
        for member in unit:
            found[member] |= unit - {member}
    return dict(found)
