from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.breaker.views import State
from pylo_site.status.figures import QUARTER, SLOT, SLOTS, Window
from pylo_site.status.live import Live
from pylo_site.status.live import LiveUpstream as Seen
from pylo_site.status.report import Now, Overall, report, state
from pylo_site.status.tally import Tally

AT = datetime(2026, 11, 26, 12, 10, tzinfo=UTC)
ALIASES = {"moonshot": "Upstream A", "together": "Reserve"}


@pytest.mark.parametrize(
    ("seen", "now"),
    [
        (None, Now.UNKNOWN),
        (Seen(State.CLOSED), Now.HEALTHY),
        (Seen(State.OPEN), Now.UNAVAILABLE),
        (Seen(State.HALF_OPEN, share=0.0), Now.UNAVAILABLE),
        (Seen(State.CLOSED, share=0.25), Now.RECOVERING),
        (Seen(State.CLOSED, throttled_for=2.0), Now.THROTTLED),
        (Seen(State.OPEN, draining=True), Now.MAINTENANCE),
    ],
)
def test_a_state_is_told_in_a_customers_word(seen: Seen | None, now: Now) -> None:
    assert state(seen) is now


@pytest.mark.parametrize(
    ("first", "second", "overall", "line"),
    [
        (Seen(State.CLOSED), Seen(State.CLOSED), Overall.HEALTHY, "All upstreams healthy"),
        (
            Seen(State.OPEN),
            Seen(State.CLOSED),
            Overall.DEGRADED,
            "Degraded: Upstream A is unavailable; requests go to the others",
        ),
        (
            Seen(State.CLOSED),
            Seen(State.CLOSED, draining=True),
            Overall.DEGRADED,
            "Degraded: Reserve is in maintenance; requests go to the others",
        ),
        (Seen(State.OPEN), Seen(State.CLOSED, throttled_for=3), Overall.OUTAGE, "Outage: no upstream takes requests"),
        (None, None, Overall.UNKNOWN, "Live state not available"),
        (None, Seen(State.CLOSED), Overall.HEALTHY, "All upstreams healthy"),
    ],
)
def test_one_line_says_how_all_of_it_is(first: Seen | None, second: Seen | None, overall: Overall, line: str) -> None:
    seen = {"moonshot": first, "together": second}
    live = Live({name: each for name, each in seen.items() if each is not None})
    told = report(AT, ALIASES, live, None, None)
    assert (told.overall, told.line) == (overall, line)
    assert [row.alias for row in told.rows] == ["Upstream A", "Reserve"]


def test_a_picture_shows_each_half_hour_and_no_volume() -> None:
    since = AT.replace(minute=0) - (SLOTS - 1) * SLOT
    tally = Tally(1234, 10, times={420: 1234})
    day = Window(since, AT, {"moonshot": tally}, {since + SLOT: {"moonshot": tally}})
    row = report(AT, ALIASES, Live(), None, day).rows[0]
    assert row.picture is not None
    titles = [bar.title for bar in row.picture.bars]
    assert titles[:2] == ["12:30–13:00 UTC: no requests", "13:00–13:30 UTC: 0.81 % failed, first token 420 ms"]
    assert len(titles) == SLOTS
    assert (row.quarter, row.day) == (None, tally)


def test_figures_that_are_old_are_said_to_be() -> None:
    for age, stale in ((1, False), (3, True)):
        until = AT - timedelta(minutes=age)
        assert report(AT, ALIASES, Live(), Window(until - QUARTER, until), None).stale is stale


def test_all_requests_are_those_of_every_upstream_and_of_none() -> None:
    quarter = Window(AT - QUARTER, AT, {"moonshot": Tally(5, 1, moved=7), "gone": Tally(2), "": Tally(3, 0, 3)})
    assert report(AT, ALIASES, Live(), quarter, None).quarter == Tally(10, 1, 3)
