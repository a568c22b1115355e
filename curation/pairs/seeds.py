"""Which examples does generation start from? datasets/seeds/<task>.jsonl, written for this project, one JSON object a line.

A seed has an id, its task, an input (C code, may be ""), and instruction and output in English and Chinese. For a site task the output's
first line is the task's answer as one JSON object, then comes a blank line and the explanation; a preference seed has no output.

>>> load("function_pointer")[0].pair("zh").instruction
"""
from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError

from curation import PROJECT
from curation.errors import BadRow, NotFound, reason_in
from curation.model import Lang, Model, PairAnswer

FOLDER = PROJECT / "datasets" / "seeds"


class Seed(Model):
    id: str = Field(min_length=1)
    task: str
    input: str = ""
    instruction: dict[Lang, str]
    output: dict[Lang, str] | None = None

    def pair(self, lang: Lang) -> PairAnswer:
        """The seed as a pair in one language; only for a seed that has an output."""
        if self.output is None:
            raise NotFound(kind="output of seed", name=self.id)
        return PairAnswer(instruction=self.instruction[lang], input=self.input, output=self.output[lang])

    def prompt(self, lang: Lang) -> str:
        """Instruction and input as one prompt."""
        return f"{self.instruction[lang]}\n\n{self.input}" if self.input.strip() else self.instruction[lang]


def topics() -> list[str]:
    """The tasks that have seeds, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@cache
def load(task: str) -> tuple[Seed, ...]:
    """All seeds of a task in the file's order. Raises NotFound (no such task) or BadRow (a line that is no seed)."""
    if task not in topics():
        raise NotFound(kind="seed file for task", name=task)
    return tuple(read(FOLDER / f"{task}.jsonl"))


def read(path: Path) -> list[Seed]:
    """The seeds of one file. Raises BadRow naming file and line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Seed.model_validate(json.loads(line)))
        except (ValidationError, ValueError) as err:
            raise BadRow(where=path.name, line=number, why=reason_in(err).splitlines()[0]) from err
    return found
