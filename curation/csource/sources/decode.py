"""In which encoding is a source file written, and what is its text?

Order: byte order mark; NUL pattern of UTF-16/32 without a mark; strict UTF-8; GB18030 where the high bytes come in pairs as
Chinese text has them; else Latin-1, which never fails. Not covered: Shift-JIS, Big5, EUC-KR (read as Latin-1 or GB18030: C itself stays
right, only comments and strings suffer).

>>> decode("// 打开设备\\n".encode("gbk")).encoding
'gb18030'
"""
from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from curation.errors import Reason, UserError


class Undecodable(UserError):
    code = "undecodable"
    text = "This is not a C source text: {why}. Leave the file out, or save it as UTF-8 and import it again."


@dataclass(frozen=True)
class Decoded:
    """text: with `\\n` line ends and no byte order mark. encoding: a Python codec's name."""

    text: str
    encoding: str


_MARKS = [  # the longer first: UTF-32-LE begins like UTF-16-LE
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
]
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x19\x1c-\x1f\x7f]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_SAMPLE = 1 << 20  # bytes looked at to tell GB18030 from Latin-1


def decode(data: bytes) -> Decoded:
    """The text of a file's bytes. Raises Undecodable for NUL bytes and other binary content, saying where."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark):], encoding)
    if b"\0" in data:
        return _decoded(data, _wide_encoding(data))
    try:
        return _decoded(data, "utf-8")
    except Undecodable:
        if _control_share(data.decode("latin-1")) > 0.02:
            raise
    return _decoded(data, "gb18030" if _looks_chinese(data) else "latin-1")


def _decoded(data: bytes, encoding: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as err:
        raise Undecodable(why=Reason("not_encoding", "byte {at} is not {encoding}", at=err.start, encoding=encoding)) from err
    if "\0" in text:
        raise _holds_nul(text.count("\n", 0, text.index("\0")) + 1)
    if _control_share(text) > 0.1:
        raise Undecodable(why=Reason("binary", "more than a tenth of it are control characters, so it is binary"))
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), encoding)


def _control_share(text: str) -> float:
    sample = text[:_SAMPLE]
    return len(_CONTROL.findall(sample)) / max(1, len(sample))


def _wide_encoding(data: bytes) -> str:
    """UTF-16/32 without a mark: ASCII-heavy text has its NULs at fixed places of each unit. Raises Undecodable."""
    sample = data[: 4096 - 4096 % 4]
    units = max(1, len(sample) // 4)
    zeros = [sum(1 for byte in sample[at::4] if byte == 0) / units for at in range(4)]
    if len(data) % 4 == 0 and min(zeros[2:]) > 0.95 and zeros[0] < 0.05:
        return "utf-32-le"
    if len(data) % 4 == 0 and min(zeros[:2]) > 0.95 and zeros[3] < 0.05:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if len(data) % 2 == 0 and odd > 0.5 and even < 0.05:
        return "utf-16-le"
    if len(data) % 2 == 0 and even > 0.5 and odd < 0.05:
        return "utf-16-be"
    line = data.count(b"\n", 0, data.index(b"\0")) + 1
    raise _holds_nul(line)


def _holds_nul(line: int) -> Undecodable:
    return Undecodable(why=Reason("nul", "it holds NUL bytes, the first in line {line}", line=line))


def _looks_chinese(data: bytes) -> bool:
    """GB2312 text has high bytes in even runs whose lead bytes are 0xA1..0xF7; accented letters of Latin-1 stand alone."""
    high = paired = 0
    for run in _HIGH_RUN.findall(data[:_SAMPLE]):
        high += len(run)
        if len(run) % 2 == 0 and all(0xA1 <= byte <= 0xF7 for byte in run[::2]):
            paired += len(run)
    if paired < 0.6 * high:
        return False
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True
