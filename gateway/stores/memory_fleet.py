"""The twin of `gateway.stores.fleet`: one of them is the meeting place of all processes that are given it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.breaker.views import Counts, FleetView, RemoteOpen
from gateway.ports import Heard, StoreUnavailable

if TYPE_CHECKING:
    from gateway.breaker.views import UpstreamView
    from gateway.ports import Clock, Telling, Told

WINDOW = 30
PROBE_SECONDS = 10.0
GONE_SECONDS = 5.0
PATIENCE = 0.05
NONE = Counts()


@dataclass
class _Upstream:
    counts: dict[int, Counts] = field(default_factory=dict)  # by second
    open: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)  # by process: until when, why
    epoch: int = 0
    probe: tuple[str, float] = ("", 0.0)  # whose, until when


class MemoryFleet:
    """A `FleetStore`. `away` makes it unreachable, `delay` slow: what it answers late it has taken, as Redis has.

    `nonsense` makes its answers unreadable.
    """

    def __init__(self, clock: Clock) -> None:
        self.away = False
        self.delay = 0.0
        self.nonsense = False
        self.orders = 0
        self.views: dict[tuple[str, str], tuple[UpstreamView, ...]] = {}  # of each process, the last it told
        self._clock = clock
        self.flush()

    def flush(self) -> None:
        """Forget everything."""
        self.orders = 0
        self.views.clear()
        self._upstreams: dict[str, _Upstream] = {}
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}  # of each process: its last tick, and when

    async def exchange(self, told: Told) -> Heard:
        await self._reached()
        now, who = self._clock.seconds(), (told.host, told.process)
        late = told.tick <= self._seen.get(who, (0, 0.0))[0]
        if not late:
            self._seen[who] = (told.tick, now)
            self.views[who] = told.views
        for name, telling in {} if late else told.upstreams.items():
            self._take(self._upstreams.setdefault(name, _Upstream()), who, telling, now)
        await self._answered()
        hosts = {host for (host, _), (_, at) in self._seen.items() if now - at <= GONE_SECONDS} | {told.host}
        known = {name: self._upstreams.setdefault(name, _Upstream()) for name in told.upstreams}
        views = {name: _view(upstream, who, hosts, now) for name, upstream in known.items()}
        return Heard(views, {name: upstream.epoch for name, upstream in known.items()}, self.orders)

    async def lease_probe(self, upstream: str, holder: str) -> bool:
        await self._reached()
        now, known = self._clock.seconds(), self._upstreams.setdefault(upstream, _Upstream())
        if now < known.probe[1] and known.probe[0] != holder:
            return False
        known.probe = (holder, now + PROBE_SECONDS)
        await self._answered()
        return True

    async def free_probe(self, upstream: str, holder: str) -> None:
        await self._reached()
        known = self._upstreams.setdefault(upstream, _Upstream())
        if known.probe[0] == holder:
            known.probe = ("", 0.0)
        await self._answered()

    def _take(self, known: _Upstream, who: tuple[str, str], telling: Telling, now: float) -> None:
        second = int(now)
        if telling.counts != NONE:
            known.counts[second] = _plus(known.counts.get(second, NONE), telling.counts)
        known.epoch = max(known.epoch, telling.epoch) + telling.recovered
        if telling.recovered:
            known.open.clear()
        elif telling.open is not None and telling.epoch == known.epoch:
            known.open[who] = (now + telling.open.remaining, telling.open.reason)
        else:
            known.open.pop(who, None)

    async def _reached(self) -> None:
        if self.away:
            raise StoreUnavailable("away")

    async def _answered(self) -> None:
        await asyncio.sleep(min(self.delay, PATIENCE))
        if self.away or self.delay > PATIENCE:
            raise StoreUnavailable("timeout")
        if self.nonsense:
            raise ValueError


def _plus(one: Counts, other: Counts) -> Counts:
    return Counts(
        ok=one.ok + other.ok,
        slow=one.slow + other.slow,
        failed=one.failed + other.failed,
        throttled=one.throttled + other.throttled,
        waiting=one.waiting + other.waiting,
        unreached=one.unreached + other.unreached,
    )


def _view(known: _Upstream, who: tuple[str, str], hosts: set[str], now: float) -> FleetView:
    others = tuple(
        RemoteOpen(each[0], until - now, reason)
        for each, (until, reason) in known.open.items()
        if each != who and until > now
    )
    second = int(now)
    return FleetView(
        seconds=tuple([known.counts.get(each, NONE) for each in range(second - WINDOW + 1, second + 1)]),
        hosts=len(hosts | {other.host for other in others}),
        open=others,
    )
