"""How long are the rows for a model's tokenizer, and how many of them does each `max_length` keep?

Counted are prompt and completion; the model's chat template adds a few tokens more, the same for each row (TEMPLATE of room is kept).

>>> found = lengths(rows, "models/smollm2-135m")
>>> found.kept("function_pointer")[512], found.median(None)
(1204, 388)
"""
from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from curation import tokens
from curation.errors import BadValue, Reason
from curation.freezing.manifest import MESSAGE_KEYS, FrozenRow
from curation.settings import Settings

LIMITS = (256, 384, 512, 640, 768, 1024, 2048, 4096)  # of max_length, as a run sets it
TEMPLATE = 40  # tokens of a chat template: SmolLM2's, with its system prompt, has 32


@dataclass(frozen=True)
class Lengths:
    """of_task: task -> number of tokens of each row. A preference row has the length of its longer answer."""

    of_task: dict[str, list[int]]

    def of(self, task: str | None) -> list[int]:
        """None: of all tasks."""
        return self.of_task.get(task, []) if task is not None else [n for rows in self.of_task.values() for n in rows]

    def kept(self, task: str | None = None) -> dict[int, int]:
        """max_length -> number of rows that fit with the template."""
        return {limit: sum(n + TEMPLATE <= limit for n in self.of(task)) for limit in LIMITS}

    def median(self, task: str | None = None) -> int | None:
        found = self.of(task)
        return round(median(found)) if found else None

    def histogram(self) -> dict[str, list[int]]:
        """task -> number of rows in each of ("up to LIMITS[0]", ..., "more")."""
        bounds = (0, *LIMITS)
        return {
            task: [sum(low < max(n, 1) <= high for n in rows) for low, high in zip(bounds, (*LIMITS, 10**12), strict=True)]
            for task, rows in sorted(self.of_task.items())
        }


def lengths(rows: Iterable[FrozenRow], tokenizer: str | None) -> Lengths:
    """tokenizer: as for tokens.count. Raises BadValue when it cannot be loaded."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        prompt, *answers = (" ".join(m["content"] for m in row.fields[key]) for key in MESSAGE_KEYS[row.config])
        found[row.fields["task"]].append(tokens.count(prompt, tokenizer) + max(tokens.count(a, tokenizer) for a in answers))
    return Lengths(dict(found))


def tokenizers(settings: Settings) -> list[str]:
    """Names of the workspace's models that have a tokenizer.json."""
    return sorted(path.parent.name for path in settings.models_dir.glob("*/tokenizer.json"))


def tokenizer_of(settings: Settings, name: str | None) -> str | None:
    """A tokenizer as tokens.count takes it: that of a folder or tokenizer.json, of a model of the workspace, or of one that
    `python -m training models get` fetched, by its name. Asks no hub. Raises BadValue when it cannot be loaded."""
    if not name:
        return None
    tools = Path(os.environ.get("FLOWSIGHT_TOOLS") or Path.home() / ".cache" / "flowsight").expanduser()
    plain = "/" not in name and not name.startswith(".")
    there = [Path(name).expanduser(), *((home / name for home in (settings.models_dir, tools / "models")) if plain else ())]
    found = next((str(path) for path in there if path.is_file() or (path / "tokenizer.json").is_file()), None)
    if found is None:
        why = Reason("no_tokenizer_here", "is no folder with a tokenizer.json, nor the name of a model that is here")
        raise BadValue(field="tokenizer", value=name, why=why, todo=Reason("name_a_model", "Name a model's folder, or one of its list."))
    tokens.count("", found)
    return found
