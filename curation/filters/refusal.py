"""Did the model refuse instead of answering?

A refusal is an opening phrase of an answer that holds no code. Never a topical word: published lists ("illegal", "inappropriate")
delete valid C text such as "illegal instruction" or "Inappropriate ioctl for device".

>>> check(PairAnswer(instruction="q", output="抱歉，我无法回答这个问题。"), Context())
[Flag(filter='refusal', params={'phrase': '抱歉，我无法'})]

Not covered: a refusal that comes after an answer has begun, and one in a third language.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "refusal"

_CANNOT = r"(?:can(?:no|')?t|can not|won't|will not|am (?:unable|not able) to|'m (?:unable|not able) to)"
_DO = r"(?:help|assist|comply|fulfill?|answer|provide|continue|do th[ai][ts]|support|engage|discuss|generate|create|process|access|browse)"
_SORRY = r"(?:(?:i'm|i am|we're|we are)?\s*(?:very |so |truly |really )?sorry|(?:my )?apologies|(?:i|we) (?:sincerely )?apologi[sz]e)"
_ENGLISH = re.compile(
    rf"{_SORRY}\b[\s,.;:!—-]*(?:but |for [^.,]{{1,40}}[,.] ?(?:but )?|that )?(?:i|we)\s*{_CANNOT}\b"
    rf"|(?:unfortunately,? |as requested,? )?i\s*{_CANNOT} {_DO}\b"
    r"|as (?:an?|your) (?:ai|artificial intelligence|large language model)(?: (?:language )?(?:model|assistant))?[,.]"
    r"|as a language model\b",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?:很|非常|十分|实在)?(?:抱歉|对不起|不好意思)[，,。.！!\s]*(?:但是?|不过)?[，,]?(?:我|本人|作为[^，,。]{1,12}[，,]\s*我?)?(?:暂时|目前|现在|确实)?"
    r"(?:无法|不能|没有?办法|不便|不可以|不会)(?!睡眠|在)"
    r"|我(?:暂时|目前)?(?:无法|不能|没有?办法|不便)(?:为您|为你|帮您|帮你)?(?:回答|提供|协助|帮助|满足|完成|继续|讨论|生成|给出|访问|浏览)"
    r"|(?:作为|我(?:只)?是)一?(?:个|名|款)?(?:AI|人工智能|大?语言模型|智能助手)(?:语言模型|助手|模型)?[，,。]",
    re.IGNORECASE,
)
# Code in an answer: a fence, a call, a statement's end, a block, a member access, a preprocessor line, an object's key.
_CODE = re.compile(
    r"```|\w\([^)\n]*\)\s*[;{.,)]?|;\s*$|[{}]|->|^\s*#\s*(?:include|define|if)|\"\w+\"\s*:|`[^`\n]*[(_>=*][^`\n]*`", re.MULTILINE
)
_OPENING = re.compile(r"^[\s\"'“”*>#-]+")


def check(row: PairAnswer, context: Context) -> list[Flag]:
    answer = _OPENING.sub("", row.output).replace("’", "'")
    match = _ENGLISH.match(answer) or _CHINESE.match(answer)
    if not match or _CODE.search(answer):
        return []
    return [Flag(filter=NAME, params={"phrase": match.group().strip()})]
