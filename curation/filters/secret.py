"""Does the text hold a key, a password or a person's address?

>>> check(PairAnswer(instruction="q", output="token = ghp_" + "a1B2" * 9), Context())
[Flag(filter='secret', params={'part': 'output', 'kind': 'token'})]

The shapes are those that the issuers document (AWS, GitHub, Slack, Google, OpenAI, JWT, PEM). Addresses of mail at example domains, and of
networks that documents and loopback use, pass; the secret itself is not repeated in the flag. Not covered: passwords without a sign of one.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "secret"
_KINDS = {
    "private_key": re.compile(r"-----BEGIN (?:[A-Z ]+ )?PRIVATE KEY-----"),
    "token": re.compile(
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_\w{22,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}\b|\bsk-(?:proj-|ant-)?[\w-]{20,}"
        r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}|\bhf_[A-Za-z0-9]{30,}\b|\bglpat-[\w-]{20}|\b(?:sk|rk)_live_\w{20,}"
    ),
    "password": re.compile(r"(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|密码|口令)\s*(?:=|:|：|是|为)\s*[\"']?(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[^\s\"',;(){}<>*&-]{8,}",
                           re.IGNORECASE),
    "mail": re.compile(r"\b[\w.+-]+@(?!(?:[\w-]+\.)*(?:example|test|invalid|localhost)\b)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,10}\b"),
    "phone": re.compile(r"(?<![\w.])(?:\+86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\w.])"),
    "id_number": re.compile(r"(?<!\w)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)"),
    "address": re.compile(
        r"(?<![\d.v])(?!(?:0|10|127|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168|192\.0\.2|198\.51\.100|203\.0\.113|198\.1[89]|22[4-9]|2[3-5]\d|1\.2\.3|8\.8\.[48])\.)"
        r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]\d|[1-9])\.)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){2}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]\d)(?![\d.])"
    ),
}

_VERSION = re.compile(r"(?:version|release|linux|gcc|v|版本)[\s:=-]*$", re.IGNORECASE)  # 4.19.0.12 is no address


def check(row: PairAnswer, context: Context) -> list[Flag]:
    found = []
    for part, text in (("instruction", row.instruction), ("input", row.input), ("output", row.output)):
        kind = next((kind for kind, shape in _KINDS.items() if _found(shape, text)), None)
        if kind:
            found.append(Flag(filter=NAME, params={"part": part, "kind": kind}))
    return found


def _found(shape: re.Pattern[str], text: str) -> bool:
    return any(not _VERSION.search(text[max(0, match.start() - 16):match.start()]) for match in shape.finditer(text))
