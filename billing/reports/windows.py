"""Spans of UTC time a report covers, cut into equal steps: half-open, so that no request is counted twice or missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from billing.periods import hour_of, month_of

if TYPE_CHECKING:
    from datetime import datetime


class Step(StrEnum):
    HOUR = "hour"
    DAY = "day"


LENGTH = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}


class Span(StrEnum):
    """The spans on offer, by the name they have in a URL."""

    DAY = "24h"
    WEEK = "7d"
    THIRTY_DAYS = "30d"
    MONTH = "month"

    @property
    def label(self) -> str:
        return {
            Span.DAY: "Last 24 hours",
            Span.WEEK: "Last 7 days",
            Span.THIRTY_DAYS: "Last 30 days",
            Span.MONTH: "This month",
        }[self]


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end), both on a boundary of `step`."""

    span: Span
    start: datetime
    end: datetime
    step: Step

    def starts(self) -> tuple[datetime, ...]:
        length = LENGTH[self.step]
        return tuple(self.start + length * number for number in range((self.end - self.start) // length))


def window(span: Span, now: datetime) -> Window:
    """Return `span` as it is at `now` (UTC); the step that `now` falls in is the last one."""
    if span is Span.DAY:
        end = hour_of(now).end
        return Window(span, end - timedelta(hours=24), end, Step.HOUR)
    midnight = hour_of(now).start.replace(hour=0)
    end = midnight + LENGTH[Step.DAY]
    if span is Span.MONTH:
        return Window(span, month_of(now).start, end, Step.DAY)
    return Window(span, end - timedelta(days=7 if span is Span.WEEK else 30), end, Step.DAY)
