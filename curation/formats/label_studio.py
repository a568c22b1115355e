"""Label Studio's JSON export: tasks with data and annotations. A text area's answer makes a pair, a pairwise choice a preference pair.

>>> result = [{"type": "textarea", "from_name": "answer", "to_name": "code", "value": {"text": ["It calls f."]}}]
>>> read({"data": {"question": "What is called?", "code": "p(1);"}, "annotations": [{"result": result}]})
[{'instruction': 'What is called?', 'input': 'p(1);', 'output': 'It calls f.'}]

Cancelled annotations are left out; choices are read as an answer of their own. Not covered, and refused: results of other types.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import Fields, asked, extras, pair, preference, said

NAME = "label_studio"
TASK = "self_instruct"
KEYS = ("data", "annotations")
_QUESTIONS = ("question", "instruction", "prompt", "text", "问题", "指令")
_CODES = ("code", "input", "context", "代码")
_ANSWERS = (("answer1", "answer2"), ("a", "b"), ("left", "right"), ("response_a", "response_b"), ("text1", "text2"))


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("data"), dict) and ("annotations" in fields or "predictions" in fields)


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A pair or preference pair for each annotation that was not cancelled. Raises ValueError; also when there is none."""
    data, annotations = fields.get("data"), fields.get("annotations")
    fields.get("predictions")
    if not isinstance(data, dict) or not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise ValueError(Reason("no_annotations", "'annotations' is no list of objects beside 'data'"))
    made = [row for one in annotations if not one.get("was_cancelled") for row in _answers(data, one.get("result"))]
    if not made:
        raise ValueError(Reason("nothing_annotated", "nobody has answered this task"))
    return made


def write(payload: dict[str, Any]) -> dict[str, Any]:
    value = {"text": [said(payload)]}
    return {
        "data": {"question": asked(payload), **extras(payload)},
        "annotations": [{"result": [{"from_name": "answer", "to_name": "question", "type": "textarea", "value": value}]}],
    }


def _answers(data: dict[str, Any], results: Any) -> list[dict[str, Any]]:
    made = []
    for one in results if isinstance(results, list) else []:
        kind, value = (one.get("type"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(value, dict):
            raise ValueError(Reason("no_result", "a result is no object with a type and a value"))
        texts = value.get("text") if kind == "textarea" else value.get("choices") if kind == "choices" else None
        if kind == "pairwise":
            made.append(_chosen(data, one, value.get("selected")))
        elif isinstance(texts, str) or isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            made.append(_pair(data, texts if isinstance(texts, str) else "\n".join(texts)))
        else:
            raise ValueError(Reason("strange_result", "a result of type {kind!r} cannot be read here", kind=str(kind)[:40]))
    return made


def _pair(data: dict[str, Any], answer: str) -> dict[str, Any]:
    question = _first(data, _QUESTIONS)
    if question is None:
        raise ValueError(Reason("key_missing", "{key!r} is missing", key="question"))
    return pair(Fields(data), question, _first(data, _CODES) or "", answer)


def _chosen(data: dict[str, Any], result: dict[str, Any], selected: Any) -> dict[str, Any]:
    named = tuple(str(result.get("to_name", "")).split(","))
    both = next((keys for keys in (named, *_ANSWERS) if len(keys) == 2 and all(isinstance(data.get(key), str) for key in keys)), None)
    prompt = _first(data, ("prompt", *_QUESTIONS))
    if both is None or prompt is None or selected not in ("left", "right"):
        raise ValueError(Reason("no_pairwise", "a pairwise result without a prompt, two answers and the side that was selected"))
    left, right = (str(data[key]) for key in both)
    code = _first(data, _CODES)
    prompt = f"{prompt}\n\n{code}" if code else prompt
    return preference(prompt, left, right) if selected == "left" else preference(prompt, right, left)


def _first(data: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((data[key] for key in keys if isinstance(data.get(key), str) and data[key].strip()), None)
