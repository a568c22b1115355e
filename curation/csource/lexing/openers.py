"""Which names in a file may be macros that open a brace, or are the head of a struct or function? What stands around such a macro cannot be
parsed as it is written; which of the names are such is known when the corpus's macros are (macros/brace_macros.py).

>>> openers("TABLE_BEGIN\\n  ENTRY(a)\\nTABLE_END\\nDEFINE_SERVICE( font )\\n{ int x; };\\nint f(void);\\n")
['DEFINE_SERVICE', 'ENTRY', 'TABLE_BEGIN', 'TABLE_END']
"""
from __future__ import annotations

import re

_OPENER = re.compile(r"^[ \t]*+([A-Z][A-Z0-9_]++)[ \t]*+(?:\([^;{}()\n]*+\)[ \t]*+)?(?=\n|\{)", re.MULTILINE | re.ASCII)


def openers(code: str) -> list[str]:
    """The names in capitals, as macros of this kind are written, that stand at the start of a line, alone or with arguments, before the
    line's end or a brace. code: prepared."""
    return sorted({found.group(1) for found in _OPENER.finditer(code)})
