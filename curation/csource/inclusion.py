"""Which source files are read into others by #include, where, and under which macros?

>>> included_sources({"a.c": '#define P(x) a_##x\\n#include "impl.c"\\n', "impl.c": ""})
{'a.c': [(2, 'impl.c')]}

Headers are left out: what they define is visible to all anyway.
"""
from __future__ import annotations

import posixpath
import re
from collections import defaultdict

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+\.(?:c|cc|cpp|cxx|inc|def|tbl|i))[">]', re.MULTILINE)


def included_sources(texts: dict[str, str]) -> dict[str, list[tuple[int, str]]]:
    """Including file -> (1-based line, included file of the corpus), in order. The nearest file of a name is meant."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for file in texts:
        by_name[posixpath.basename(file)].append(file)
    found: dict[str, list[tuple[int, str]]] = {}
    for file, text in texts.items():
        if "include" not in text:
            continue
        for directive in _INCLUDE.finditer(text):
            wanted = directive.group(1)
            direct = posixpath.normpath(posixpath.join(posixpath.dirname(file), wanted))
            known = by_name.get(posixpath.basename(wanted), [])
            ending = [f for f in known if f == direct] or [f for f in known if f.endswith("/" + posixpath.normpath(wanted).lstrip("./"))]
            if not ending and "/" not in wanted and len(known) == 1:
                ending = known
            if ending and ending[0] != file:
                found.setdefault(file, []).append((text.count("\n", 0, directive.start()) + 1, ending[0]))
    return found


def together(included: dict[str, list[tuple[int, str]]]) -> dict[str, set[str]]:
    """File -> the other files it makes one unit of compilation with: static names of one are seen in the others."""
    found: dict[str, set[str]] = defaultdict(set)
    for file, listed in included.items():
        unit = {file, *(inner for _, inner in listed)}
        for member in unit:
            found[member] |= unit - {member}
    return dict(found)
