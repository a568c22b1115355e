"""Errors that a user can act on: what happened, which value, what to do.

Every error that may reach a person is a `UserError`. Its class attribute `text` is the English sentence, with named
placeholders; its `code` names the same sentence in ui/locales/zh.toml under [errors]. A test checks that every code has a
translation with the same placeholders. An error that is not a UserError is a defect of ours and is shown as one.

What is said inside a sentence (why, what to do) is a `Reason`: it has a translation of its own. What others said (git, the system, a
JSON parser) is a param of a Reason and stays as it is. Names of things in `kind`, `field`, `action` and `tool` are plain English words,
translated by [noun].

>>> raise BadValue(field="out", value="a.txt", why=Reason("is_there", "is there already"), todo=Reason("other_name", "Choose another."))
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Reason(str):
    """A part of an error's sentence: the English text itself, and the `code` and `params` by which a page says it in its own language
    ([reason] in ui/locales/zh.toml, same placeholders). text: the English with named placeholders. code "": it holds no words of its own,
    it only puts its params together."""

    code: str
    text: str
    params: dict[str, Any]

    def __new__(cls, code: str, text: str, /, **params: Any) -> Reason:
        self = super().__new__(cls, text.format(**params))
        self.code, self.text, self.params = code, text, params
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:  # copies stay translatable
        return (self.code, self.text), self.params


def joined(parts: Sequence[str], separator: str = "\n") -> Reason:
    """Several reasons as one, each still translatable. separator: holds no braces."""
    return Reason("", separator.join(f"{{p{i}}}" for i in range(len(parts))), **{f"p{i}": part for i, part in enumerate(parts)})


def reason_in(err: BaseException) -> str:
    """The Reason that an error was raised with, else what it says; its type's name when it says nothing."""
    return err.args[0] if err.args and isinstance(err.args[0], Reason) else str(err) or type(err).__name__


def invalid(details: Mapping[str, Any]) -> str:
    """What one entry of pydantic's ValidationError.errors() says: the Reason of a validator of ours, else pydantic's message under the code
    "invalid_" + its type, with its context (gt, le, expected, ...) as params."""
    context = dict(details.get("ctx") or {})
    if "expected" in context:  # "'a', 'b' or 'c'": the values alone
        context["expected"] = str(context["expected"]).replace(" or ", ", ")
    if isinstance(context.get("error"), ValueError):
        return reason_in(context["error"])
    return Reason(f"invalid_{details['type']}", "{msg}", **{**context, "msg": details["msg"]})


class UserError(Exception):
    """Base of all errors shown to a user. `params` are the values the sentence names; nothing secret goes in them."""

    code: ClassVar[str] = "user_error"
    text: ClassVar[str] = "{what}. {todo}"

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.text.format(**params))


class NotFound(UserError):
    code = "not_found"
    text = "There is no {kind} {name!r}. Check the name, or list what there is."


class NotAllowed(UserError):
    code = "not_allowed"
    text = "{user} ({role}) may not {action}. Ask a lead to do it or to change the role."


class BadValue(UserError):
    """A value given by the user is wrong. `field` says which, `why` what is wrong with it, `todo` what to give instead."""

    code = "bad_value"
    text = "{field}: {value!r} {why}. {todo}"


class BadAnswer(UserError):
    code = "bad_answer"
    text = "This answer cannot be saved: {why}. Mend the named field and save again; nothing was lost."


class BrokenArchive(UserError):
    code = "broken_archive"
    text = "{where} cannot be read as an archive: {why}. Pack it again as .zip, .tar.gz, .tar.xz or .tar.bz2 and import it again."


class GitFailed(UserError):
    code = "git_failed"
    text = "git could not clone {where}: {why}. Check the address and that this machine may reach it."


class BadRow(UserError):
    code = "bad_row"
    text = "{where}, line {line}: {why}. Mend the line, or leave it out."


class UnknownFormat(UserError):
    code = "unknown_format"
    text = "{where} is in no format that can be read here ({known}). Name the format, or convert the file."


class EndpointFailed(UserError):
    code = "endpoint_failed"
    text = "The model endpoint {where} failed: {why}. What was answered before is kept; start again to go on from there."


class TouchedDataset(UserError):
    code = "touched_dataset"
    text = "{where} is not what was frozen: {why}. Freeze again, or restore the file; do not train on it."


class NothingToFreeze(UserError):
    code = "nothing_to_freeze"
    text = "Nothing can be frozen: {why}. Label, accept or choose some items first, or widen the choice."


class BadConfig(UserError):
    """One or more faults in a configuration. `problems` is one line a fault: path, what is wrong, what to do."""

    code = "bad_config"
    text = "{where} is not a valid configuration:\n{problems}"


class BadModelFolder(UserError):
    code = "bad_model_folder"
    text = "{where} cannot be used as a model: {why}. {todo}"


class ToolMissing(UserError):
    code = "tool_missing"
    text = "{tool} was not found: {why}. {todo}"


class RunFailed(UserError):
    code = "run_failed"
    text = "Run {where} cannot go on: {why}. {todo}"


def record(err: UserError) -> dict[str, Any]:
    """An error as plain JSON, for a file or the store; `remade` reads it back. {"code", "params"}; a Reason among the params is
    {"reason": its code, "text", "params"}."""
    return {"code": err.code, "params": _plain(err.params)}


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return {"reason": value.code, "text": value.text, "params": _plain(value.params)}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value if value is None or isinstance(value, str | int | float) else str(value)


def remade(kept: Mapping[str, Any]) -> UserError | None:
    """The error of a record; None when its class is not known here or wants other params (written by another version)."""
    kind = next((cls for cls in all_user_errors() if cls.code == kept["code"]), None)
    try:
        return kind(**{name: remade_reason(value) for name, value in kept["params"].items()}) if kind else None
    except (KeyError, TypeError):
        return None


def remade_reason(kept: Any) -> Any:
    """A Reason out of its record; anything else as it is."""
    if not isinstance(kept, dict):
        return kept
    return Reason(kept["reason"], kept["text"], **{name: remade_reason(value) for name, value in kept["params"].items()})


def reason_record(reason: Reason) -> dict[str, Any]:
    """A Reason as plain JSON; `remade_reason` reads it back."""
    return _plain(reason)


def all_user_errors() -> list[type[UserError]]:
    """Every class of UserError known to the process (for the test that checks the translations)."""
    found: list[type[UserError]] = []
    todo: list[type[UserError]] = [UserError]
    while todo:
        cls = todo.pop()
        found.append(cls)
        todo.extend(cls.__subclasses__())
    return found
