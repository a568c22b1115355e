"""Which source files are read into others by #include, where, and under which macros?

>>> included_sources({"a.c": '#define P(x) a_##x\\n#include "impl.c"\\n', "impl.c": ""})
{'a.c': [(2, 'impl.c')]}

Headers are left out: what they define is visible to all anyway.
"""
from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

_INCLUDE = re.compile(  # what is no header: "impl.c", <ops.inc>, "names.def", "ucs.map"
    r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"<>\n]*\.(?!h\w{0,2}")\w+)"|<([^"<>\n]+\.(?:c|cc|cpp|cxx|inc|def|tbl|i))>)', re.MULTILINE)


def included_sources(texts: Mapping[str, str]) -> dict[str, list[tuple[int, str]]]:
    """Including file -> (1-based line, included file of the corpus), in order. The nearest file of a name is meant."""
    return resolved(texts, {file: wanted for file, text in texts.items() if (wanted := includes_of(text))})


def includes_of(text: str) -> list[tuple[int, str]]:
    """(1-based line, path as written) of each source that a text includes."""
    if "include" not in text:
        return []
    return [(text.count("\n", 0, m.start()) + 1, m.group(1) or m.group(2)) for m in _INCLUDE.finditer(text)]


def resolved(files: Iterable[str], wanted: Mapping[str, list[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
    """As included_sources. files: the corpus. wanted: what includes_of said of each file that includes sources at all."""
    if not wanted:
        return {}
    by_name: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_name[posixpath.basename(file)].append(file)
    found: dict[str, list[tuple[int, str]]] = {}
    for file, listed in wanted.items():
        for line, path in listed:
            direct = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
            known = by_name.get(posixpath.basename(path), [])
            ending = [f for f in known if f == direct] or [f for f in known if f.endswith("/" + posixpath.normpath(path).lstrip("./"))]
            if not ending and "/" not in path and len(known) == 1:
                ending = known
            if ending and ending[0] != file:
                found.setdefault(file, []).append((line, ending[0]))
    return found


def together(included: dict[str, list[tuple[int, str]]]) -> dict[str, set[str]]:
    """File -> the other files it makes one unit of compilation with: static names of one are seen in the others."""
    found: dict[str, set[str]] = defaultdict(set)
    for file, listed in included.items():
        unit = {file, *(inner for _, inner in listed)}
        for member in unit:
            found[member] |= unit - {member}
    return dict(found)
