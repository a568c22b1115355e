"""The domain's types: site, proposal, answer, annotation, training row. No I/O; `training` may import this module.

Lines and columns are 1-based everywhere. File paths are relative to their source, with `/`. Absence is None.
Stored answers are structured and free of language: an enum value or a name out of the code, never a translated sentence.

>>> Place(file="drivers/a.c", line=12, column=5)
"""
from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Lang = Literal["en", "zh"]
Anchor = Literal["call", "definition", "occurrence"]  # a site's line: an indirect call, a function's head, one of many
Role = Literal["annotator", "reviewer", "lead"]

# Where a callback runs. The kernel's first four are those of Documentation/kernel-hacking/hacking.rst
# ("user context", softirq, hardirq; atomic = may not sleep for another reason, e.g. a spinlock is held).
Context = Literal[
    "process", "softirq", "hardirq", "atomic",  # kernel
    "signal", "thread", "threadpool", "eventloop", "sync", "exit",  # user space
]
Phase = Literal["bind", "trigger", "execute", "wait"]

Action = Literal[
    "confirm",     # the proposal is right as it stands
    "mend",        # the answer given here is right, the proposal was not
    "none",        # the site has no answer of this kind (no target, no callback, no async mechanism)
    "unknown",     # the annotator cannot tell
    "external",    # the answer lies outside the imported code
    "incomplete",  # the answer given is right as far as it goes; there is more
    "skip", "flag",
    "accept", "reject",  # review of a pair ("mend" there carries the mended pair)
    "choose",      # a preference pair: answer is a PreferenceAnswer
    "adjudicate",  # a lead's or reviewer's last word on differing annotations
    "undo",        # takes back the annotation named by `undoes`
]


class Model(BaseModel):
    """Base of all types here: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class Place(Model):
    """A place in a source file. `column` is None where only the line is known."""

    file: str
    line: int = Field(ge=1)
    column: int | None = Field(default=None, ge=1)


class Evidence(Place):
    """Why something is proposed: a place that a person can check. `kind` is a short code in the words of the task
    (initializer, assignment, argument, registration, call, definition, knowledge, same_field, same_signature, ...);
    `text` is the source line as it stands, stripped."""

    kind: str
    text: str = ""


class PathStep(Place):
    """One step of the way from where a function's address is taken to the call. kind: a short code (passed, stored, read, returned,
    initializer, macro, call, ...). names: what it is about (value, object, callee, position, macro, ...), as in the source. source, target:
    spots, such as ["field", "open", "struct ops"] (see csource/targets/witness.py). text: the source line, stripped. Free of language."""

    kind: str
    names: dict[str, str] = {}
    source: list[str] = []
    target: list[str] = []
    text: str = ""

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A proposal holds dozens of steps: absent and empty fields are left out of its JSON."""
        return {name: value for name, value in handler(self).items() if value not in (None, "", [], {})}


class Candidate(Model):
    """A function that an indirect call may reach. `score` in 0..1, comparable within one site only. file/line: the definition,
    None when the corpus holds none. steps: the way of the function to the call, [] beyond the first candidates."""

    name: str
    file: str | None = None
    line: int | None = None
    score: float = 0.0
    evidence: list[Evidence] = []
    steps: list[PathStep] = []


class Proposal(Model):
    """What the machine proposes for one site of one task. `answer` fits the task's answer model.

    file, line, column: the site (the call; the registration's callback for callback_timing: its definition if known, else the
    registration). function: the enclosing function, or the callback itself for callback_timing; None at file scope.
    expression: the site's text (the callee expression, the callback's name, the API call). extra: what only this task's
    command-line record has (see each task's `record`)."""

    task: str
    file: str
    line: int = Field(ge=1)
    column: int = Field(default=1, ge=1)
    function: str | None = None
    expression: str = ""
    answer: dict[str, Any]
    candidates: list[Candidate] = []
    evidence: list[Evidence] = []
    score: float = 0.0
    extra: dict[str, Any] = {}


class Target(Model):
    """A function reached by an indirect call. Two targets are the same when the names are."""

    name: str = Field(min_length=1)
    file: str | None = None
    line: int | None = None


class PhaseStep(Model):
    """One phase of an asynchronous mechanism, at a place in the code. `text`: the source line."""

    phase: Phase
    file: str
    line: int = Field(ge=1)
    function: str | None = None
    text: str = ""


class PairAnswer(Model):
    """An instruction, its optional input (often code), and the answer to learn. thinking: what the answer thinks before it speaks, "" for
    none. terms: the field's words in it. difficulty: 1 (easy) to 4, None when nobody said."""

    instruction: str = Field(min_length=1)
    input: str = ""
    output: str = Field(min_length=1)
    thinking: str = ""
    terms: list[str] = []
    difficulty: int | None = Field(default=None, ge=1, le=4)

    @model_serializer(mode="wrap")
    def _without_what_nobody_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The three texts always; the others only where there is something."""
        return {key: value for key, value in handler(self).items() if key in ("instruction", "input", "output") or value}


class PreferencePrompt(Model):
    """A prompt with two answers. `shown_first` is which of them stands left on the screen (drawn with a recorded seed), so a
    left-hand bias of the annotators can be measured."""

    prompt: str = Field(min_length=1)
    a: str = Field(min_length=1)
    b: str = Field(min_length=1)
    shown_first: Literal["a", "b"] = "a"
    seed: int | None = None


Origin = Literal["site", "generated", "imported"]


class Flag(Model):
    """What a filter noticed about a row. `filter` names the filter, `params` fill its sentence in the locale files."""

    filter: str
    params: dict[str, Any] = {}


class Item(Model):
    """One thing to decide: a site with its proposal, a pair to review, a preference pair to choose.

    payload: Proposal (site tasks), PairAnswer (self_instruct), PreferencePrompt (preference), as plain JSON. group: what
    must not be torn apart by a split (file within source; seed of a generated pair; near-duplicate clusters are added when
    freezing). lang: language of the text in a pair or preference; None for a site (its text is rendered in either).
    excerpt: the code that a training row shows for a site, made when it was proposed; "" for the others."""

    id: str
    task: str
    origin: Origin
    source: str | None = None
    file: str | None = None
    line: int | None = None
    lang: Lang | None = None
    payload: dict[str, Any]
    excerpt: str = ""
    group: str
    flags: list[Flag] = []
    meta: dict[str, Any] = {}


class Annotation(Model):
    """One append-only statement of one person about one item. `answer` fits the task's answer model (None for skip, flag, reject,
    undo...). `explanation`: the text the annotator left, by language. `undoes`: the id taken back. elapsed_ms: from the form
    drawn to saved. created_at: UTC ISO 8601 with `Z`."""

    id: int
    item_id: str
    user: str
    role: Role
    op_id: str
    action: Action
    answer: dict[str, Any] | None = None
    explanation: dict[Lang, str] = {}
    reason: str | None = None
    elapsed_ms: int | None = None
    undoes: int | None = None
    created_at: str


class Resolved(Model):
    """An item's derived state. status: open (nobody answered), answered, skipped, flagged, unknown (everyone who answered said
    so), disputed (people differ), accepted, rejected. answer and explanation: those that count, None/{} unless there is an answer."""

    status: Literal["open", "answered", "skipped", "flagged", "unknown", "disputed", "accepted", "rejected"]
    answer: dict[str, Any] | None = None
    action: Action | None = None
    explanation: dict[Lang, str] = {}
    users: list[str] = []


class Message(Model):
    role: Literal["system", "user", "assistant"]
    content: str


class TrainingRow(Model):
    """One row to learn from, in TRL's conversational prompt/completion form. answer: the structured answer that the completion's
    first line states as JSON; None for free-text pairs."""

    task: str
    lang: Lang
    prompt: list[Message]
    completion: list[Message]
    answer: dict[str, Any] | None = None


class PreferenceRow(Model):
    """One preference pair in TRL's conversational form."""

    task: str
    lang: Lang
    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]


class Actor(Model):
    """Who acts: passed to every service that writes."""

    name: str
    role: Role


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, UTF-8 characters as they are. Hashes and stored JSON use it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def stable_id(*parts: Any) -> str:
    """A 20-hex-digit id made of content alone, so that two machines give the same thing the same id."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()[:20]
