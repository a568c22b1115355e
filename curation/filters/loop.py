"""Does the answer go round in a loop?

>>> check(PairAnswer(instruction="q", output="It calls f. " * 6), Context())
[Flag(filter='loop', params={'times': 6, 'text': 'It calls f.'})]

Looked for: one line or sentence of at least 8 characters again and again, and at the end a piece of up to 60 characters at least four times in
a row. Tables and lists of code repeat their shape, not their words, and pass.
"""
from __future__ import annotations

import re
from collections import Counter

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "loop"
MOST = 3  # times that a line or sentence may stand in an answer
_PIECE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_TAIL = re.compile(r"(.{2,60}?)\1{3,}[^\n]{0,60}\s*\Z", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z\u4e00-\u9fff]")


def check(row: PairAnswer, context: Context) -> list[Flag]:
    pieces = Counter(piece for match in _PIECE.finditer(row.output) if len(piece := match.group().strip()) >= 8 and _words(piece))
    if pieces:
        text, times = pieces.most_common(1)[0]
        if times > MOST and times * len(text) * 3 > len(row.output):
            return [Flag(filter=NAME, params={"times": times, "text": text[:60]})]
    match = _TAIL.search(row.output[-2000:])
    if match and _words(match.group(1)) and len(match.group()) >= 24:
        return [Flag(filter=NAME, params={"times": row.output.count(match.group(1)), "text": match.group(1).strip()[:60]})]
    return []


def _words(piece: str) -> bool:
    return len(_PLAIN.findall(piece)) >= 2 and not re.fullmatch(r"\s*\w+\s*\([\w\s,]*\);?\s*|[{}();\s]*|0x[0-9a-fA-F, x]+", piece)
