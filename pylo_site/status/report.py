"""What the status page says: one line for all, then each upstream by its alias, now and of late. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.breaker.views import State
from pylo_site.status.figures import SLOT, SLOTS
from pylo_site.status.strip import Slot, strip
from pylo_site.status.tally import NOTHING, together

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pylo_site.status.figures import Window
    from pylo_site.status.live import Live, LiveUpstream
    from pylo_site.status.strip import Strip
    from pylo_site.status.tally import Tally


class Overall(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    OUTAGE = "outage"
    UNKNOWN = "unknown"


class Now(StrEnum):
    """An upstream's state in a customer's words."""

    HEALTHY = "healthy"
    RECOVERING = "recovering"
    THROTTLED = "throttled"
    MAINTENANCE = "maintenance"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"

    @property
    def serves(self) -> bool:
        return self in {Now.HEALTHY, Now.RECOVERING}


WORDS = {
    Now.HEALTHY: "Takes requests.",
    Now.RECOVERING: "Comes back: takes a part of its requests, step by step.",
    Now.THROTTLED: "Asked us to slow down: requests go elsewhere for a moment.",
    Now.MAINTENANCE: "Taken out by us: requests go elsewhere.",
    Now.UNAVAILABLE: "Its circuit breaker is open: requests go elsewhere until a probe succeeds.",
    Now.UNKNOWN: "No live state.",
}
LOOKS = {Now.HEALTHY: "ok", Now.RECOVERING: "warn", Now.THROTTLED: "warn", Now.UNAVAILABLE: "bad"}
LINES = {
    Overall.HEALTHY: "All upstreams healthy",
    Overall.OUTAGE: "Outage: no upstream takes requests",
    Overall.UNKNOWN: "Live state not available",
}
STALE = timedelta(minutes=2)
NOTES = {
    Overall.HEALTHY: "success",
    Overall.DEGRADED: "warning",
    Overall.OUTAGE: "error",
    Overall.UNKNOWN: "info",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One upstream."""

    alias: str
    now: Now
    quarter: Tally | None  # None: no figures
    day: Tally | None
    picture: Strip | None

    @property
    def words(self) -> str:
        return WORDS[self.now]

    @property
    def look(self) -> str:
        return LOOKS.get(self.now, "quiet")


@dataclass(frozen=True, slots=True)
class Report:
    at: datetime
    overall: Overall
    line: str
    rows: tuple[Row, ...]
    quarter: Tally | None  # all requests together; without times
    day: Tally | None
    since: datetime | None  # the beginning of the pictures
    figures_at: datetime | None  # when the figures were found; None where there are none

    @property
    def note(self) -> str:
        return NOTES[self.overall]

    @property
    def stale(self) -> bool:
        """The figures are older than they are to be: the records cannot be read."""
        return self.figures_at is not None and self.at - self.figures_at > STALE


def report(at: datetime, aliases: Mapping[str, str], live: Live, quarter: Window | None, day: Window | None) -> Report:
    rows = tuple(
        Row(
            alias=alias,
            now=state(live.upstreams.get(name)),
            quarter=None if quarter is None else quarter.totals.get(name, NOTHING),
            day=None if day is None else day.totals.get(name, NOTHING),
            picture=None if day is None else strip(_slots(day, name)),
        )
        for name, alias in aliases.items()
    )
    overall = judged([row.now for row in rows])
    return Report(
        at=at,
        overall=overall,
        line=LINES.get(overall) or degraded(rows),
        rows=rows,
        quarter=None if quarter is None else _all(quarter),
        day=None if day is None else _all(day),
        since=None if day is None else day.since,
        figures_at=None if quarter is None else quarter.until,
    )


def state(live: LiveUpstream | None) -> Now:
    """Say how an upstream is; what an operator ordered is before what its breaker thinks."""
    if live is None:
        return Now.UNKNOWN
    if live.draining:
        return Now.MAINTENANCE
    if live.state is not State.CLOSED:  # half open it gets a probe at a time, and no requests to speak of
        return Now.UNAVAILABLE
    if live.throttled_for > 0:
        return Now.THROTTLED
    return Now.RECOVERING if live.share < 1 else Now.HEALTHY


def judged(states: list[Now]) -> Overall:
    if all(each is Now.UNKNOWN for each in states):
        return Overall.UNKNOWN
    if not any(each.serves for each in states):
        return Overall.OUTAGE
    return Overall.HEALTHY if all(each in {Now.HEALTHY, Now.UNKNOWN} for each in states) else Overall.DEGRADED


def degraded(rows: tuple[Row, ...]) -> str:
    """Name who does not take all of its requests, and how that is."""
    told = [row for row in rows if row.now not in {Now.HEALTHY, Now.UNKNOWN}]
    parts = [f"{row.alias} is {'in ' if row.now is Now.MAINTENANCE else ''}{row.now}" for row in told]
    return f"Degraded: {', '.join(parts)}; requests go to the others"


def _all(window: Window) -> Tally:
    """Count each request once, however many upstreams it had been with."""
    return replace(together(window.totals.values()), moved=0)


def _slots(day: Window, name: str) -> list[Slot]:
    slots = []
    for number in range(SLOTS):
        tally, begins = day.slot(number, name), day.since + number * SLOT
        title = f"{begins:%H:%M}–{begins + SLOT:%H:%M} UTC: {said(tally)}"
        slots.append(Slot(title, tally.calls, tally.failed + tally.moved, tally.first_token_p50))
    return slots


def said(tally: Tally) -> str:
    """Word it without how many requests there were: that is nobody's business but ours."""
    if not tally.calls:
        return "no requests"
    return f"{tally.failed_share} failed, first token {tally.p50}"
