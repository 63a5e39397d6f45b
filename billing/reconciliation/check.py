"""One question to the books, and what disagrees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`sql` gives a row for each disagreement: what it is about, what one side says, what the other says.

    It may name `%(complete)s` and `%(settled)s` (the rollups are whole up to then), `%(kept)s` (from then on no record
    was dropped) and `%(charged)s` (the outcomes that cost).
    """

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    about: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.check}: {self.about}: expected {self.expected}, found {self.found}"
