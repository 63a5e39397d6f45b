"""Which upstream takes a request now. Pure: the time comes in with each call, chance from the caller's `draw`.

The order: a half-open upstream whose probe is due; then by priority, and by weight among equals, those that are well;
then those that are suspect or have just recovered. Open, throttled, drained and full ones are passed by. Nobody waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

from gateway.breaker.settings import BreakerSettings
from gateway.breaker.views import RemoteOpen, State
from gateway.leases import Lease, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gateway.breaker.views import Counts, FleetView, UpstreamView
    from gateway.config import Upstream

__all__ = ["Lease", "Routing", "Shed", "ShedReason"]

RETRY_AFTER_SECONDS = 5
LONGEST_THROTTLED = 60.0
LONGEST_UNHEALTHY = 30.0


class ShedReason(StrEnum):
    """Why no upstream takes a request."""

    THROTTLED = "throttled"  # every upstream asked us to slow down
    UNHEALTHY = "unhealthy"  # circuit breakers are open, or an operator drains all
    FULL = "full"  # all places are taken


@dataclass(frozen=True, slots=True)
class Shed:
    """A refusal, and after how many seconds it is worth to ask again."""

    reason: ShedReason
    retry_after: float


class Routing:
    """The upstreams of one process, each with its breaker and its places.

    `draw` returns a number of [0, 1), another one each time; `host` is this machine's name in the fleet.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        settings: BreakerSettings | None = None,
        *,
        draw: Callable[[], float],
        now: float,
        host: str = "",
    ) -> None:
        self._settings = settings or BreakerSettings()
        self._draw = draw
        self._host = host
        routes = [Route(upstream, self._settings, draw, now=now) for upstream in upstreams]
        routes.sort(key=lambda route: route.upstream.priority)
        self._routes = {route.upstream.name: route for route in routes}
        self._levels = tuple(tuple(level) for _, level in groupby(routes, key=lambda route: route.upstream.priority))

    def lease(self, now: float, *, slow_after: float, tried: Collection[str] = ()) -> Lease | None:
        """Take a place of the best upstream that may be called now and is not in `tried`; None where there is none.

        `slow_after`: seconds after which a first token of this request counts as slow.
        """
        probing = self._probing(now, tried)
        if probing is not None and not tried:  # a request that has failed once would risk its last attempt
            return probing.lease(slow_after, now)
        route = self._well(now, tried) or self._lame(now, tried) or probing
        return None if route is None else route.lease(slow_after, now)

    def _probing(self, now: float, tried: Collection[str]) -> Route | None:
        for route in self._routes.values():
            if route.breaker.state is not State.CLOSED and route.name not in tried and route.probes(now):
                return route
        return None

    def _well(self, now: float, tried: Collection[str]) -> Route | None:
        """Choose from the first priority that has one that is well, and now and then from the next."""
        warming = len(self._levels) > 1 and not tried and self._draw() < self._settings.warm_share
        first: Route | None = None
        for level in self._levels:
            if fit := [route for route in level if route.is_left(tried, now) and route.preferred(now)]:
                if not warming or first is not None:
                    return self._weighed(fit)
                first = self._weighed(fit)
        return first

    def _lame(self, now: float, tried: Collection[str]) -> Route | None:
        for level in self._levels:
            if fit := [route for route in level if route.is_left(tried, now)]:
                return self._weighed(fit)
        return None

    def _weighed(self, routes: Sequence[Route]) -> Route:
        """Draw one by weight. One of weight 0 comes up only among its like."""
        if len(routes) == 1:
            return routes[0]
        whole = sum(route.upstream.weight for route in routes)
        point = self._draw() * whole
        for route in routes:
            point -= route.upstream.weight
            if point < 0:
                return route
        return routes[0]

    def shed(self, now: float, tried: Collection[str] = ()) -> Shed:
        """Say why there is no upstream for a request, and when the first of them may take one."""
        left = [route for route in self._routes.values() if route.upstream.name not in tried and not route.draining]
        throttled = [route.throttle.remaining(now) for route in left]
        if left and all(throttled):
            return Shed(ShedReason.THROTTLED, min(max(min(throttled), 1.0), LONGEST_THROTTLED))
        if left and all(route.breaker.state is State.CLOSED for route in left):
            return Shed(ShedReason.FULL, RETRY_AFTER_SECONDS)
        waits = [_wait(route, now) for route in left]
        return Shed(ShedReason.UNHEALTHY, min(max(min(waits, default=LONGEST_UNHEALTHY), 1.0), LONGEST_UNHEALTHY))

    def views(self, now: float) -> tuple[UpstreamView, ...]:
        return tuple(route.view(now) for route in self._routes.values())

    def drain(self, name: str) -> None:
        """Give it no new calls; those that run may end. A name that is not here says nothing."""
        self._set_draining(name, to=True)

    def restore(self, name: str) -> None:
        self._set_draining(name, to=False)

    def _set_draining(self, name: str, *, to: bool) -> None:
        if name in self._routes:
            self._routes[name].draining = to

    def take_counts(self, now: float) -> Mapping[str, Counts]:
        """Return what the others were not told yet, but `waiting` as it is now."""
        return {name: route.breaker.take_counts(now) for name, route in self._routes.items()}

    def published(self, now: float) -> Mapping[str, RemoteOpen]:
        """Return the breakers that are open by what this process saw of the upstream itself."""
        return {
            name: RemoteOpen(self._host, remaining, route.breaker.reason or "")
            for name, route in self._routes.items()
            if route.breaker.speaks and (remaining := route.breaker.probe_in(now))
        }

    def take_recovered(self) -> tuple[str, ...]:
        """Return those whose breakers were closed by probes of this process since the last call."""
        return tuple(name for name, route in self._routes.items() if route.breaker.take_recovered())

    def adopt(self, name: str, view: FleetView, now: float) -> None:
        """Take what all processes together saw of an upstream (`gateway.breaker.fleet`)."""
        if name in self._routes:
            self._routes[name].breaker.adopt(view, self._host, now)

    def wants_probe(self, now: float) -> tuple[str, ...]:
        """Return those to ask the fleet's leave for, or a longer one."""
        return tuple(
            name
            for name, route in self._routes.items()
            if not route.draining and not route.throttle.holds(now) and route.breaker.wants_probe(now)
        )

    def grant_probe(self, name: str, now: float) -> None:
        """The fleet's leave to probe is ours: one call at a time, until it lapses."""
        if name in self._routes:
            self._routes[name].breaker.grant(now)


def _wait(route: Route, now: float) -> float:
    """Return in how many seconds an upstream may take a call again; one that is only full has places soon."""
    probe_in = route.breaker.probe_in(now)
    throttled = route.throttle.remaining(now)
    return RETRY_AFTER_SECONDS if probe_in is None and not throttled else max(probe_in or 0.0, throttled)
