"""What is known of C callback and asynchronous APIs: rows in YAML, each with its subsystem and a source to check it by.

A row says which argument, pasted name or struct field is the handler, in which context it runs, whether it may sleep, what makes
it run and through which functions. None (null) means unknown, or that the row has no such thing; it never means "no".

>>> request_irq = load().function("request_irq")[0]
>>> request_irq.handler_arg, request_irq.runs_in, request_irq.may_sleep
(1, 'hardirq', False)

`may_sleep` is read the same everywhere: True: the callback may block; False: it must not (the kernel would be scheduling while
atomic; in user space the documentation says that only async-signal-safe or non-blocking calls are right); None: not known, or it
depends on what no row can see.

Keys of a file: `subsystem` (a name of subsystems.py; a row may state another), `platform` ("linux" for the kernel, else the library),
optional `shared` (YAML anchors that rows merge with `<<`), `rows`. Keys of a row: see `Row`. A row covers one handler: an API with two
handlers has two rows. People add rows of their own in a workspace (curation/sourcing/catalog.py); `in_use()` are the rows that count
here and now:

>>> with using(catalog.knowledge(store)):
...     propose_index(index)

Beside this loader: mechanisms and subsystems (closed lists of names), matching (which rows speak about a place of a corpus, and which
object is meant there), example (a row as C), callbacks/ (when a callback runs) and patterns/ (uses of mechanisms), which read code with
the rows. Invariant: facts about an API stand in a row with its source, never in code; code holds what names and types of C say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from curation.errors import Reason, UserError, invalid
from curation.knowledge.mechanisms import Mechanism
from curation.knowledge.subsystems import Subsystem
from curation.model import Context, Model, Phase

FOLDER = Path(__file__).resolve().parent / "rows"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadKnowledge(UserError):
    """One or more rows are wrong. `problems`: one line a fault, with file, row, key and what is wrong."""

    code = "bad_knowledge"
    text = "The knowledge rows in {where} cannot be used:\n{problems}\nMend the named rows; unknown values are written as null."


class Words(Model):
    """One sentence part in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class Variant(Model):
    """Other facts when the code looks a certain way: `matches` (a regular expression) is found in the text of argument `arg` of
    this call, or, when `api` is given, of a call of `api` on the same object in the same file; or `file_matches` is found anywhere in
    the file that registers the callback (`can_sleep = true`); or `object_matches` within the innermost braces around it; or, for a
    field, a function in one of the fields `locked_by` of the same object leaves a lock held, or releases one it did not take. Keys
    that are null change nothing."""

    api: str | None = None
    arg: int | None = Field(default=None, ge=0)
    matches: str | None = None
    file_matches: str | None = None
    object_matches: str | None = None
    locked_by: list[str] = []
    runs_in: Context | None = None
    may_sleep: bool | None = None
    mechanism: Mechanism | None = None
    chain: list[str] | None = None

    @field_validator("matches", "file_matches", "object_matches")
    @classmethod
    def _is_a_regular_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as err:
            raise ValueError(Reason("no_expression", "is not a regular expression: {said}", said=str(err))) from err
        return value

    @model_validator(mode="after")
    def _looks_at_one_thing(self) -> Variant:
        ways = sum(way is not None for way in (self.matches, self.file_matches, self.object_matches)) + bool(self.locked_by)
        if (self.arg is None) != (self.matches is None) or ways != 1:
            raise ValueError(Reason("variant_of_one", "give one of: arg and matches, file_matches, object_matches, locked_by"))
        return self


class Row(Model):
    """One fact about one API. Argument numbers are 0-based.

    names: the functions or macros (kind function, macro). struct, fields: the fields (kind field); "*" means every function field of the
    struct that has no row of its own. handler_arg: the argument that is
    the callback. handler_name: the callback's name as the macro pastes it, `{0}` being the text of argument 0. handler_field:
    `struct.field` of the object (object_arg) that holds the callback, for calls that register a filled struct; the other fields of that
    field's row go with it. context_arg: the
    argument handed to the callback later. object_arg: the argument that names the object ("result": the returned value), by which
    bind, trigger, wait and handler are tied together. event_arg: the argument by which triggers and waits name it, where that is
    not the object which holds the handler (the signal number of sigaction). phases: what a call means for `mechanism`.
    chain: the functions that call
    the callback, outermost first, without the callback. versions: of the kernel or library, e.g. ">=4.15". source: a public
    document, manual page or path in the source tree by which a reader can check the row."""

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[A-Za-z0-9_]+)+$")
    kind: Literal["function", "macro", "field"]
    names: list[str] = []
    struct: str | None = None
    fields: list[str] = []
    handler_arg: int | None = Field(default=None, ge=0)
    handler_name: str | None = None
    handler_field: str | None = Field(default=None, pattern=r"^\w+\.\w+$")
    context_arg: int | None = Field(default=None, ge=0)
    object_arg: int | Literal["result"] | None = None
    event_arg: int | None = Field(default=None, ge=0)
    runs_in: Context | None = None
    may_sleep: bool | None = None
    trigger: Words | None = None
    chain: list[str] = []
    mechanism: Mechanism | None = None
    phases: list[Phase] = []
    variants: list[Variant] = []
    versions: str | None = None
    header: str | None = None
    source: str = Field(min_length=3)
    notes: str | None = None
    subsystem: Subsystem
    platform: str = Field(pattern=r"^[a-z][a-z0-9_]*$")

    @model_validator(mode="after")
    def _says_what_it_is_about(self) -> Row:
        if self.kind == "field" and (not self.struct or not self.fields or self.names):
            raise ValueError(Reason("row_of_field", "a row of kind field has struct and fields, and no names"))
        if self.kind != "field" and (not self.names or self.struct or self.fields):
            raise ValueError(Reason("row_of_function", "a row of kind function or macro has names, and neither struct nor fields"))
        if sum(x is not None for x in (self.handler_arg, self.handler_name, self.handler_field)) > 1:
            raise ValueError(Reason("one_handler", "give one of handler_arg, handler_name, handler_field"))
        if self.phases and self.mechanism is None:
            raise ValueError(Reason("phases_alone", "phases are given without a mechanism"))
        if self.takes_handler and self.trigger is None and self.handler_field is None:
            raise ValueError(
                Reason("no_trigger", "a row with a handler says what triggers it, in both languages (handler_field rows may leave it out)")
            )
        return self

    @property
    def takes_handler(self) -> bool:
        return self.kind == "field" or self.handler_arg is not None or self.handler_name is not None or self.handler_field is not None


class Knowledge:
    """All rows, with look-up by function or macro name and by struct and field."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self.by_id = {row.id: row for row in self.rows}
        self._calls: dict[str, list[Row]] = defaultdict(list)
        self._fields: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.rows:
            for name in row.names:
                self._calls[name].append(row)
            for field in row.fields:
                self._fields[(row.struct or "", field)].append(row)

    def function(self, name: str) -> list[Row]:
        """Rows of the function or macro of that name; [] when nothing is known."""
        return self._calls.get(name, [])

    def field(self, struct: str, field: str) -> list[Row]:
        """Rows of a struct's field; [] when nothing is known. `struct` is the tag or typedef name without `struct`."""
        return self._fields.get((struct, field)) or self._fields.get((struct, "*"), [])

    @cached_property
    def handlers(self) -> dict[str, list[Row]]:
        """Name of a function or macro -> its rows that say which argument is the callback and where it runs."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            for name in row.names if row.handler_arg is not None and row.runs_in else []:
                found[name].append(row)
        return dict(found)

    @cached_property
    def structs(self) -> set[str]:
        """Tags and typedefs with at least one row."""
        return {struct for struct, _ in self._fields}

    @cached_property
    def structs_by_field(self) -> dict[str, list[str]]:
        """Field name -> the structs that have a row for it, in the order of the rows: a guess for assignments whose base type is not
        known."""
        found: dict[str, list[str]] = defaultdict(list)
        for struct, field in self._fields:
            if field != "*":
                found[field].append(struct)
        return dict(found)


def load_folder(folder: Path) -> Knowledge:
    """The rows of every *.yaml in `folder`. Raises BadKnowledge with every fault of every file at once."""
    rows: list[Row] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        found, wrong = _read(path)
        rows += found
        problems += wrong
    problems += _duplicates(rows)
    if problems:
        raise BadKnowledge(where=folder.name, problems="\n".join(f"- {p}" for p in problems))
    return Knowledge(rows)


@cache
def load() -> Knowledge:
    """The shipped rows, read once a process. Raises BadKnowledge."""
    return load_folder(FOLDER)


_IN_USE: ContextVar[Knowledge | None] = ContextVar("knowledge", default=None)


def in_use() -> Knowledge:
    """The rows that count here: those of the surrounding `using(...)`, else the shipped ones."""
    return _IN_USE.get() or load()


@contextmanager
def using(knowledge: Knowledge) -> Iterator[None]:
    """Makes `knowledge` the rows in use within this block, in this thread. Consume generators of proposals inside it."""
    before = _IN_USE.set(knowledge)
    try:
        yield
    finally:
        _IN_USE.reset(before)


def parse(text: str, where: str) -> tuple[list[Row], list[str]]:
    """The rows of a YAML text in the format of the shipped files, and one line for each fault (what and where, English)."""
    try:
        content = yaml.load(text, Loader=_LOADER)  # the safe loader, in C where there is one
    except yaml.YAMLError as err:
        return [], [f"{where}: not YAML: {' '.join(str(err).split())}"]
    if not isinstance(content, dict) or not isinstance(content.get("rows"), list):
        return [], [f"{where}: must be a mapping with subsystem, platform and rows"]
    problems = [f"{where}: unknown key {key!r}" for key in content if key not in ("subsystem", "platform", "shared", "rows")]
    problems += [f"{where}: {key} is missing" for key in ("subsystem", "platform") if not content.get(key)]
    rows = []
    for number, raw in enumerate(content["rows"], 1):
        row, wrong = _row(raw, content)
        problems += [f"{where}, row {number} ({raw.get('id', '?') if isinstance(raw, dict) else repr(raw)}): {why}" for why in wrong]
        rows += [row] if row else []
    return rows, problems


def _read(path: Path) -> tuple[list[Row], list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        return [], [f"{path.name}: not YAML: {' '.join(str(err).split())}"]
    return parse(text, path.name)


def _row(raw: Any, content: dict[str, Any]) -> tuple[Row | None, list[str]]:
    if not isinstance(raw, dict):
        return None, ["is not a mapping"]
    if "platform" in raw:
        return None, ["platform: belongs to the file, not to a row"]
    try:
        return Row.model_validate({"subsystem": content.get("subsystem"), "platform": content.get("platform"), **raw}), []
    except ValidationError as err:
        return None, [f"{field}: {why}" for field, why in faults(err)]


def faults(err: ValidationError) -> list[tuple[str, str]]:
    """(key, what is wrong with it) of each fault of a row; key "row" for what concerns several keys. What is wrong is a Reason."""
    return [(".".join(map(str, e["loc"])) or "row", invalid(e)) for e in err.errors()]


def _duplicates(rows: list[Row]) -> list[str]:
    seen: dict[str, Row] = {}
    wrong = []
    for row in rows:
        if row.id in seen:
            wrong.append(f"{row.subsystem}: the id {row.id} is there twice (also in {seen[row.id].subsystem})")
        seen[row.id] = row
    return wrong
