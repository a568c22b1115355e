"""Are characters written as escapes: HTML entities and tags, or \\\\uXXXX as text?

>>> check(PairAnswer(instruction="q", output="i &lt; n &amp;&amp; p-&gt;run();"), Context())
[Flag(filter='escaped', params={'part': 'output', 'text': '&lt;'})]

C itself may say "\\\\u4e2d" in a string and a page of HTML in another: within quotes one escape is let pass.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "escaped"
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,5});")
_TAG = re.compile(r"</?(?:p|br|div|span|pre|code|b|i|em|strong|ul|ol|li|a|h[1-6]|table|tr|td|html|body)(?:\s[^<>\n]{0,80})?/?>", re.IGNORECASE)
_UNICODE = re.compile(r"(?:\\u[0-9a-fA-F]{4}){2,}|\\u[4-9][0-9a-fA-F]{3}|\\x[ef][0-9a-f]\\x[89ab][0-9a-f]|%[EF][0-9A-F]%[89AB][0-9A-F]|\\U000[0-9a-fA-F]{5}")
_LINES = re.compile(r"(?:[^\s\\]\\n(?:\s*[A-Za-z\u4e00-\u9fff}/#-]|\\n))|\\n\\t")  # line breaks written as \\n, outside of strings
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`[^`\n]*`")


def check(row: PairAnswer, context: Context) -> list[Flag]:
    for part, text in (("instruction", row.instruction), ("input", row.input), ("output", row.output)):
        bare = _STRING.sub('""', text)
        tag = _TAG.search(bare) if part != "input" and len(_TAG.findall(bare)) > 1 else None
        match = _ENTITY.search(bare) or tag or _UNICODE.search(bare) or (_LINES.search(bare) if len(_LINES.findall(bare)) > 1 else None)
        if match:
            return [Flag(filter=NAME, params={"part": part, "text": match.group()[:40]})]
    return []
