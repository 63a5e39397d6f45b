"""Seeded draws. Each thing that is drawn has a generator of its own, so that leaving one thing out changes no other."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class Dice(Random):
    def chance(self, share: float) -> bool:
        return self.random() < share

    def of(self, weights: Mapping[T, float]) -> T:
        """Draw a key with a probability in proportion to its weight."""
        return self.choices(tuple(weights), tuple(weights.values()))[0]


def dice(*names: object) -> Dice:
    """Return the generator of these names; the first is the seed."""
    return Dice("/".join(map(str, names)))
