"""A customer's limits, which all processes count in one place: Redis, which is away, slow or emptied at times.

What is too late is counted all the same; what was to be given back while it is away holds until its lease ends.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gateway import wallets
from gateway.limits import SECOND, Limits
from gateway.limits_local import Buckets
from gateway.ports import StoreUnavailable
from gateway.stores.memory_purses import take
from gateway.stores.redis import PATIENCE
from tests.simulation.dice import dice
from tests.simulation.network import serial_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from gateway.limits import Answer, Asking
    from tests.simulation.clients import Exchange
    from tests.simulation.purses import SimulatedPurses
    from tests.simulation.world import World

LEASE = 30 * SECOND
ROOMY = Limits.of(10**9, 10**9, 10**9)
SLACK = 0.001


def limits_of(seed: int) -> Limits:
    """Draw what the customer may use; mostly more than it does."""
    throw = dice(seed, "limits")
    if throw.chance(0.7):
        return ROOMY
    return Limits.of(throw.choice((5, 12, 1000)), throw.choice((60, 400, 1_000_000)), throw.choice((1, 3, 1000)))


class SimulatedLimits:
    """All processes' `LimitStore`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buckets = Buckets(LEASE)
        self.taken: list[tuple[float, UUID]] = []

    def empty(self) -> None:
        self._buckets = Buckets(LEASE)

    async def take(self, asking: Asking, held: Callable[[int], None], purses: SimulatedPurses) -> Answer:
        purses.meet()
        before = self._state()
        answer = take(self._buckets, purses.purses, asking, self._now(), purses.writer, purses.epoch)
        if answer.kind is None:
            self.taken.append((self._world.now(), asking.uid))
        elif any(self._state()[name] != held for name, held in before.items()):
            self._world.broken("limits", f"a refusal takes {asking}", serial_of(asking.uid))
        await purses.in_time()
        if answer.kind is None:
            held(answer.granted)
        return answer

    def end(self, asking: Asking, tokens: int, freed: int, purses: SimulatedPurses) -> None:
        if not self._world.meeting.away:
            self._buckets.end(asking, tokens, self._now())
            if freed and not purses.process.dead:
                purses.purses.release(asking.purses, purses.writer, freed, purses.epoch)

    async def renew(self, running: Sequence[Asking]) -> int:
        if self._world.meeting.away:
            raise StoreUnavailable
        for asking in running:
            self._buckets.renew(asking, self._now())
        return sum(not process.dead for process in self._world.processes)

    def holding(self) -> set[UUID]:
        """Return the requests that hold a place."""
        now = self._now()
        return {uid for held in self._buckets._held.values() for uid, until in held.running.items() if until > now}

    def _state(self) -> dict[tuple[UUID, str], tuple[int, int, frozenset[UUID]]]:
        now = self._now()
        return {
            name: (
                max(held.requests, now),
                max(held.tokens, now),
                frozenset(uid for uid, until in held.running.items() if until > now),
            )
            for name, held in self._buckets._held.items()
        }

    def _now(self) -> int:
        return int(self._world.now() * SECOND)


class Seat:
    """One process's `LimitStore`."""

    def __init__(self, limits: SimulatedLimits, purses: SimulatedPurses) -> None:
        self._limits = limits
        self._purses = purses

    async def take(self, asking: Asking, held: Callable[[int], None]) -> Answer:
        return await self._limits.take(asking, held, self._purses)

    def end(self, asking: Asking, tokens: int, freed: int = 0) -> None:
        self._limits.end(asking, tokens, freed, self._purses)

    async def renew(self, running: Sequence[Asking]) -> int:
        return await self._limits.renew(running)


def may_wait(exchange: Exchange) -> float:
    """Return the seconds that Redis may cost the exchange: its limits, its purses, its claim and the word of its end.

    In all it is less: the real client gives a server up that was late once, and asks it nothing until it answers.
    """
    return 5 * PATIENCE + wallets.PATIENCE + SLACK if exchange.world.plan.troubles.spells else SLACK


def of_a_call(exchange: Exchange) -> None:
    """Check, as it calls an upstream, how many of its customer do so. What came before an outage is forgotten."""
    world = exchange.world
    most, since = world.plan.limits.concurrent_requests, world.meeting.ill_until
    if most >= ROOMY.concurrent_requests or exchange.arrived_at <= since:
        return
    running = sum(
        other.called_at < inf and other.ended_at == inf and not other.dead and other.arrived_at > since
        for other in world.exchanges.values()
    )
    if running > most:
        world.broken("limits", f"{running} requests run at once, {most} may", exchange.serial)


def of_a_refusal(exchange: Exchange, code: str) -> None:
    """Check that who is above a limit had no work done for it."""
    world = exchange.world
    if code == "rate_limit_exceeded":
        if world.network.calls.get(exchange.serial):
            world.broken("limits", "a refused request called an upstream", exchange.serial)
        if any(serial_of(uid) == exchange.serial for uid in exchange.process.journal.admitted):
            world.broken("limits", "a refused request is in the journal", exchange.serial)
        if world.plan.limits == ROOMY:
            world.broken("limits", "a request is refused far below its limits", exchange.serial)


def of_the_world(world: World) -> None:
    """Check that no place is held for nothing, and that a minute held no more than it may."""
    ill = world.meeting.ill_until
    for serial in map(serial_of, world.limits.holding()):
        exchange = world.exchanges[serial]
        if not exchange.dead and exchange.arrived_at > ill:
            world.broken("limits", "a place is held after the end", serial)
    per_minute = world.plan.limits.requests_per_minute
    taken = world.limits.taken
    if per_minute >= ROOMY.requests_per_minute or ill > -inf:
        return
    level, before = 0.0, 0.0
    for now, uid in taken:
        level = max(level - (now - before) * per_minute / 60, 0.0) + 1
        before = now
        if level > per_minute + SLACK:
            world.broken("limits", f"more than {per_minute} requests a minute", serial_of(uid))
