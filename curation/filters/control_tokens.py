"""Do tokens of a chat template, or a second turn, stand in the text?

>>> check(PairAnswer(instruction="q", output="It calls f.<|im_end|>"), Context())
[Flag(filter='control_tokens', params={'part': 'output', 'token': '<|im_end|>'})]

Not covered: a row that is about chat templates; a reviewer lets it pass.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "control_tokens"
_TOKEN = re.compile(
    r"<\|[A-Za-z_0-9▁]{2,40}\|>|<｜[^｜\n]{2,40}｜>|\[/?INST\]|<</?SYS>>|\A\s*<s>|</s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn)>|\[(?:BOS|EOS|PAD|UNK)\]"
)
_TURN = re.compile(r"^\s*(?:user|assistant|human|system|用户|助手|人类)\s*[:：]\s*\S", re.IGNORECASE | re.MULTILINE)


def check(row: PairAnswer, context: Context) -> list[Flag]:
    found = []
    for part, text in (("instruction", row.instruction), ("input", row.input), ("output", row.output)):
        match = _TOKEN.search(text) or (_TURN.search(text) if part == "output" else None)
        if match:
            found.append(Flag(filter=NAME, params={"part": part, "token": match.group().strip()[:40]}))
    return found
