"""Half-open stretches of UTC, [start, end): a moment belongs to exactly one hour and one month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0) or self.end.utcoffset() != timedelta(0):
            raise ValueError(f"periods are in UTC: {self.start} – {self.end}")
        if self.start >= self.end:
            raise ValueError(f"a period ends after it starts: {self.start} – {self.end}")

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def days(self) -> Iterator[Period]:
        """Cut it at each midnight."""
        start = self.start
        while start < self.end:
            end = min(self.end, start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))
            yield Period(start, end)
            start = end


def hour_of(moment: datetime) -> Period:
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Period(start, start + HOUR)


def month_of(moment: datetime) -> Period:
    start = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period(start, (start + timedelta(days=31)).replace(day=1))


def month_before(moment: datetime) -> Period:
    return month_of(month_of(moment).start - HOUR)


def whole_hours(period: Period) -> Period:
    """Widen it to the hours it touches."""
    return Period(hour_of(period.start).start, hour_of(period.end - timedelta(microseconds=1)).end)


def joined(periods: Iterable[Period]) -> list[Period]:
    """Order them and join those that overlap or touch."""
    result: list[Period] = []
    for period in sorted(periods):
        if result and period.start <= result[-1].end:
            result[-1] = Period(result[-1].start, max(result[-1].end, period.end))
        else:
            result.append(period)
    return result
