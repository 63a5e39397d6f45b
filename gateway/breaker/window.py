"""Outcomes of the last seconds, in buckets: a fixed size at any rate of calls. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = (0,) * len(Verdict)
NOTHING = Counts()


def counts_of(row: Sequence[int], waiting: int = 0) -> Counts:
    """Read a row of counts, one for each verdict."""
    ok, slow, failed, timeouts, unreached, throttled, _ = row
    return Counts(ok, slow, failed + timeouts, throttled, waiting, unreached)


class Window:
    """`buckets` of `width` seconds each, the one that runs among them."""

    def __init__(self, buckets: int, width: float = 1.0) -> None:
        self._width = width
        self._size = buckets
        self._rows = [list(NONE) for _ in range(buckets)]
        self._tick = 0
        self._latest = -buckets  # the tick that was counted in last

    def add(self, verdict: Verdict, at: float, now: float) -> None:
        """Count an outcome of the moment `at`; what is older than the window is forgotten."""
        self._advance(now)
        tick = int(at / self._width)
        if tick > self._tick - self._size:
            tick = min(tick, self._tick)
            self._latest = max(self._latest, tick)
            self._rows[tick % self._size][verdict] += 1

    def last(self, buckets: int, now: float) -> Counts:
        self._advance(now)
        if self._tick - self._latest >= buckets:
            return NOTHING
        rows = self._rows
        if buckets < self._size:
            rows = [rows[(self._tick - ago) % self._size] for ago in range(buckets)]
        return counts_of([sum(column) for column in zip(*rows, strict=True)])

    def clear(self) -> None:
        for row in self._rows:
            row[:] = NONE

    def _advance(self, now: float) -> None:
        tick = int(now / self._width)
        if tick > self._tick:
            for skipped in range(self._tick + 1, min(tick, self._tick + self._size) + 1):
                self._rows[skipped % self._size][:] = NONE
            self._tick = tick
