"""One upstream with all that decides whether it may be called, and the leave to call it once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.breaker import verdicts
from gateway.breaker.breaker import Breaker
from gateway.breaker.throttle import Throttle
from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import State, UpstreamView
from gateway.concurrency import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.breaker.settings import BreakerSettings
    from gateway.config import Upstream
    from gateway.faults import UpstreamFault


class Route:
    def __init__(self, upstream: Upstream, settings: BreakerSettings, draw: Callable[[], float], *, now: float) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.breaker = Breaker(settings, draw, now)
        self.throttle = Throttle(settings, draw)
        self.places = Places(upstream.concurrency, settings)
        self.draining = False  # by an operator

    def takes_calls(self, now: float) -> bool:
        """Tell whether it may be called at all now, as a probe or not."""
        return not self.draining and self.places.free and not self.throttle.holds(now)

    def is_left(self, tried: Collection[str], now: float) -> bool:
        """Tell whether a request that has `tried` others may call it, and not as a probe."""
        return self.breaker.state is State.CLOSED and self.name not in tried and self.takes_calls(now)

    def probes(self, now: float) -> bool:
        return self.takes_calls(now) and self.breaker.probes(now)

    def preferred(self, now: float) -> bool:
        """Tell, of one that is closed, whether to choose it before others: not while suspect, seldom after a close."""
        breaker = self.breaker
        return not breaker.suspect(now) and (not breaker.ramping or breaker.takes(now))

    def lease(self, slow_after: float, now: float) -> Lease:
        return Lease(self, slow_after, now)

    def view(self, now: float) -> UpstreamView:
        breaker = self.breaker
        return UpstreamView(
            name=self.upstream.name,
            state=breaker.state,
            reason=breaker.reason or "",
            probe_in=breaker.probe_in(now),
            throttled_for=self.throttle.remaining(now),
            suspect=breaker.suspect(now),
            draining=self.draining,
            share=breaker.share(now),
            trips=breaker.trips(now),
            in_flight=self.places.taken,
            places=self.places.limit,
            window=breaker.evidence.counts(now),
        )


class Lease:
    """One call of one upstream. It holds a place until it is released, and tells the breaker what became of it."""

    __slots__ = ("_released", "_route", "_ticket", "patience", "probe", "upstream")

    def __init__(self, route: Route, slow_after: float, now: float) -> None:
        route.places.take()
        self._route = route
        self._ticket = route.breaker.begin(slow_after, now)
        self._released = False
        self.upstream = route.upstream
        self.probe = self._ticket.probe
        self.patience = slow_after if self.probe else None  # seconds for the first token where the deadline is longer

    def first_token(self, now: float) -> None:
        """The upstream's answer began."""
        route = self._route
        if route.breaker.token(self._ticket, now) is Verdict.OK:
            route.places.good()
            route.throttle.token(self._ticket.started)

    def failed(self, fault: UpstreamFault, now: float) -> None:
        """It failed, before its first token or after it."""
        route = self._route
        verdict = verdicts.of(fault)
        if verdict is Verdict.THROTTLED and route.throttle.begin(self._ticket.started, fault.retry_after, now):
            route.places.throttled(now)
        elif verdict is Verdict.TIMEOUT or verdict is Verdict.THROTTLED:
            route.places.pushed_back(now)
        route.breaker.failed(self._ticket, verdict, now)

    def release(self, now: float) -> None:
        """Give the place back; a call of which nothing was told says nothing about the upstream. Twice is once."""
        if not self._released:
            self._released = True
            self._route.places.give_back()
            self._route.breaker.end(self._ticket, now)
