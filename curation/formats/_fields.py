"""What does a record hold under its keys, and which of them did a format use? Nothing that carries meaning is dropped in silence.

>>> fields = Fields({"instruction": "q", "output": "a", "label": False, "id": 7, "note": "x"})
>>> text_of(fields, "instruction"), text_of(fields, "output")
('q', 'a')
>>> fields.unread()
['id', 'label', 'note']

Of the keys that a format did not use, those of MEANING change what a row is (an answer marked bad, a turn before the question): the row is
refused. Those of ABOUT say where it comes from: they are kept with the row. The others are told.
"""
from __future__ import annotations

import re
from typing import Any

from curation.errors import Reason
from curation.model import canonical_json

MEANING = frozenset({
    "label", "kto_tag", "weight", "weights", "history", "system", "system_prompt", "tools", "functions", "function_call", "tool_calls",
    "images", "image", "videos", "video", "audios", "audio", "chosen", "rejected", "ratings", "was_cancelled", "is_rejected", "turns",
})
ABOUT = frozenset({
    "id", "uid", "uuid", "_id", "row_id", "license", "licence", "source", "origin", "url", "repo", "path", "file", "lang",
    "language", "model", "model_name", "generation_model", "category", "task", "tags", "topic", "difficulty", "terms", "crypto_terms",
    "score", "score_chosen", "score_rejected", "name", "is_classification", "annotator", "annotator_id", "annotation_id", "created_at",
    "updated_at", "lead_time", "meta", "metadata",
    "distilabel_metadata", "_input_hash", "_task_hash", "_session_id", "_annotator_id", "_timestamp", "dataset", "split", "completed_by",
})
LARGEST_KEPT = 4_000  # characters of JSON of what is kept about one row
_THOUGHT = re.compile(r"\s*<(think|thinking|reasoning)>(.*?)</\1>\s*", re.DOTALL | re.IGNORECASE)
_THOUGHTS = ("thinking", "reasoning_content", "reasoning", "thought", "思考")


class Fields(dict[str, Any]):
    """A record that remembers which of its keys were asked for."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__(record)
        self.used: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.used.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.used.add(key)
        return super().get(key, default)

    def unread(self) -> list[str]:
        """The keys with something under them that nobody asked for, sorted."""
        return sorted(key for key, value in self.items() if key not in self.used and value not in (None, "", [], {}))


def leftovers(fields: Fields) -> tuple[dict[str, Any], list[str]]:
    """What is kept about the row, and the keys that are told as not read. Raises ValueError for a key that changes what the row means."""
    unread = fields.unread()
    if changing := [key for key in unread if key.lower() in MEANING]:
        raise ValueError(Reason("changes_meaning", "{key!r} changes what the row means, and this format does not read it", key=changing[0]))
    kept = {key: dict.__getitem__(fields, key) for key in unread if key.lower() in ABOUT}
    if len(canonical_json(kept)) > LARGEST_KEPT:
        kept = {key: value for key, value in kept.items() if not isinstance(value, dict | list)}
    return kept, [key for key in unread if key not in kept]


def text_of(fields: dict[str, Any], key: str, *, needed: bool = True) -> str:
    """A record's text under a key. Raises ValueError saying what is wrong with it."""
    value = fields.get(key)
    if value is None and not needed:
        return ""
    if not isinstance(value, str):
        why = Reason("key_missing", "{key!r} is missing", key=key)
        raise ValueError(why if value is None else Reason("no_text", "{key!r} is no text", key=key))
    if needed and not value.strip():
        raise ValueError(Reason("key_empty", "{key!r} is empty", key=key))
    return value


def pair(fields: dict[str, Any], instruction: str, input_: str, output: str) -> dict[str, Any]:
    """A PairAnswer as plain JSON. A thought in the record or at the answer's head becomes `thinking`, whatever its markers are; terms and
    difficulty 1 to 4 are read where they are there. Raises ValueError when nothing is left of the answer, and for another difficulty."""
    thinking = next((text for key in _THOUGHTS if (text := text_of(fields, key, needed=False)).strip()), "")
    thought, answer = split_thought(output)
    if not answer.strip():
        raise ValueError(Reason("thought_alone", "the answer holds a thought and nothing else"))
    made: dict[str, Any] = {"instruction": instruction, "input": input_, "output": answer}
    if thought:
        made["thought_in_answer"] = True  # taken out again by the caller: it is about the file, not the row
    if thinking or thought:
        made["thinking"] = "\n\n".join(dict.fromkeys(part.strip() for part in (thinking, thought) if part.strip()))
    terms = next((fields.get(key) for key in ("terms", "crypto_terms", "术语") if key in fields), None)
    if isinstance(terms, str):
        terms = [term for term in re.split(r"[,;，；、|]\s*", terms) if term.strip()]
    if isinstance(terms, list) and all(isinstance(term, str) for term in terms) and terms:
        made["terms"] = [term.strip() for term in terms]
    if (difficulty := fields.get("difficulty")) not in (None, ""):
        made["difficulty"] = _difficulty(difficulty)
    return made


def _difficulty(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or text not in {"1", "2", "3", "4"}:
        raise ValueError(Reason("no_difficulty", "'difficulty' is {value!r}, none of 1, 2, 3, 4", value=text[:40]))
    return int(text)


def split_thought(answer: str) -> tuple[str, str]:
    """The thoughts at an answer's head, and the answer after them.

    >>> split_thought("<think>p is f</think>\\n\\nf")
    ('p is f', 'f')
    """
    thoughts = []
    while match := _THOUGHT.match(answer):
        thoughts.append(match.group(2).strip())
        answer = answer[match.end():]
    return "\n\n".join(thought for thought in thoughts if thought), answer


def asked(payload: dict[str, Any]) -> str:
    """A pair's question as one text, for formats without an input of its own."""
    return "\n\n".join(part for part in (payload["instruction"], payload.get("input", "")) if part)


def said(payload: dict[str, Any]) -> str:
    """A pair's answer as one text, its thought before it between <think> and </think>."""
    thinking = payload.get("thinking", "")
    return f"<think>\n{thinking}\n</think>\n\n{payload['output']}" if thinking else str(payload["output"])


def extras(payload: dict[str, Any]) -> dict[str, Any]:
    """What a pair says beside its texts, under the keys by which it is read back."""
    return {key: payload[key] for key in ("terms", "difficulty") if payload.get(key)}


def preference(prompt: str, chosen: str, rejected: str) -> dict[str, Any]:
    """A preference pair as plain JSON. Raises ValueError when a text is empty or both answers are the same."""
    for key, value in (("prompt", prompt), ("chosen", chosen), ("rejected", rejected)):
        if not value.strip():
            raise ValueError(Reason("key_empty", "{key!r} is empty", key=key))
    if chosen == rejected:
        raise ValueError(Reason("chosen_is_rejected", "'chosen' and 'rejected' are the same"))
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def best_and_worst(prompt: str, answers: list[str], ratings: Any) -> dict[str, Any]:
    """Of several rated answers the best and the worst. ratings: a number each, higher is better. Raises ValueError when there are not two
    answers, not a rating each, or the best is rated as the worst."""
    if not isinstance(ratings, list) or len(ratings) != len(answers) or not all(
        isinstance(rating, int | float) and not isinstance(rating, bool) for rating in ratings
    ):
        why = Reason("no_ratings", "{answers} answers without a rating each: which one is better is not said", answers=len(answers))
        raise ValueError(why)
    best, worst = max(range(len(answers)), key=ratings.__getitem__), min(range(len(answers)), key=ratings.__getitem__)
    if len(answers) < 2 or ratings[best] == ratings[worst]:
        raise ValueError(Reason("all_rated_same", "no answer is rated better than another"))
    return preference(prompt, answers[best], answers[worst])
