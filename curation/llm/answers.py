"""Which pairs are in a model's answer? Models wrap JSON in prose and fences, cut it off, or break its escapes.

>>> read_pairs('Sure!\\n```json\\n[{"instruction": "q", "input": "f();", "output": "f"}, {"instruction": "cut o')
[PairAnswer(instruction='q', input='f();', output='f')]

Read are: a JSON list, a list inside an object, one object a line, objects standing in prose, each with line breaks in its strings and with
backslashes that JSON does not know (`\\d`, `\\0` in C strings), commas before a bracket, keys in any case. What a model only thought
(`<think>` up to its end, or to the end of the text where it was cut) is no answer. A broken object is repaired by
the json_repair library, once it is whole by its braces. Not covered: YAML, Markdown headings.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from curation.errors import UserError
from curation.model import PairAnswer, canonical_json

MOST_CHARACTERS = 400_000  # of an answer that are looked at
MOST_SIGNS = 200_000  # braces and strings looked at in search of broken objects' ends: hostile nesting stays cheap
_KEYS = {
    "instruction": ("instruction", "question", "prompt", "指令", "问题"),
    "input": ("input", "code", "输入", "代码"),
    "output": ("output", "answer", "response", "输出", "回答", "答案"),
}
_START = re.compile(r'\{(?=\s*")')
_SIGN = re.compile(r'"(?:\\.|[^"\\])*"|[{}]', re.DOTALL)
LONGEST_REPAIRED = 60_000  # characters
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPENED = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_NO_INPUT = re.compile(r"\s*<\s*no\s?input\s*>\s*|\s*(?:N/A|none|无)\s*", re.IGNORECASE)
_KEYED = re.compile(r"instruction|question|prompt|指令|问题", re.IGNORECASE)
_DECODER = json.JSONDecoder(strict=False)  # strict=False: raw line breaks and tabs inside strings
# A backslash that begins no JSON escape, after any number of whole escapes.
_BAD_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|)')


class UnreadableAnswer(UserError):
    """A paid answer out of which no row could be read."""

    code = "unreadable_answer"
    text = "Answer {ordinal} of campaign {campaign} holds nothing usable ({why}); it begins: {beginning!r}. See which model answers there."


def read_pairs(text: str) -> list[PairAnswer]:
    """The pairs in the order they stand; [] when there is none. Objects without an instruction or an output are left out."""
    return [pair for found in _objects(spoken(text[:MOST_CHARACTERS])) if (pair := _pair(found)) is not None]


def spoken(text: str) -> str:
    """What is said after the thinking: drafts within <think> never become rows, and of a thought that was cut off nothing is an answer.

    >>> spoken("<think>maybe g</think>f")
    'f'
    """
    text = _THOUGHT.sub("", text)
    opened = _OPENED.search(text)
    closed = text.rfind("</think>")
    return text[:opened.start()] if opened else text[closed + 8:] if closed >= 0 else text


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost JSON object that can be decoded and holds an instruction itself, else those within it."""
    at, signs_left = 0, MOST_SIGNS
    while match := _START.search(text, at):
        value, end, signs = _decode(text, match.start(), signs_left)
        signs_left -= signs
        if isinstance(value, dict) and _value(value, "instruction") is not None:
            yield value
            at = end
        else:
            at = match.end()  # a wrapper, a C block in prose, or a broken object: look inside


def _decode(text: str, start: int, most_signs: int) -> tuple[Any, int, int]:
    """The JSON value at `start`, where it ends, and how many signs were looked at to find out; (None, start, signs) when there is none."""
    try:
        return *_DECODER.raw_decode(text, start), 0
    except (ValueError, RecursionError):
        pass
    end, signs = _object_end(text, start, most_signs)
    if end is None:
        return None, start, signs
    try:
        return _DECODER.decode(_BAD_ESCAPE.sub(lambda m: m.group() if m.group(1) else "\\\\", text[start:end])), end, signs
    except (ValueError, RecursionError):
        return _repaired(text[start:end]), end, signs


def _repaired(broken: str) -> Any:
    """The object that a broken one is taken for; None when it is too long or too deep to be repaired, or none comes out."""
    if len(broken) > LONGEST_REPAIRED or broken.count("{") > 50 or broken.count("[") > 200 or not _KEYED.search(broken):
        return None
    import json_repair

    try:
        made = json_repair.loads(broken, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, OverflowError):
        return None
    return made if isinstance(made, dict) else None


def _object_end(text: str, start: int, most_signs: int) -> tuple[int | None, int]:
    """Where the object at `start` ends, judged by its braces outside of strings, None when it is cut off; and the signs looked at."""
    depth = signs = 0
    for signs, match in enumerate(islice(_SIGN.finditer(text, start), most_signs), start=1):
        sign = match.group()
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return match.end(), signs
    return None, signs


def _pair(found: dict[str, Any]) -> PairAnswer | None:
    instruction, input_, output = (_text(_value(found, name)) for name in _KEYS)
    if not instruction.strip() or not output.strip():
        return None
    if _NO_INPUT.fullmatch(input_):
        input_ = ""
    return PairAnswer(instruction=instruction.strip(), input=input_.strip("\n"), output=output.strip())


def _value(found: dict[str, Any], name: str) -> Any:
    lowered = {key.lower(): value for key, value in found.items() if isinstance(key, str)}
    return next((lowered[key] for key in _KEYS[name] if key in lowered), None)


def _text(value: Any) -> str:
    """A field as text: lists of lines are joined, an object becomes its JSON, null becomes ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return canonical_json(value)
