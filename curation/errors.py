"""Errors that a user can act on: what happened, which value, what to do.

Every error that may reach a person is a `UserError`. Its class attribute `text` is the English sentence, with named
placeholders; its `code` names the same sentence in ui/locales/zh.toml under [errors]. A test checks that every code has a
translation with the same placeholders. An error that is not a UserError is a defect of ours and is shown as one.

>>> raise BrokenArchive(where="a.zip", why="ends in the middle of a member")
"""
from __future__ import annotations

from typing import Any, ClassVar


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
    text = "{where}, line {line}: {why}. Mend the line; the other rows are not affected."


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


def all_user_errors() -> list[type[UserError]]:
    """Every class of UserError known to the process (for the test that checks the translations)."""
    found: list[type[UserError]] = []
    todo: list[type[UserError]] = [UserError]
    while todo:
        cls = todo.pop()
        found.append(cls)
        todo.extend(cls.__subclasses__())
    return found
