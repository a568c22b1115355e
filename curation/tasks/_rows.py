"""What the rows of all site tasks have in common: a question, the excerpt, one line of JSON, and perhaps an explanation."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from curation.freezing.shown import Shown, place_name, plain_answer, plainly, renamed
from curation.labeling.resolve import essence
from curation.model import Item, Lang, Message, TrainingRow
from curation.tasks import Completion, Style

Place = Callable[[str | None, int | None], str | None]  # how a text names a place; None: not at all

HOW: dict[Completion, dict[Lang, str]] = {
    "answer": {"en": "Answer with one line of JSON with the keys {keys}.", "zh": "用一行 JSON 作答，键为{keys}。"},
    "short": {
        "en": "First answer with one line of JSON with the keys {keys}; then give the reason in a sentence or two.",
        "zh": "先用一行 JSON 作答，键为{keys}；再用一两句话说明理由。",
    },
    "full": {
        "en": "First answer with one line of JSON with the keys {keys}; then explain, with the lines of the code that show it.",
        "zh": "先用一行 JSON 作答，键为{keys}；再结合代码中的行加以解释。",
    },
}


def by_file(file: str | None, line: int | None) -> str | None:
    """A place in an explanation offered to an annotator."""
    return None if file is None else f"{file}:{line}"


def whole(answer: dict[str, Any], kept: dict[str, Any], excerpt: Shown) -> bool:
    """Whether nothing of a checked answer was left out of what is kept of it."""
    return bool(essence(plain_answer(answer, excerpt)) == essence(kept))


def _names(answer: Any) -> set[str]:
    """Every name in an answer, without its places."""
    if isinstance(answer, str):
        return {answer}
    if isinstance(answer, dict):
        return set().union(*(_names(value) for key, value in answer.items() if key not in ("file", "function", "text")))
    return set().union(*map(_names, answer)) if isinstance(answer, list) else set()


def told(
    explanation: str | None, answer: dict[str, Any], kept: dict[str, Any], draft: Callable[..., str], excerpt: Shown, lang: Lang,
    style: Style,
) -> str | None:
    """The explanation of a row. A person's own words stay where all of them are wanted and they name nothing that was left out of the
    answer; else it is drafted anew of what is shown. draft: (answer, place) to text; place None: as it was offered to the annotator."""
    if style.completion == "answer":
        return None
    own = (explanation or "").strip()
    hidden = _names(plain_answer(answer, excerpt)) - _names(kept)
    named = any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", own) for name in hidden)
    if style.completion == "full" and own and not named and own != draft(answer, None).strip():
        return plainly(renamed(own, excerpt, lang), excerpt)
    return plainly(draft(kept, lambda file, line: place_name(excerpt, file, line, lang)), excerpt)


def site_row(item: Item, lang: Lang, asked: str, excerpt: Shown, stated: dict[str, Any], explanation: str | None) -> TrainingRow:
    """The row: the question and the excerpt, then the answer as one line of JSON and the explanation, if any."""
    line = json.dumps(stated, ensure_ascii=False, separators=(",", ":"))
    return TrainingRow(
        task=item.task, lang=lang,
        prompt=[Message(role="user", content=f"{asked}\n\n```c\n{excerpt.text}\n```")],
        completion=[Message(role="assistant", content=f"{line}\n\n{explanation}" if explanation else line)],
        answer=stated,
    )
