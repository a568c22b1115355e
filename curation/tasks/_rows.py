"""What the rows of all site tasks have in common: a question, the excerpt, one line of JSON, and perhaps an explanation."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from curation.freezing.shown import Shown, place_name, plain_answer, plainly, renamed
from curation.freezing.shown import shown as shown_of
from curation.labeling.resolve import essence
from curation.model import Item, Lang, Message, Proposal, TrainingRow
from curation.tasks import Completion, Style, checked

PlaceName = Callable[[str | None, int | None], str | None]  # how a text names a place; None: not at all
Drafted = Callable[[dict[str, Any], Proposal, Lang, PlaceName, bool], str]  # (answer, proposal, language, place, short) to text

_HOW: dict[Completion, dict[Lang, str]] = {
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


def _explained(
    explanation: str | None, answer: dict[str, Any], kept: dict[str, Any], draft: Callable[[dict[str, Any], PlaceName], str],
    excerpt: Shown, lang: Lang, style: Style,
) -> str | None:
    """The explanation of a row. A person's own words stay where all of them are wanted and they name nothing that was left out of the
    answer; else it is drafted anew of what is shown."""
    if style.completion == "answer":
        return None
    own = (explanation or "").strip()
    hidden = _names(plain_answer(answer, excerpt)) - _names(kept)
    named = any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", own) for name in hidden)
    if style.completion == "full" and own and not named and own != draft(answer, by_file).strip():
        return plainly(renamed(own, excerpt, lang), excerpt)
    return plainly(draft(kept, lambda file, line: place_name(excerpt, file, line, lang)), excerpt)


@dataclass(frozen=True)
class Question:
    """What a site task asks and states in a row. ask: with {how}, {place} and what `named` gives. keys: how the JSON's keys are told, with
    what `listed` gives. stated: what the JSON says of (the answer as shown, excerpt). None of `shown` or of `stated`: no row. draft: the
    explanation. bare: whether a proposal's answer is told without its places, as the answer as shown is."""

    ask: dict[Lang, str]
    keys: dict[Lang, str]
    Answer: type[BaseModel]
    shown: Callable[[Item, dict[str, Any], Shown, Style], dict[str, Any] | None]
    stated: Callable[[dict[str, Any], Shown], dict[str, Any] | None]
    draft: Drafted
    named: Callable[[Proposal], dict[str, Any]]
    listed: Callable[[Style, Lang], dict[str, Any]]
    bare: bool = False

    def row(
        self, item: Item, answer: dict[str, Any], explanation: str | None, lang: Lang, excerpt: Shown | None = None,
        style: Style | None = None,
    ) -> TrainingRow | None:
        """The site as a training row: the question and the excerpt, then the answer as one line of JSON and the explanation (drafted when
        None). None when the excerpt shows nothing of the answer, or nothing could be learned from it."""
        excerpt, style = excerpt or shown_of(item), style or Style()
        kept = self.shown(item, answer, excerpt, style)
        stated = self.stated(kept, excerpt) if kept is not None else None
        if kept is None or stated is None:
            return None
        proposal = Proposal.model_validate(item.payload)
        named = self.named(proposal)
        if self.bare:
            proposal.answer = plain_answer(proposal.answer, excerpt)

        def draft(given: dict[str, Any], place: PlaceName) -> str:
            return self.draft(given, proposal, lang, place, style.completion == "short")

        how = _HOW[style.completion][lang].format(keys=self.keys[lang].format(**self.listed(style, lang)))
        asked = self.ask[lang].format(place=place_name(excerpt, *excerpt.site, lang), how=how, **named)
        told = _explained(explanation, checked(self.Answer, answer), kept, draft, excerpt, lang, style)
        line = json.dumps(stated, ensure_ascii=False, separators=(",", ":"))
        return TrainingRow(
            task=item.task, lang=lang,
            prompt=[Message(role="user", content=f"{asked}\n\n```c\n{excerpt.text}\n```")],
            completion=[Message(role="assistant", content=f"{line}\n\n{told}" if told else line)],
            answer=stated,
        )
