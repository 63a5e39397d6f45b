"""The prices in force as the public pages list them, with one request worked out by the same arithmetic as a bill's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing import prices

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the list; `example_tokens` of it are in the worked example."""

    name: str
    counts: str
    nanos_per_token: int
    example_tokens: int

    @property
    def example_nanos(self) -> int:
        return self.example_tokens * self.nanos_per_token


@dataclass(frozen=True, slots=True)
class PriceList:
    since: datetime
    items: tuple[Item, ...]

    @property
    def example_nanos(self) -> int:
        return sum(item.example_nanos for item in self.items)


def price_list(model: str, at: datetime) -> PriceList | None:
    """Return the prices of `model` in force at that moment, None when the book has none."""
    try:
        price = prices.current(model, at)
    except prices.NoPrice:
        return None
    return PriceList(
        since=price.starts_at,
        items=(
            Item("Input", "Prompt tokens that were not read from the cache.", price.input_nanos, 234),
            Item("Output", "Completion tokens, reasoning among them.", price.output_nanos, 567),
            Item("Cache read", "Prompt tokens that the upstream read from its cache.", price.cached_nanos, 1_000),
        ),
    )
