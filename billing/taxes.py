"""What tax an invoice has on it, by where its buyer is. Pure. A rate is whole millionths: 19 % is 190 000.

Which rates there are is the seller's to say; nothing here knows a country's law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing import money

if TYPE_CHECKING:
    from collections.abc import Mapping

PPM_PER_PERCENT = 10_000


@dataclass(frozen=True, slots=True)
class Tax:
    """One rate on one subtotal: the name and the note are printed."""

    name: str = ""
    rate_ppm: int = 0
    note: str = ""

    def cents(self, subtotal_cents: int) -> int:
        """Return the tax of a subtotal that is rounded already, half a cent up (rule 29)."""
        return money.share(subtotal_cents, self.rate_ppm)


NONE = Tax()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rates by the buyer's country (ISO 3166-1 alpha-2), and where a buyer with a tax id pays it itself."""

    name: str
    rates: Mapping[str, int]
    reversed: frozenset[str]

    def tax(self, country: str, tax_id: str) -> Tax:
        """Return what is to be charged to a buyer there; nothing where no rate is set."""
        if country in self.reversed and tax_id:
            return Tax(self.name, 0, f"Reverse charge: the recipient accounts for {self.name}.")
        rate = self.rates.get(country)
        return NONE if rate is None else Tax(self.name, rate)


def percent(rate_ppm: int) -> str:
    """Spell a rate as people do: 190 000 is "19 %", 81 000 is "8.1 %"."""
    whole, rest = divmod(rate_ppm, PPM_PER_PERCENT)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + " %"
