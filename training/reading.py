"""What stands in a small JSON or YAML file that another process, an older version, or a person wrote? Read here, so that whatever bytes it
holds either become plain data or one clear error with its place.

Python's parsers let more through than their own errors: RecursionError for deep nesting, ValueError for a number of 5,000 digits,
UnicodeDecodeError, and for YAML's tags IndexError, KeyError, AttributeError and TypeError. All become a ValueError with a Reason here
(`parse`, `parse_yaml`), or DamagedFile with the file's path (`read_object`).

>>> read_object(Path("runs/one/manifest.json"))["name"]
'one'
>>> read_object(Path("runs/cut/manifest.json"))
DamagedFile: runs/cut/manifest.json is damaged: it is not JSON (Unterminated string ...). Restore it from a copy, or move its folder away.

Not covered: a file that is too large for the memory.
"""
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import yaml

from curation.errors import Reason, UserError, reason_in

DEEPEST = 64  # levels of nesting; what we write has fewer than 12
ALIASES = 30  # in one YAML file: one inside another multiplies what it holds, at most to 3 ** 10 entries


class DamagedFile(UserError):
    code = "damaged_file"
    text = "{where} is damaged: {why}. {todo}"


def read_object(path: Path, todo: Reason | None = None) -> dict[str, Any]:
    """The object in a JSON file. Raises DamagedFile, with what to do, where it is missing, cannot be read or holds something else."""
    try:
        return parse_object(read_bytes(path))
    except ValueError as err:
        raise damaged(path, err, todo) from err


def read_object_if_there(path: Path, todo: Reason | None = None) -> dict[str, Any]:
    """As read_object, but {} where there is no such file, or nothing in it."""
    try:
        raw = read_bytes(path) if path.exists() or path.is_symlink() else b""
        return parse_object(raw) if raw.strip() else {}
    except ValueError as err:
        raise damaged(path, err, todo) from err


def damaged(path: Path, err: ValueError, todo: Reason | None = None) -> DamagedFile:
    """The error of a file, out of the ValueError that says what is wrong with it."""
    restore = Reason("restore_file", "Restore it from a copy, or move its folder away.")
    return DamagedFile(where=str(path), why=reason_in(err), todo=todo or restore)


def read_bytes(path: Path) -> bytes:
    """A plain file's bytes. Raises ValueError with a Reason: no file, a folder, a pipe, a link to nowhere, no right to read it."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError(Reason("no_plain_file", "it is no plain file"))
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(Reason("is_missing", "it is missing")) from None
    except OSError as err:
        raise ValueError(Reason("file_not_readable", "it cannot be read ({said})", said=err.strerror or str(err))) from err


def parse_object(raw: bytes | str) -> dict[str, Any]:
    """As parse, but only an object (a JSON mapping) is good."""
    found = parse(raw)
    if not isinstance(found, dict):
        raise ValueError(Reason("no_object", "it holds no JSON object but {found}", found=type(found).__name__))
    return found


def parse(raw: bytes | str) -> Any:
    """JSON text as plain data. Raises ValueError with a Reason."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ValueError(Reason("no_utf8", "it is not UTF-8 text (byte {at})", at=err.start)) from err
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError(_too_deep()) from None
    except ValueError as err:
        raise ValueError(Reason("is_not_json", "it is not JSON ({said})", said=str(err))) from err
    if text.count("[") + text.count("{") > DEEPEST and _deeper(found, DEEPEST):
        raise ValueError(_too_deep())
    if "\\ud" in text.lower():
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(Reason("lone_surrogate", "it holds half of a character (a lone surrogate)")) from None
    return found


def _too_deep() -> Reason:
    return Reason("nested_deeper", "it is nested deeper than {most} levels", most=DEEPEST)


def _deeper(value: Any, most: int) -> bool:
    """Whether lists and mappings lie in each other deeper than `most`; by level, since it may be deeper than Python can call."""
    level = [value]
    for _ in range(most):
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def number(value: Any) -> float | None:
    """A finite number as it is; None for anything else, NaN, infinity and bool included."""
    try:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int that no float holds
        good = False
    return value if good else None


def parse_yaml(source: bytes | str) -> Any:
    """YAML as plain data; no tag makes an object of Python's, a key given twice is an error. Raises ValueError with a Reason."""
    try:
        decoded = source if isinstance(source, str) else source.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ValueError(Reason("no_utf8", "it is not UTF-8 text (byte {at})", at=err.start)) from err
    try:
        found = yaml.load(decoded, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader that refuses more)
    except RecursionError:
        raise ValueError(_too_deep()) from None
    except (yaml.YAMLError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as err:
        said = " ".join(str(err).split()) or type(err).__name__
        raise ValueError(Reason("is_not_yaml", "it is not YAML: {said}", said=said)) from err
    if isinstance(found, dict | list) and _deeper(found, DEEPEST):  # an alias inside of what it names has no end
        raise ValueError(_too_deep())
    return found


class _StrictLoader(yaml.SafeLoader):
    """YAML's own rules: a key given twice is an error (PyYAML takes the last in silence). Nesting and aliases have a limit."""

    depth = aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.aliases += self.check_event(yaml.events.AliasEvent)
        self.depth += 1
        if self.depth > DEEPEST or self.aliases > ALIASES:
            limit = f"nested deeper than {DEEPEST} levels" if self.depth > DEEPEST else f"more than {ALIASES} aliases"
            raise yaml.composer.ComposerError(None, None, limit, self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands there twice", key_node.start_mark)
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)
