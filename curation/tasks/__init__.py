"""The labeling tasks: one file each, found by scanning this folder.

A task says what an answer looks like (its fields are the form, the export and the metric), proposes items, drafts an
explanation out of the evidence, and renders a resolved answer as a training row in a language. One more task is one more
file here that defines `TASK`, plus its seeds in datasets/seeds/<name>.jsonl and its words in both locale files; the contract test
names what is missing.

The metric of a field is stated in its schema: Field(json_schema_extra={"metric": "set", "key": "name"}) compares lists as sets of
that key (of several keys together where "key" is a list, of the whole values without "key"); "accuracy" compares values; "sequence"
compares lists in their order; a field without "metric" is not scored. "names": true says that the values are names that must stand in the
prompt; "costly": [said, is] is the mistake that costs most. A row states places by the excerpt's numbers, people's answers by file and
line: "people_key" is the key between people's answers where it differs. Sequences are not compared between people.
"""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from curation.errors import BadAnswer, NotFound, Reason, invalid, joined
from curation.freezing.shown import Shown
from curation.model import Anchor, Item, Lang, PreferenceRow, Proposal, TrainingRow

Completion = Literal["answer", "short", "full"]
_PASSED_ON = ("metric", "key", "names", "costly")

if TYPE_CHECKING:
    from curation.csource import Program


@dataclass(frozen=True)
class Style:
    """How a site's answer is written in a row. completion: the JSON line alone, with a sentence or two, with the whole explanation.
    most_targets: of one call. most_places: of one phase."""

    completion: Completion = "full"
    most_targets: int = 12
    most_places: int = 3


@dataclass(frozen=True)
class Task:
    """kind: "site" (labeled in the source), "pair" (reviewed) or "preference" (chosen). goal: (minimum, wanted) rows in a frozen
    dataset, None without a goal. propose: yields proposals from an index (site tasks only). record: a proposal as the command line
    writes it. sure: the rule by which a program may confirm a proposal unseen, as a short code; None: a person must look. draft:
    the explanation proposed to the annotator. meaning: what a field of an answer means in words, None where its value
    says it. render: (item, answer, explanation or None, language) to a row; of a site with (excerpt as shown, style) behind.

    Of a site: shown(item, answer, excerpt, style) is the answer without what the excerpt does not show, None where nothing is left to
    learn from. balanced: the field whose value is the class that must not be most of a set. facets(item, shown answer, excerpt) -> (kind:
    a short code, difficulty 1..4). first(item): the answer stated of the engine's first candidate alone, a baseline; None: it has none.
    places: whether the stated answer names lines. anchor: what its line is. row_field: the field that holds the id of the knowledge row an
    answer comes from. subject: what its rows are about, for a model that is asked for examples; None: not said."""

    name: str
    kind: Literal["site", "pair", "preference"]
    Answer: type[BaseModel]
    render: Callable[..., TrainingRow | PreferenceRow | None]
    goal: tuple[int, int] | None = None
    propose: Callable[[Program, list[str] | None], Iterator[Proposal]] | None = None
    record: Callable[[Proposal], dict[str, Any]] | None = None
    sure: Callable[[Proposal], str | None] | None = None
    draft: Callable[[dict[str, Any], Proposal, Lang], str] | None = None
    meaning: Callable[[str, dict[str, Any], Proposal, Lang], str | None] | None = None
    shown: Callable[[Item, dict[str, Any], Shown, Style], dict[str, Any] | None] | None = None
    balanced: str | None = None
    facets: Callable[[Item, dict[str, Any], Shown], tuple[str, int]] | None = None
    first: Callable[[Item], dict[str, Any] | None] | None = None
    places: bool = False
    anchor: Anchor = "call"
    row_field: str | None = None
    subject: Mapping[Lang, str] | None = None

    def check(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer as plain JSON, validated. Raises BadAnswer naming every wrong field."""
        return checked(self.Answer, answer)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Field name -> {"metric": "set"|"accuracy"|"sequence", "key", "names", "costly"} for each scored field (see the module's text);
        frozen with the data, read by training."""
        return {
            name: {key: f[key] for key in _PASSED_ON if key in f} for name, f in _fields_of(self.Answer).items() if "metric" in f
        }

    def compared(self) -> dict[str, dict[str, Any]] | None:
        """The fields, as in metrics(), by which two people's answers are the same or differ: the scored ones of a site, the choice
        between two answers. None: the whole answer counts (a pair's text)."""
        if self.kind == "preference":
            return {"choice": {"metric": "accuracy"}}
        if self.kind != "site":
            return None
        fields = _fields_of(self.Answer)
        return {
            name: {"metric": how["metric"], **({"key": key} if (key := fields[name].get("people_key", how.get("key"))) else {})}
            for name, how in self.metrics().items() if how["metric"] != "sequence"
        } or None

    def word_field(self, word: str) -> str | None:
        """The field of the answer that can say `word` (completeness of function_pointer: "none"); None where there is none."""
        for name, field in _fields_of(self.Answer).items():
            if any(word in kind.get("enum", ()) for kind in (field, *field.get("anyOf", ()))):
                return name
        return None

    def says(self, word: str, answer: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer for which "none", "external" or "incomplete" stands: `answer` with that word in the field that can say it. Without
        such a field "none" is the answer with nothing in it, "incomplete" is `answer`, and "external" is no answer (None). Raises
        BadAnswer."""
        field = self.word_field(word)
        if field is not None:
            return self.check({**(answer or {}), field: word})
        if word == "incomplete":
            return self.check(answer or {})
        return self._empty() if word == "none" else None

    def _empty(self) -> dict[str, Any] | None:
        """The answer with nothing in it; None for a task that has no such answer."""
        try:
            return self.check({})
        except BadAnswer:
            return None


def checked(kind: type[BaseModel], answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of that kind as plain JSON, validated. Raises BadAnswer naming every wrong field."""
    try:
        return kind.model_validate(answer).model_dump(mode="json")
    except ValidationError as err:
        raise BadAnswer(why=joined([_fault(e) for e in err.errors()], "; ")) from err


@cache
def _fields_of(answer: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Field name -> its JSON schema."""
    found: dict[str, dict[str, Any]] = answer.model_json_schema()["properties"]
    return found


def _fault(details: Mapping[str, Any]) -> Reason:
    field, *inside = map(str, details["loc"] or ["answer"])
    return Reason("", "{field}{inside}: {why}", field=field, inside="".join(f".{part}" for part in inside), why=invalid(details))


@cache
def all_tasks() -> dict[str, Task]:
    """Every task by name, in the order of the names."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            task = importlib.import_module(f"{__name__}.{module.name}").TASK
            found[task.name] = task
    return found


def get_task(name: str) -> Task:
    """Raises NotFound with the names there are."""
    try:
        return all_tasks()[name]
    except KeyError:
        raise NotFound(kind="task", name=name) from None


def site_tasks() -> list[Task]:
    return [t for t in all_tasks().values() if t.kind == "site"]
