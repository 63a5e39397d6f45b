"""A journal of virtual disks: fsyncs that take their time or fail, a full disk, and the death of a process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.meter import Admitted
    from gateway.usage import RequestRecord, Tokens, UsageSource
    from tests.simulation.dice import Dice
    from tests.simulation.world import World


class SimulatedJournal:
    """A `Journal`. What is written survives a death of the process; what is synced is all that `sync` promises."""

    def __init__(self, world: World, dice: Dice, *, slow: float, failing: float) -> None:
        self._world = world
        self._dice = dice
        self._slow = slow  # share of fsyncs that take seconds
        self._failing = failing  # share that fail
        self.full = False
        self.dead = False
        self.admitted: dict[UUID, Admitted] = {}
        self.settled: list[RequestRecord] = []
        self.refused_settles: set[UUID] = set()
        self.noted: dict[UUID, Tokens] = {}
        self._written = 0
        self._synced = 0
        self._waiting: dict[UUID, int] = {}  # admissions, and what has to be synced for them
        self._flushing: asyncio.Future[None] | None = None

    async def admit(self, admitted: Admitted) -> None:
        self._write()
        if admitted.uid in self.admitted:
            self._world.broken("settle", "a request is admitted twice")
        self.admitted[admitted.uid] = admitted
        self._waiting[admitted.uid] = self._written
        await self.start()

    def first(self, uid: UUID, at_ms: int) -> None:  # noqa: ARG002 - the port's signature
        self._write()

    def attempt(self, uid: UUID, upstream: str, number: int) -> None:
        """Nothing: the simulation has the calls themselves."""

    def progress(self, uid: UUID, tokens: Tokens, source: UsageSource) -> None:  # noqa: ARG002 - the port's signature
        self.noted[uid] = tokens

    def settle(self, record: RequestRecord) -> None:
        if self.dead:
            return
        if self.full:
            self.refused_settles.add(
                record.uid
            )  # the shipper will find an admission without an end, and charge nothing
        self._write()
        self.settled.append(record)
        self._world.settled(record)

    def is_durable(self, uid: UUID) -> bool:
        return uid in self._waiting and self._waiting[uid] <= self._synced

    async def start(self) -> None:
        if self._flushing is None and self._synced < self._written:
            self._flushing = self._flush()
        await asyncio.sleep(0)

    async def sync(self) -> None:
        began, upto = self._world.now(), self._written
        try:
            while self._synced < upto:
                if self._flushing is None:
                    self._flushing = self._flush()
                await asyncio.shield(self._flushing)
        finally:
            self._world.waited(self._world.now() - began)

    def _flush(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        done.add_done_callback(_seen)
        loop.call_soon(self._begin, loop, done)
        return done

    def _begin(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
        delay = self._dice.uniform(0.3, 4) if self._dice.chance(self._slow) else self._dice.uniform(0.0001, 0.002)
        loop.call_later(delay, self._end, done, self._written, self._dice.chance(self._failing))

    def _end(self, done: asyncio.Future[None], upto: int, failed: bool) -> None:  # noqa: FBT001 - of call_later
        self._flushing = None
        if failed or self.dead:
            done.set_exception(StoreUnavailable())
        else:
            self._synced = upto
            done.set_result(None)

    def _write(self) -> None:
        if self.full:
            raise StoreUnavailable
        self._written += 1


def _seen(done: asyncio.Future[None]) -> None:
    if not done.cancelled():
        done.exception()
