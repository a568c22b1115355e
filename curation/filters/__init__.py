"""What looks wrong about a generated or imported row? One file a filter, found by scanning this folder.

A filter has a NAME and `check(row, context)`, which gives a Flag for each thing noticed. A flag only points: the reviewer decides, no
filter ever throws a row away. The sentence of a flag stands in both locale files under [filter], key = NAME, filled with its params.

>>> context = Context(lang="en")
>>> flag(PairAnswer(instruction="Which function runs?", output="I'm sorry, but I can't help with that."), context)
[Flag(filter='refusal', params={'phrase': "I'm sorry, but I can't"})]
"""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from curation.model import Flag, Item, Lang, PairAnswer, PreferencePrompt
from curation.near_duplicates import NearTexts

NEAR_DUPLICATE_ROUGE_L = 0.7  # Self-Instruct (Wang et al., 2023, section 2.2) keeps an instruction below this ROUGE-L only


@dataclass
class Context:
    """What a filter may know besides the row. lang: the language the row should be in, None when not stated. topic: the task
    whose answers the row imitates, None when not stated. near: the rows that are
    there already (`remember` adds one). thought_in_answer: an import took a thought out of the answer's head. tokenizer: as Settings.tokenizer. min_tokens, max_tokens: of the whole row."""

    lang: Lang | None = None
    topic: str | None = None
    thought_in_answer: bool = False
    tokenizer: str | None = None
    near: NearTexts = field(default_factory=lambda: NearTexts(NEAR_DUPLICATE_ROUGE_L))
    min_tokens: int = 10
    max_tokens: int = 4096
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)

    def remember(self, items: Iterable[Item]) -> None:
        """Makes these items known to the near-duplicate filter."""
        for item in items:
            if rows := _rows(item):
                self.near.add(item.id, row_text(rows[0][1]))
                if rows[0][0] is None:
                    self.answers.setdefault(_key(rows[0][1].instruction, rows[0][1].input), (item.id, _key(rows[0][1].output)))

    def other_answer(self, row: PairAnswer) -> str | None:
        """The item that answers the same question otherwise; None when none is known."""
        item_id, answer = self.answers.get(_key(row.instruction, row.input), ("", ""))
        return item_id if item_id and answer != _key(row.output) else None


Check = Callable[[PairAnswer, Context], list[Flag]]


@cache
def all_filters() -> dict[str, Check]:
    """Every filter by name, in the order of the names."""
    found: dict[str, Check] = {}
    for entry in pkgutil.iter_modules(__path__):
        if not entry.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{entry.name}")
            found[module.NAME] = module.check
    return found


def flag(row: PairAnswer, context: Context) -> list[Flag]:
    """All flags of one row. The row is not remembered: call `context.remember` for an item that is kept."""
    return [found for check in all_filters().values() for found in check(row, context)]


def flag_items(items: Iterable[Item], context: Context) -> list[Item]:
    """The items with their flags set, each compared to those before it too; site items come back as they are.

    Of a preference pair both answers are looked at; the params of such a flag name the answer ("a" or "b")."""
    flagged = []
    for item in items:
        context.lang, context.topic = item.lang, "preference" if item.task == "preference" else item.meta.get("topic")
        context.thought_in_answer = bool(item.meta.get("thought_in_answer"))
        found: list[Flag] = []
        for which, row in _rows(item):
            for one in flag(row, context):
                if which is None:
                    found.append(one)
                elif which == "a" or one.filter != "near_duplicate":
                    found.append(Flag(filter=one.filter, params={**one.params, "answer": which}))
        flagged.append(item.model_copy(update={"flags": found}))
        context.remember([item])
    return flagged


def row_text(row: PairAnswer) -> str:
    """The row's text as near duplicates are compared and tokens are counted."""
    return "\n".join(part for part in (row.instruction, row.input, row.output) if part)


def _key(*texts: str) -> str:
    return "\n".join(" ".join(text.casefold().split()).rstrip("。.") for text in texts)


def _rows(item: Item) -> list[tuple[Literal["a", "b"] | None, PairAnswer]]:
    if item.task == "self_instruct":
        return [(None, PairAnswer.model_validate(item.payload))]
    if item.task == "preference":
        pair = PreferencePrompt.model_validate(item.payload)
        return [("a", PairAnswer(instruction=pair.prompt, output=pair.a)), ("b", PairAnswer(instruction=pair.prompt, output=pair.b))]
    return []
