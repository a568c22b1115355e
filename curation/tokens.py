"""How long is a text, and how alike are two texts, when they mix C and Chinese?

A C lexer's tokens (identifiers, numbers, operators), and every CJK character one by one: word tokenizers count a Chinese sentence as
one word, and `rouge_score` gives 0 for two identical Chinese strings.

>>> tokens("调用 ops->read(buf, 16);")
['调', '用', 'ops', '->', 'read', '(', 'buf', ',', '16', ')', ';']
>>> rouge_l("释放内存", "释放内存")
1.0

Not covered: trigraphs, and what is inside a string literal or a comment is cut up like the text around it.
"""
from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rapidfuzz.distance import LCSseq

from curation.errors import BadValue, Reason, reason_in

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Han with its extensions and compatibility forms, kana, hangul; the blocks of the Unicode character database.
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(
    rf"[{CJK}]"
    r"|\.?\d(?:[eEpP][+-]|[\w.])*"  # a preprocessing number, C17 6.4.8 (1e-3, 0x1F, 10UL); CJK cut out below
    rf"|(?:(?![{CJK}])\w)+"
    r"|<<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|##"
    r"|[^\s]",
)
_HAS_CJK = re.compile(rf"[{CJK}]")
_NUMBER_START = re.compile(rf"^[^{CJK}]+")


def tokens(text: str) -> list[str]:
    """The text's tokens in order, white space left out. "" and blank text give []."""
    found: list[str] = []
    at = 0
    while match := _TOKEN.search(text, at):
        token = match.group()
        if len(token) > 1 and _HAS_CJK.search(token):  # "3个": the number ends where the Chinese begins
            token = _NUMBER_START.match(token).group()  # type: ignore[union-attr]
        found.append(token)
        at = match.start() + len(token)
    return found


def count(text: str, tokenizer: str | None = None) -> int:
    """Number of tokens of `text`: of the tokenizer where one is named (see Settings.tokenizer), else of `tokens`.

    tokenizer: a folder holding tokenizer.json, that file itself, or the name of a kept model. Special tokens are not
    counted. Raises BadValue when it cannot be loaded."""
    if tokenizer is None:
        return len(tokens(text))
    return len(_load(tokenizer).encode(text, add_special_tokens=False).ids)


def identity(tokenizer: str) -> str:
    """What a tokenizer is on every machine: the hash of its tokenizer.json; its name where it is none of this machine's files."""
    path = _file_of(tokenizer)
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else tokenizer


def _file_of(tokenizer: str) -> Path:
    """Its tokenizer.json, which need not exist. A plain name is a kept model's (`python -m training models`) where there is one: those
    stand beside the built tools, in $FLOWSIGHT_TOOLS/models (default ~/.cache/flowsight/models)."""
    path = Path(tokenizer)
    if not path.exists() and re.fullmatch(r"[\w][\w.-]*", tokenizer):
        path = Path(os.environ.get("FLOWSIGHT_TOOLS") or Path.home() / ".cache" / "flowsight").expanduser() / "models" / tokenizer
    return path / "tokenizer.json" if path.is_dir() else path


@lru_cache(maxsize=4)
def _load(name: str) -> Tokenizer:
    from tokenizers import Tokenizer

    path = _file_of(name)
    try:
        return Tokenizer.from_file(str(path)) if path.is_file() else Tokenizer.from_pretrained(name)
    except Exception as err:  # noqa: BLE001 - the library raises bare Exception for a missing or broken file
        why = Reason("cannot_load", "cannot be loaded ({said})", said=reason_in(err).splitlines()[0][:200])
        raise BadValue(
            field="tokenizer", value=name, why=why,
            todo=Reason("give_tokenizer", "Give a folder that holds tokenizer.json, or none to count CJK characters and C tokens."),
        ) from err


def rouge_l(a: str, b: str) -> float:
    """ROUGE-L F-measure in 0..1 over `tokens`: harmonic mean of LCS/len(a) and LCS/len(b), which is 2*LCS/(len(a)+len(b)).

    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), section 3, with beta = 1. Two empty texts are 1."""
    return token_rouge_l(tokens(a), tokens(b))


def token_rouge_l(a: list[str], b: list[str]) -> float:
    """`rouge_l` of texts that are cut into tokens already."""
    if not a and not b:
        return 1.0
    return 2 * LCSseq.similarity(a, b) / (len(a) + len(b))
