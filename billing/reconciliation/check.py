"""One question to the books, and what disagrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.errors import BillingError

if TYPE_CHECKING:
    from collections.abc import Callable


class NotCompared(BillingError):  # noqa: N818 - reads as what it is
    """Whoever has the other number cannot be asked now. The text says who, and why."""


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
    """Two numbers that should be one; roots are hexadecimal."""

    check: str
    about: str
    expected: int | str
    found: int | str

    def __str__(self) -> str:
        return f"{self.check}: {self.about}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a reconciliation. `make` may raise `NotCompared`."""

    name: str
    make: Callable[[], list[Finding]]
