"""Where simulated processes meet, and what an operator tells them; both fail at times. Rules on what comes of it.

While the meeting place answers, one call in the fleet may probe an upstream, and somebody is to do so before long. A
process whose requests come so seldom that it needs no leave may probe beside it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from gateway.breaker.views import State
from gateway.fleet import Fleet
from gateway.ports import StoreUnavailable
from gateway.routing import Routing
from gateway.stores.memory_fleet import PROBE_SECONDS, MemoryFleet
from tests.fakes.clock import LoopClock
from tests.simulation.troubles import Ill

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.breaker.views import UpstreamView
    from gateway.leases import Lease
    from gateway.ports import Heard, Told
    from tests.simulation.clients import Exchange
    from tests.simulation.processes import Process
    from tests.simulation.world import World

SLOW, LATE = 1.0, 0.03  # seconds, on either side of what anybody waits
TURN = 1.2  # a tick, with its two answers
OBEYS_WITHIN = 2.1  # seconds after an order, or since the orders can be read again


class Meeting(MemoryFleet):
    """All processes' `FleetStore`."""

    def __init__(self, world: World) -> None:
        super().__init__(LoopClock())
        self._world = world
        self.ill_until = -inf
        self.changed_at = -inf  # a process came or went
        self.half_open: dict[str, float] = {}  # when somebody last was, by upstream
        self._probes: list[Probe] = []

    async def fall_ill(self) -> None:
        for spell in self._world.plan.troubles.spells:
            await asyncio.sleep(spell.begins - self._world.now())
            self._world.tell(f"the meeting place is {spell.ill}")
            if spell.ill is Ill.EMPTIED:
                self.ill_until = self._world.now()
                self.flush()
                self._world.limits.empty()
                self._world.money.purses.flush()
                self._world.claimed.known.clear()
                continue
            self.ill_until = spell.ends if spell.ill is not Ill.LATE else self.ill_until
            self.away = spell.ill is Ill.AWAY
            self.delay = {Ill.SLOW: SLOW, Ill.LATE: LATE}.get(spell.ill, 0.0)
            await asyncio.sleep(spell.ends - self._world.now())
            self.away, self.delay = False, 0.0
            self._world.tell("the meeting place is well")

    async def in_time(self, patience: float) -> None:
        """Return when Redis answers; raise `StoreUnavailable` where that is too late."""
        if self.delay:
            await asyncio.sleep(min(self.delay, patience))
            if self.delay > patience:
                raise StoreUnavailable

    def probes(self, probe: Probe) -> None:
        """Take a call that begins as a probe. Leave that a process gave itself while it was alone holds for a while."""
        self._probes = [each for each in self._probes if each.runs]
        for other in self._probes:
            if other.name != probe.name:
                continue
            alone = min(other.at, probe.at) <= self.ill_until + TURN + PROBE_SECONDS
            seldom = other.seldom or probe.seldom
            if other.process is probe.process or not (alone or seldom):
                self._world.broken("probe", f"a second probe of {probe.name}", probe.exchange.serial)
        self._probes.append(probe)


@dataclass(frozen=True, slots=True)
class Probe:
    process: Process
    name: str
    exchange: Exchange
    at: float
    seldom: bool  # the process asked for none of its calls lately

    @property
    def runs(self) -> bool:
        """Whether what it is to find out is still unknown."""
        if self.process.dead or self.exchange.ended_at < inf or self.exchange.gone:
            return False
        calls = self.exchange.world.network.calls.get(self.exchange.serial, ())
        call = next((call for call in calls if call.name == self.name), None)
        if call is not None and (call.token_times or call.finish or call.closed_at is not None):
            return False
        views = self.process.routing.views(self.exchange.world.now())
        return any(view.name == self.name and view.state is State.HALF_OPEN for view in views)


class WatchedRouting(Routing):
    """Tells the meeting place of its probes."""

    process: Process

    def lease(self, now: float, *, slow_after: float, tried: Collection[str] = ()) -> Lease | None:
        asked_at = {route.name: route.breaker._asked_at for route in self._routes.values()}
        lease = super().lease(now, slow_after=slow_after, tried=tried)
        if lease is not None and lease.probe:
            exchange = self.process.running
            exchange.tell("probes", lease.upstream.name)
            name = lease.upstream.name
            seldom = now - asked_at[name] > 2 * PROBE_SECONDS
            self.process.world.meeting.probes(Probe(self.process, name, exchange, now, seldom))
        return lease


class WatchedFleet(Fleet):
    """Its loop goes on after an error; here none is expected."""

    world: World

    async def tick(self) -> None:
        try:
            await super().tick()
        except Exception as error:
            self.world.broken("crash", f"a tick: {type(error).__name__}: {error}")
            raise


class Seat:
    """One process's way to the meeting place: a `FleetStore`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._meeting = process.world.meeting
        self._states: dict[str, State] = {}
        self._due: dict[str, float] = {}  # since when nobody keeps it from being probed
        self.came_at = process.world.now()

    async def exchange(self, told: Told) -> Heard:
        now = self.came_at = self._process.world.now()
        for view in told.views:
            self._look(view, now)
        return await self._meeting.exchange(told)

    async def lease_probe(self, upstream: str, holder: str) -> bool:
        return await self._meeting.lease_probe(upstream, holder)

    async def free_probe(self, upstream: str, holder: str) -> None:
        await self._meeting.free_probe(upstream, holder)

    def _look(self, view: UpstreamView, now: float) -> None:
        world, meeting = self._process.world, self._meeting
        if self._states.get(view.name, State.CLOSED) is not view.state:
            self._states[view.name] = view.state
            world.tell(f"process {self._process.number}: {view.name} is", view.state, view.reason)
        if view.state is State.HALF_OPEN:
            meeting.half_open[view.name] = now
        waits = view.name in self._process.routing.wants_probe(now)  # only who has requests to probe with does
        if view.state is not State.OPEN or view.probe_in or view.draining or view.throttled_for or not waits:
            self._due.pop(view.name, None)
            return
        since = max(
            self._due.setdefault(view.name, now),
            meeting.half_open.get(view.name, -inf),
            meeting.ill_until,
            meeting.changed_at,
        )
        if now - since > PROBE_SECONDS + 2 * TURN:
            world.broken("probing", f"process {self._process.number} waits for leave to probe {view.name}")


class Operator:
    """The `Orders` of all processes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._away = False
        self.settled_at = -inf  # since when what is ordered can be read
        self.since: dict[str, float] = {}  # when each upstream that is drained was

    async def give_orders(self) -> None:
        for order in self._world.plan.troubles.orders:
            await asyncio.sleep(order.at - self._world.now())
            self.settled_at = max(self.settled_at, order.at)
            self._world.meeting.orders += 1
            self._world.tell("the operator", "drains" if order.drains else "restores", order.upstream)
            if order.drains:
                self.since[order.upstream] = order.at
            else:
                self.since.pop(order.upstream, None)

    async def be_unread(self) -> None:
        begins, ends = self._world.plan.troubles.unread
        if begins < inf:
            await asyncio.sleep(begins)
            self._away, self.settled_at = True, ends
            await asyncio.sleep(ends - begins)
            self._away = False

    async def drained(self) -> frozenset[str]:
        if self._away:
            raise StoreUnavailable
        return frozenset(self.since)

    def forbids(self, name: str, at: float) -> bool:
        """Tell whether each process must know by then that it is drained."""
        return name in self.since and at > self._heard_by(self.since[name])

    def is_known(self, at: float) -> bool:
        """Tell whether each process must have heard the last order by then."""
        return at > self._heard_by(-inf)

    def _heard_by(self, ordered: float) -> float:
        return max(ordered, self.settled_at, self._world.meeting.changed_at) + OBEYS_WITHIN


def of_a_process(process: Process) -> None:
    """Check that it takes part, and that it does what it is told."""
    world, now = process.world, process.world.now()
    if now - process.seat.came_at > TURN:
        world.broken("meeting", f"process {process.number} was not seen for {now - process.seat.came_at:.1f} s")
    if world.operator.is_known(now):
        drained = {view.name for view in process.routing.views(now) if view.draining}
        if drained != set(world.operator.since):
            world.broken("drain", f"process {process.number} drains {sorted(drained)}")
