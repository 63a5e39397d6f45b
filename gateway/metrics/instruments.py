"""Counters, gauges and histograms over `Cells`: one look-up and one addition each. Labels are given in their order."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from gateway.metrics.families import DROPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.metrics.cells import Cells
    from gateway.metrics.families import Family

MOST_SERIES = 256  # of one family: ours have fewer, and a label that is wrong fills no memory

Labels = tuple[str, ...]


class _Places(dict[Labels, int]):
    """Where each series' numbers begin; a new one is made when it is first asked for."""

    def __init__(self, cells: Cells, family: Family, dropped: Callable[[], None]) -> None:
        super().__init__()
        self._cells = cells
        self._family = family
        self._dropped = dropped

    def __missing__(self, labels: Labels) -> int:
        at = self._cells.take(self._family, labels) if len(self) < MOST_SERIES else None
        if at is None:
            self._dropped()
            return self._cells.nowhere
        self[labels] = at
        return at


class Counter:
    """Only grows."""

    def __init__(self, cells: Cells, family: Family, dropped: Callable[[], None]) -> None:
        self._cells = cells
        self._at = _Places(cells, family, dropped)

    def add(self, *labels: str, by: float = 1.0) -> None:
        self._cells.values[self._at[labels]] += by


class Gauge:
    """What is so now. NaN says that there is nothing to show."""

    def __init__(self, cells: Cells, family: Family, dropped: Callable[[], None]) -> None:
        self._cells = cells
        self._at = _Places(cells, family, dropped)

    def set(self, value: float, *labels: str) -> None:
        self._cells.values[self._at[labels]] = value

    def each(self, value: float) -> None:
        """Set every series that there is."""
        for at in self._at.values():
            self._cells.values[at] = value


class Histogram:
    """How many of what size."""

    def __init__(self, cells: Cells, family: Family, dropped: Callable[[], None]) -> None:
        self._cells = cells
        self._bounds = family.buckets
        self._at = _Places(cells, family, dropped)

    def see(self, value: float, *labels: str) -> None:
        values, at = self._cells.values, self._at[labels]
        values[at] += value
        values[at + 1 + bisect_left(self._bounds, value)] += 1.0

    def of(self, *labels: str) -> Callable[[float], None]:
        """Return `see` for one series, whose labels are looked up now and not each time."""
        cells, at, bounds = self._cells, self._at[labels], self._bounds

        def see(value: float) -> None:
            values = cells.values
            values[at] += value
            values[at + 1 + bisect_left(bounds, value)] += 1.0

        return see


class Instruments:
    """Makes them; what finds no room is counted itself."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._dropped = Counter(cells, DROPPED, lambda: None)

    def counter(self, family: Family) -> Counter:
        return Counter(self._cells, family, self._dropped.add)

    def gauge(self, family: Family) -> Gauge:
        return Gauge(self._cells, family, self._dropped.add)

    def histogram(self, family: Family) -> Histogram:
        return Histogram(self._cells, family, self._dropped.add)
