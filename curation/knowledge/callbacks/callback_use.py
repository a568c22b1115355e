"""Where is a function's name used as a value, and what is it put into?"""

from __future__ import annotations

from dataclasses import dataclass

from curation.csource.facts.model import Function


@dataclass(frozen=True, slots=True)
class CallbackUse:
    """A function's name as a value. struct, member: the field it goes into; api: the function or macro it is an argument of. table: what a
    struct without a tag is called by, the variable that it is the type of (`menu[]`)."""

    definition: Function
    file: str
    line: int
    column: int | None
    function: str | None
    struct: str | None
    member: str | None
    api: str | None
    variable: str | None
    static: bool = False  # an initializer outside any function
    table: str | None = None

    @property
    def via(self) -> str:
        if self.api is not None:
            return self.api
        if self.member is not None:
            owner = self.table if self.struct and "@" in self.struct else self.struct
            return f"{owner}.{self.member}" if owner else self.member
        return self.variable or self.definition.name

    @property
    def kind(self) -> tuple[str, str] | None:
        """What uses registered alike have in common."""
        if self.api is not None:
            return "", self.api
        return (self.struct, self.member) if self.struct and self.member else None
