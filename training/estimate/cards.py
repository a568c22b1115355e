"""Which cards are there, how much memory and speed has each? cards.yaml, one line a card, each with its source.

>>> cards()["rtx-4090"].gb
24.0
"""
from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from curation.errors import NotFound, Reason
from curation.model import Model
from training.reading import parse_yaml, read_bytes

FILE = Path(__file__).resolve().parent / "cards.yaml"


class Card(Model):
    """gb: memory as sold, in 1e9 bytes. tflops: dense bfloat16, 1e12 operations a second."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    gb: float = Field(gt=0)
    tflops: float = Field(gt=0)
    source: str = Field(min_length=5)

    @property
    def bytes(self) -> int:
        return int(self.gb * 1e9)


@cache
def cards() -> dict[str, Card]:
    """Name -> card, the smallest memory first."""
    found = [Card.model_validate(entry) for entry in parse_yaml(read_bytes(FILE))]
    return {card.name: card for card in sorted(found, key=lambda card: (card.gb, card.tflops))}


def card_of(name: str) -> Card:
    """A card by its name or title, letters' case and blanks aside. Raises NotFound with the names there are."""
    plain = name.strip().lower().replace(" ", "-")
    for card in cards().values():
        if plain in (card.name, card.title.lower().replace(" ", "-")):
            return card
    raise NotFound(kind=Reason("card_of", "card ({known})", known=", ".join(cards())), name=name)
