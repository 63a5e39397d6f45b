"""Requests counted: how many, how they ended, and how long their first tokens took. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

A_SECOND = 1000
MEDIAN, P95 = 50, 95


@dataclass(frozen=True, slots=True)
class Tally:
    requests: int = 0
    failed: int = 0
    shed: int = 0
    moved: int = 0  # and others that failed here and were answered, or at least tried, elsewhere
    times: Mapping[int, int] = field(default_factory=dict)  # milliseconds to the first token → requests

    @property
    def failed_share(self) -> str:
        return share(self.failed + self.moved, self.calls)

    @property
    def calls(self) -> int:
        return self.requests + self.moved

    @property
    def shed_share(self) -> str:
        return share(self.shed, self.requests)

    @property
    def first_token_p50(self) -> int | None:
        return percentile(self.times, MEDIAN)

    @property
    def first_token_p95(self) -> int | None:
        return percentile(self.times, P95)

    @property
    def p50(self) -> str:
        return seconds(self.first_token_p50)

    @property
    def p95(self) -> str:
        return seconds(self.first_token_p95)


NOTHING = Tally()


def together(tallies: Iterable[Tally]) -> Tally:
    listed = list(tallies)
    times: Counter[int] = Counter()
    for each in listed:
        times.update(each.times)
    return Tally(
        requests=sum(each.requests for each in listed),
        failed=sum(each.failed for each in listed),
        shed=sum(each.shed for each in listed),
        moved=sum(each.moved for each in listed),
        times=dict(times),
    )


def percentile(times: Mapping[int, int], percent: int) -> int | None:
    """Return the least time that so many percent of the requests did not exceed; None where there is none."""
    wanted = sum(times.values()) * percent
    for time in sorted(times):
        wanted -= times[time] * 100
        if wanted <= 0:
            return time
    return None


def share(part: int, whole: int) -> str:
    """Word a share; what is not nothing is never shown as nothing, nor less than all as all."""
    if not whole:
        return "–"
    if part in {0, whole}:
        return "100 %" if part else "0 %"
    return f"{min(max(100 * part / whole, 0.01), 99.99):.2f} %"


def part(some: int, whole: int) -> float | None:
    """Return a share of 0 to 1 in four digits, None where there is nothing to share."""
    return round(some / whole, 4) if whole else None


def seconds(ms: int | None) -> str:
    if ms is None:
        return "–"
    return f"{ms} ms" if ms < A_SECOND else f"{ms / A_SECOND:.1f} s"
