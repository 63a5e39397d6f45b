"""What is so now: written down each second, for whichever process of the host is asked, and when this one is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

from gateway.breaker.views import State
from gateway.metrics import families
from gateway.metrics.instruments import Instruments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.breaker.views import UpstreamView
    from gateway.metrics.cells import Cells

EACH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the process has to do: chats, bytes of their bodies, and seconds that the event loop is late."""

    in_flight: int = 0
    body_bytes: int = 0
    lag: float = 0.0


class Gauges:
    """What it shows it asks for: `load` of the process, `views` of the upstreams."""

    def __init__(self, cells: Cells, load: Callable[[], Load], views: Callable[[], Sequence[UpstreamView]]) -> None:
        make = Instruments(cells)
        self._views = views
        self._load = load
        self._trips_seen: dict[str, int] = {}
        self._body_bytes = make.gauge(families.BODY_BYTES)
        self._in_flight = make.gauge(families.IN_FLIGHT)
        self._lag = make.gauge(families.LOOP_LAG)
        self._state = make.gauge(families.STATE)
        self._reason = make.gauge(families.REASON)
        self._probe_in = make.gauge(families.PROBE_IN)
        self._throttled = make.gauge(families.THROTTLED)
        self._suspect = make.gauge(families.SUSPECT)
        self._draining = make.gauge(families.DRAINING)
        self._share = make.gauge(families.SHARE)
        self._calls = make.gauge(families.CALLS)
        self._places = make.gauge(families.PLACES)
        self._trips = make.counter(families.TRIPS)
        make.gauge(families.PROCESSES).set(1)

    async def run(self) -> None:
        while True:
            self.refresh()
            await asyncio.sleep(EACH_SECONDS)

    def refresh(self) -> None:
        load = self._load()
        self._in_flight.set(load.in_flight)
        self._body_bytes.set(load.body_bytes)
        self._lag.set(load.lag)
        self._reason.each(nan)  # a reason that is over is no longer shown
        for view in self._views():
            self._show(view)

    def _show(self, view: UpstreamView) -> None:
        name = view.name
        for state in State:
            self._state.set(view.state is state, name, state)
        if view.reason and view.state is not State.CLOSED:
            self._reason.set(1, name, view.reason)
        self._probe_in.set(nan if view.probe_in is None else view.probe_in, name)
        self._throttled.set(view.throttled_for, name)
        self._suspect.set(view.suspect, name)
        self._draining.set(view.draining, name)
        self._share.set(view.share, name)
        self._calls.set(view.in_flight, name)
        self._places.set(view.places, name)
        self._count_trips(name, view.trips)

    def _count_trips(self, name: str, trips: int) -> None:
        """Add what is new: a breaker forgets its trips when it has been well for a while."""
        self._trips.add(name, by=max(trips - self._trips_seen.get(name, 0), 0))
        self._trips_seen[name] = trips
