"""Which sites did somebody pick out to be labeled, and how far is that? A list kept under its content's hash, so that a URL can name it.

>>> name = keep(settings, Selection("demo", "$x->ops->$f($$$)", sites_on(store, "demo", [("a.c", 12, 14)])))
>>> kept(settings, name).items
['3f2a...', '91bc...']

The list is fixed when it is made: sites proposed later are not in it. It lies with the workspace's blobs and needs no table.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from curation.errors import NotFound
from curation.model import canonical_json
from curation.settings import Settings
from curation.sourcing import blobs
from curation.store import Store, queues
from curation.tasks import site_tasks

MOST = 5_000  # sites of one selection; a database takes a limited number of values in one question
_FORM = "selection-1"


@dataclass(frozen=True)
class Selection:
    """what: the search whose hits they are, as it was typed. items: ids, in order of file and line."""

    source: str
    what: str
    items: list[str]


def sites_on(store: Store, source: str, spans: Iterable[tuple[str, int, int]]) -> list[str]:
    """Ids of the sites that stand on these lines of a source's files, (file, first line, last line), the first MOST by file and line."""
    lines: dict[str, set[int]] = {}
    for file, first, last in spans:
        lines.setdefault(file, set()).update(range(first, last + 1))
    kinds = {task.name for task in site_tasks()}
    found: list[str] = []
    for file in sorted(lines):
        found += [m["item_id"] for m in queues.marks(store, source, file) if m["line"] in lines[file] and m["task"] in kinds]
        if len(found) >= MOST:
            break
    return found[:MOST]


def keep(settings: Settings, selection: Selection) -> str:
    """Keeps the list; the name under which kept() finds it, the same for the same list."""
    return blobs.put(settings.blobs_dir, canonical_json({"form": _FORM, **asdict(selection)}).encode("utf-8", "surrogatepass"))


def kept(settings: Settings, name: str) -> Selection:
    """Raises NotFound for a name under which no selection is kept."""
    try:
        if not re.fullmatch("[0-9a-f]{64}", name):
            raise ValueError
        told = json.loads(blobs.get(settings.blobs_dir, name).decode("utf-8", "surrogatepass"))
        if told["form"] != _FORM:
            raise ValueError
        return Selection(str(told["source"]), str(told["what"]), [str(item) for item in told["items"]][:MOST])
    except (blobs.BrokenBlob, ValueError, KeyError, TypeError):
        raise NotFound(kind="selection", name=name[:70]) from None


def progress(store: Store, selection: Selection) -> tuple[int, int]:
    """(sites that are not open any more, all sites that are still there)."""
    states = queues.statuses(store, selection.items)
    return sum(status != "open" for status in states.values()), len(states)
