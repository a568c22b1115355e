"""Was the text read in the wrong encoding?

>>> check(PairAnswer(instruction="q", output="ÔÚÈíÖÐ¶ÏÉÏÏÂÎÄÖÐÔËÐÐ"), Context())
[Flag(filter='mojibake', params={'part': 'output', 'text': 'ÔÚÈíÖÐ¶ÏÉÏÏÂÎÄÖÐ'})]

Chinese in GBK or UTF-8 read as Latin-1 or Windows-1252 is told by trying: what gives Chinese when it is read back was that. Replacement
characters, and the characters that uninitialised memory (0xCC, 0xCD) and doubled decoding give, are told by themselves.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tokens import CJK

NAME = "mojibake"
_HIGH = re.compile(r"[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2,}")
_BROKEN = re.compile(r"\ufffd|锟斤拷|烫烫烫|屯屯屯|Ã[\u0080-\u00bf]|â€[™œ\u009d“”¢¦]|ï¼[\u0080-\u00bfŒ]|[\ue000-\uf8ff]{2}")
_RARE = re.compile(r"[涓鍙鐨銆浠璇鏁戞棩闂瀹锛绗鏄涔鍦]")  # UTF-8 read as GBK gives these again and again
_CHINESE = re.compile(rf"[{CJK}]")


def check(row: PairAnswer, context: Context) -> list[Flag]:
    for part, text in (("instruction", row.instruction), ("input", row.input), ("output", row.output)):
        if found := _broken(text):
            return [Flag(filter=NAME, params={"part": part, "text": found[:16]})]
    return []


def _broken(text: str) -> str | None:
    if match := _BROKEN.search(text):
        return match.group()
    for match in _HIGH.finditer(text):
        for encoding in ("latin-1", "cp1252"):
            for meant in ("gb18030", "utf-8"):
                try:
                    back = match.group().encode(encoding).decode(meant)
                except (UnicodeEncodeError, UnicodeDecodeError):
                    continue
                if len(_CHINESE.findall(back)) * 2 >= len(back) > 1 and sum(map(str.isalpha, match.group())) > 2:
                    return match.group()
    chinese = _CHINESE.findall(text)
    if len(chinese) >= 6 and len(_RARE.findall(text)) >= 3:
        try:
            back = "".join(chinese).encode("gb18030").decode("utf-8", errors="ignore")
        except UnicodeEncodeError:
            return None
        if len(_CHINESE.findall(back)) * 3 >= len(chinese):
            return "".join(chinese)[:16]
    return None
