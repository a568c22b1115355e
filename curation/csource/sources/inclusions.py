"""Which source files are read into others by #include, where, and under which macros?

>>> included_sources({"a.c": '#define P(x) a_##x\\n#include "impl.c"\\n', "impl.c": ""})
{'a.c': [(2, 'impl.c')]}

Headers are left out: what they define is visible to all anyway. Only where one is read into a brace list, it counts:

>>> included_sources({"a.c": 'struct op ops[] = {\n#include "ops.h"\n};\n', "ops.h": "OP(add)"})
{'a.c': [(2, 'ops.h')]}
"""
from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

_INCLUDE = re.compile(  # what is no header: "impl.c", <ops.inc>, "names.def", "ucs.map"
    r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"<>\n]*\.(?!h\w{0,2}")\w+)"|<([^"<>\n]+\.(?:c|cc|cpp|cxx|inc|def|tbl|i))>)', re.MULTILINE)

_ANY_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
_PASSED_OVER = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*", re.DOTALL | re.MULTILINE)
_IN_LIST = re.compile(r"(?:[={,]\s*\{|,)\s*\Z")
_HEADER = re.compile(r"\.h\w{0,2}\Z")
_NEAR = 4000  # characters before an #include in which a list is looked for
_SEVERAL = 8  # headers of one name that a list may mean, where the folders to look in are told to the compiler alone


def included_sources(texts: Mapping[str, str]) -> dict[str, list[tuple[int, str]]]:
    """Including file -> (1-based line, included file of the corpus), in order. The nearest file of a name is meant."""
    return resolved(texts, {file: wanted for file, text in texts.items() if (wanted := includes_of(text))})


def includes_of(text: str) -> list[tuple[int, str]]:
    """(1-based line, path as written) of each source that a text includes, and of each file that it reads into a brace list."""
    if "include" not in text:
        return []
    sources = [(text.count("\n", 0, m.start()) + 1, m.group(1) or m.group(2)) for m in _INCLUDE.finditer(text)]
    return sorted({*sources, *lists_of(text)})


def lists_of(text: str) -> list[tuple[int, str]]:
    """(1-based line, path as written) of each file that a text reads into a brace list: the code before it ends with `= {` or `,`."""
    found: list[tuple[int, str]] = []
    end, within = 0, False
    for include in _ANY_INCLUDE.finditer(text):
        between = _PASSED_OVER.sub("", text[max(end, include.start() - _NEAR):include.start()])
        if between.strip():
            within = _IN_LIST.search(between) is not None
        end = include.end()
        if within:
            found.append((text.count("\n", 0, include.start()) + 1, include.group(1)))
    return found


def resolved(files: Iterable[str], wanted: Mapping[str, list[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
    """As included_sources. files: the corpus. wanted: what includes_of said of each file that includes sources at all."""
    if not wanted:
        return {}
    by_name: dict[str, list[str]] = defaultdict(list)
    names = {posixpath.basename(path) for listed in wanted.values() for _, path in listed}
    for file in files:
        if (name := file[file.rfind("/") + 1:]) in names:
            by_name[name].append(file)
    found: dict[str, list[tuple[int, str]]] = {}
    for file, listed in wanted.items():
        for line, path in listed:
            direct = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
            known = by_name.get(posixpath.basename(path), [])
            ending = [f for f in known if f == direct] or [f for f in known if f.endswith("/" + posixpath.normpath(path).lstrip("./"))]
            if not ending and "/" not in path and len(known) == 1:
                ending = known
            for one in ending[:_SEVERAL if _HEADER.search(path) else 1]:
                if one != file:
                    found.setdefault(file, []).append((line, one))
    return found


def together(included: dict[str, list[tuple[int, str]]]) -> dict[str, set[str]]:
    """File -> the other files it makes one unit of compilation with: static names of one are seen in the others."""
    found: dict[str, set[str]] = defaultdict(set)
    for file, listed in included.items():
        unit = {file, *(inner for _, inner in listed)}
        for member in unit:
            found[member] |= unit - {member}
    return dict(found)
