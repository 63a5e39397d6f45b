"""How many calls of one upstream may run at once: a hard cap, and below it a limit that learns. Pure; nobody waits.

The limit grows by one for each round of good calls while it is in use, and shrinks by a factor when the upstream pushes
back (additive increase, multiplicative decrease).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.breaker.settings import BreakerSettings


class Places:
    def __init__(self, cap: int, settings: BreakerSettings) -> None:
        self._cap = cap
        self._settings = settings
        self._fewest = min(cap, settings.fewest_places)
        self._limit = float(cap)
        self._cut_at = float("-inf")
        self.taken = 0

    @property
    def limit(self) -> int:
        return int(self._limit)

    @property
    def free(self) -> bool:
        return self.taken < int(self._limit)

    def take(self) -> None:
        self.taken += 1

    def give_back(self) -> None:
        self.taken -= 1

    def good(self) -> None:
        """A call went well. A limit that is not used says nothing about what the upstream could bear."""
        if self._limit < self._cap and self.taken > self._limit / 2:
            self._limit = min(self._limit + 1 / self._limit, float(self._cap))

    def pushed_back(self, now: float) -> None:
        """A 429, or a first token that did not come."""
        self._cut(self._settings.places_cut, now)

    def throttled(self, now: float) -> None:
        """The upstream named a time in which it wants no calls; half of them come back then."""
        self._cut_at = float("-inf")
        self._cut(self._settings.places_throttled, now)

    def _cut(self, factor: float, now: float) -> None:
        if now - self._cut_at >= self._settings.cut_every:
            self._cut_at = now
            self._limit = max(self._limit * factor, float(self._fewest))
