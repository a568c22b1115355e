"""Do characters stand in the text that nobody sees, or that turn its order round?

>>> check(PairAnswer(instruction="q", output="if (is_admin\\u202e) {"), Context())
[Flag(filter='hidden_characters', params={'part': 'output', 'code': 'U+202E'})]

Bidirectional controls can make code read otherwise than it compiles (Boucher and Anderson, "Trojan Source", 2021). Tabs, line breaks, a
byte-order mark at the start and the joiners of emoji pass.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "hidden_characters"
_HIDDEN = re.compile(r"[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]"
                     r"|(?<=.)\ufeff", re.DOTALL)


def check(row: PairAnswer, context: Context) -> list[Flag]:
    return [
        Flag(filter=NAME, params={"part": part, "code": f"U+{ord(match.group()[0]):04X}"})
        for part, text in (("instruction", row.instruction), ("input", row.input), ("output", row.output))
        if (match := _HIDDEN.search(text))
    ]
