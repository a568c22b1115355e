"""Is the model's thinking left in the answer, whole or cut off in the middle?

>>> check(PairAnswer(instruction="q", output="<think>maybe f</think>It calls f."), Context())
[Flag(filter='leaked_thinking', params={'mark': '<think>'})]

A thought that an import took out of the answer's head is told too: whether it is to be learned is the reviewer's word.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "leaked_thinking"
_MARK = re.compile(
    r"</?(?:think|thinking|thought|reasoning|reflection|scratchpad|analysis)>|<\|(?:begin|end)_of_thought\|>|<\|channel\|>|◁/?think▷|\[/?THINK\]", re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"\s*(?:okay|ok|alright|hmm+|let me (?:think|see|look)|let's (?:think|see)|wait|first, i need to|so,? the user|the user (?:is asking|wants|asked)"
    r"|好的，(?:用户|我(?:需要|来|先))|嗯，?|让我(?:想想|先|来看)|首先，?我(?:需要|得|要)|用户(?:问的?是|想|要求|让我|希望))", re.IGNORECASE,
)


def check(row: PairAnswer, context: Context) -> list[Flag]:
    mark = _MARK.search(row.output) or _SPOKEN.match(row.output)
    if mark or context.thought_in_answer:
        return [Flag(filter=NAME, params={"mark": mark.group().strip()[:40] if mark else "<think>"})]
    return []
