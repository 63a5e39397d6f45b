"""Which upstream takes a request now. Pure: the clock's time comes in with each call.

A `Lease` is leave to call one upstream once: it holds one of its places until it is released, and tells the upstream's
circuit breaker what became of the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.config import Upstream
    from gateway.faults import UpstreamFault

MOST_ATTEMPTS = 2
RETRY_AFTER_SECONDS = 5


class ShedReason(StrEnum):
    """Why no upstream takes a request."""

    THROTTLED = "throttled"  # every upstream asked us to slow down
    UNHEALTHY = "unhealthy"  # circuit breakers are open
    FULL = "full"  # all places are taken


@dataclass(frozen=True, slots=True)
class Shed:
    """A refusal, and after how many seconds it is worth to ask again."""

    reason: ShedReason
    retry_after: float


class Lease:
    """One call of one upstream. `first_token`, `failed` and `ignored` are told at most once each; `release` ends it."""

    def __init__(self, route: _Route, *, probe: bool = False, patience: float | None = None) -> None:
        self.upstream = route.upstream
        self.probe = probe
        self.patience = patience  # seconds for the first token where that is less than the request's own deadline
        self._route = route
        self._released = False

    def first_token(self, now: float) -> None:
        """The upstream's answer began."""

    def failed(self, fault: UpstreamFault, now: float) -> None:
        """It failed, before or after its first token."""

    def release(self, now: float) -> None:  # noqa: ARG002
        """Give the place back; a call of which nothing was told says nothing about the upstream. Twice is once."""
        if not self._released:
            self._released = True
            self._route.in_flight -= 1


class _Route:
    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.in_flight = 0


class Routing:
    """The upstreams in the file's order, each with its places."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self._routes = tuple(_Route(upstream) for upstream in upstreams)

    def lease(self, now: float, *, slow_after: float, tried: Collection[str] = ()) -> Lease | None:  # noqa: ARG002
        """Take a place of the best upstream that may be called now and is not in `tried`; None where there is none.

        `slow_after`: seconds after which a first token of this request counts as slow.
        """
        for route in self._routes:
            if route.upstream.name not in tried and route.in_flight < route.upstream.concurrency:
                route.in_flight += 1
                return Lease(route)
        return None

    def shed(self, now: float) -> Shed:  # noqa: ARG002
        """Say why there is no upstream for a request."""
        return Shed(ShedReason.FULL, RETRY_AFTER_SECONDS)


@dataclass(frozen=True, slots=True)
class Plan:
    """The upstreams to try, in order; never the same twice, and never more than the attempts allowed."""

    upstreams: tuple[Upstream, ...]


def plan(upstreams: Sequence[Upstream]) -> Plan:
    return Plan(tuple(upstreams[:MOST_ATTEMPTS]))
