"""For how long a breaker opens: twice as long with each trip; half is drawn, lest all come back at once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.breaker.settings import BreakerSettings

MOST_TRIPS = 16  # counted; the time has long been at its longest


class Backoff:
    def __init__(self, settings: BreakerSettings, draw: Callable[[], float]) -> None:
        self._settings = settings
        self._draw = draw
        self.trips = 0

    def forget(self) -> None:
        self.trips = 0

    def trip(self) -> float:
        """Count a trip; return for how long."""
        self.trips = min(self.trips + 1, MOST_TRIPS)
        whole = self._whole()
        return whole / 2 + self._draw() * whole / 2

    def learn(self, remaining: float) -> None:
        """Another breaker is open for so long yet: it has tripped at least so often."""
        while self._whole() < remaining and self.trips < MOST_TRIPS:
            self.trips += 1

    def _whole(self) -> float:
        return min(self._settings.open_longest, self._settings.open_first * 2.0 ** (self.trips - 1))
