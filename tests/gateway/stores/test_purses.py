"""What every store of purses does: the one in Redis, and its twin in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings

from gateway.holds import Hold, Holds
from gateway.limits import Asking, Holder, Kind, Limits
from gateway.ports import StoreUnavailable
from gateway.purse_ports import AnotherLife, Line, Refreshed, Refreshing
from gateway.purses import Wanted
from gateway.purses_local import Purses
from gateway.stores.limits import RedisLimits
from gateway.stores.memory_purses import MemoryLimits, MemoryPurses
from gateway.stores.purses import RedisPurses
from gateway.stores.redis import Redis
from tests.fakes.clock import HandClock
from tests.fakes.engines import redis_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.limits import Answer
    from gateway.ports import LimitStore
    from gateway.purse_ports import PurseStore

WORKSPACE = UUID(int=7)
HOLDERS = (Holder("", Limits.of(10_000, 10_000_000, 1000)),)
PURSE, OTHER = "w:balance", "w:day"
WANTED = Wanted(prompt_tokens=10, prompt_nanos=100, token_nanos=2, want=50, least=5)
pytestmark = pytest.mark.parametrize("engine", ["memory", "redis"])


@pytest.fixture
def url() -> Iterator[str]:
    with redis_number(settings.REDIS_URL) as url:
        yield url


class Process:
    """One process's store of purses, its memory, and what it hears."""

    def __init__(self, limits: LimitStore, store: PurseStore, holds: Holds, name: str) -> None:
        self.limits = limits
        self.store = store
        self.holds = holds
        self.name = name

    async def take(self, wanted: Wanted = WANTED, purses: tuple[str, ...] = (PURSE,)) -> Answer:
        asking = Asking(WORKSPACE, uuid4(), 0, HOLDERS, purses, wanted)

        def held(tokens: int) -> None:
            self.holds.hold(asking.uid, Hold(WORKSPACE, purses, wanted.nanos(tokens)))

        answer = await self.limits.take(asking, held)
        self.last = asking
        return answer

    def end(self, cost: int) -> None:
        hold = self.holds.settle(self.last.uid, cost)
        assert hold is not None
        self.limits.end(self.last, 0, hold.nanos)

    async def refresh(  # noqa: PLR0913 - what a test does not name is as usual
        self,
        left: int | None = 1000,
        *,
        version: int = 1,
        purses: tuple[str, ...] = (PURSE,),
        writers: tuple[str, ...] = (),
        buried: tuple[str, ...] = (),
        may_make: bool = True,
        parts: int = 0,
    ) -> Refreshed:
        own = [self.holds.lend(WORKSPACE, purse) for purse in purses]
        lines = tuple(
            Line(purse, left, each.recorded, each.lent, parts) for purse, each in zip(purses, own, strict=True)
        )

        def heard(refreshed: Refreshed) -> None:
            for line, escrow in zip(lines, refreshed.escrow, strict=True):
                self.holds.agree(WORKSPACE, line.purse, dropped=line.recorded, escrow=escrow)
                self.holds.restore(WORKSPACE, line.purse)

        refreshing = Refreshing(
            version=version, may_make=may_make, least=10, writers=writers, buried=buried, lines=lines
        )
        return await self.store.refresh(refreshing, heard)


class Fleet:
    def __init__(self, engine: str, url: str) -> None:
        self._engine, self._url = engine, url
        self._purses = Purses()
        self._tasks: list[asyncio.Task[None]] = []

    async def process(self, name: str) -> Process:
        holds = Holds()
        if self._engine == "memory":
            purses = MemoryPurses(self._purses, name, holds)
            purses.meet()
            clock = HandClock()
            clock.advance(1000)
            return Process(MemoryLimits(clock, purses), purses, holds, name)
        store = Redis(self._url, patience=20.0)
        there = RedisPurses(store, name, holds)
        limits = RedisLimits(store, name, there)  # before it connects: then its scripts are known there, and in order
        self._tasks.append(asyncio.get_running_loop().create_task(store.keep()))
        await store.tried()
        return Process(limits, there, holds, name)

    def flush(self) -> None:
        if self._engine == "memory":
            self._purses.flush()
        else:
            with redis.Redis.from_url(self._url) as client:
                client.flushdb()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def fleet(engine: str, url: str) -> AsyncIterator[Fleet]:
    fleet = Fleet(engine, url)
    try:
        yield fleet
    finally:
        fleet.close()


async def test_rule_22_a_purse_that_nobody_made_gives_nothing(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        assert (await one.take()).kind is Kind.UNMADE
        assert (await one.refresh(may_make=False)).made == (False,)
        assert (await one.take()).kind is Kind.UNMADE
        assert (await one.refresh()).made == (True,)
        answer = await one.take()
        assert (answer.kind, answer.granted, answer.available) == (None, 50, (800,))


async def test_rule_22_all_purses_hold_or_none(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh(1000)
        await one.refresh(109, purses=(OTHER,))
        refused = await one.take(purses=(PURSE, OTHER))
        assert (refused.kind, refused.holder, refused.available) == (Kind.MONEY, 1, (1000, 109))
        assert (await one.take()).available == (800,)


async def test_rule_23_what_is_granted_is_what_the_poorest_purse_can_pay(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh(1000)
        await one.refresh(151, purses=(OTHER,))
        answer = await one.take(purses=(PURSE, OTHER))
        assert (answer.granted, answer.available) == (25, (850, 1))


async def test_rule_23_without_a_limit_of_its_own_a_request_leaves_room_for_others(engine: str, url: str) -> None:
    soft = Wanted(prompt_tokens=0, prompt_nanos=0, token_nanos=1, want=32_768, least=64, soft=True)
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh(80_000)
        assert [(await one.take(soft)).granted for _ in range(3)] == [10_000, 8_750, 7_656]
        await one.refresh(30_000, version=2)
        assert (await one.take(soft)).granted == 3_594


async def test_rule_24_an_end_frees_all_but_the_cost_and_comes_once(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh()
        await one.take()
        one.end(30)
        assert one.holds.settle(one.last.uid, 30) is None
        assert (await one.take()).available == (1000 - 30 - 200,)


async def test_what_is_recorded_is_dropped_as_it_is_taken_off(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one, two = await all_.process("one"), await all_.process("two")
        await one.refresh()
        await one.take()
        one.end(30)
        await one.limits.renew([])  # behind the end, on its connection
        one.holds.record([WORKSPACE], {one.last.uid})
        await two.refresh(970, version=2)  # it has read so before the first has: both count for a moment
        assert (await two.take()).available == (970 - 30 - 200,)
        await one.refresh(970, version=2)
        assert one.holds.of(WORKSPACE, PURSE).number == 0
        assert (await one.take()).available == (970 - 200 - 200,)


async def test_an_older_look_at_postgres_overwrites_nothing(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh(500, version=7)
        await one.refresh(1000, version=6)
        assert (await one.take()).available == (300,)


async def test_an_escrow_is_held_and_given_back(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one, two = await all_.process("one"), await all_.process("two")
        assert (await one.refresh(parts=4)).escrow == (250,)
        assert (await two.refresh(parts=4)).escrow == (187,)
        assert (await two.take()).available == (1000 - 250 - 187 - 200,)
        assert (await one.refresh(parts=4)).escrow == (-97,)  # of 613
        assert (await one.refresh()).escrow == (-153,)
        assert (await two.refresh(40, version=2, parts=4)).escrow == (-187,)


async def test_what_others_have_at_hand_is_no_want_of_money(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one, two = await all_.process("one"), await all_.process("two")
        await one.refresh(120, parts=2)
        assert (await two.take()).kind is Kind.AT_HAND
        await one.refresh(120)
        assert (await two.take()).granted == 10


async def test_rule_25_after_a_flush_nothing_is_made_before_all_have_told(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one, two = await all_.process("one"), await all_.process("two")
        both = ("one", "two")
        await one.refresh(writers=both)
        await one.take()
        await two.take()
        all_.flush()
        assert (await one.take()).kind is Kind.UNMADE
        with pytest.raises(StoreUnavailable):
            await one.refresh(writers=both)
        assert not one.store.joined
        await one.store.rejoin()
        refreshed = await one.refresh(writers=both)
        assert (refreshed.complete, refreshed.made, refreshed.numbers) == (False, (False,), (200,))
        await two.store.rejoin()
        assert (await one.refresh(writers=both)).made == (True,)
        assert (await one.take()).available == (1000 - 3 * 200,)
        one.end(0)
        two.end(0)
        await one.limits.renew([])
        assert (await two.take()).available == (1000 - 2 * 200,)


async def test_after_a_flush_what_is_at_hand_stays_so_until_its_purse_is_made(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh(parts=2)
        all_.flush()
        with pytest.raises(AnotherLife):
            await one.refresh(parts=2)
        one.holds.restore(WORKSPACE, PURSE)
        await one.store.rejoin()
        refreshed = await one.refresh(writers=("one", "two"), parts=2)
        assert (refreshed.made, refreshed.escrow, refreshed.numbers) == ((False,), (0,), (500,))
        assert (await one.refresh(100, version=2, writers=("one",), parts=2)).numbers == (50,)


async def test_rule_25_what_a_dead_process_holds_stays_held_until_it_is_buried(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        dead, one = await all_.process("dead"), await all_.process("one")
        await dead.refresh()
        await dead.take()
        assert (await one.refresh(writers=("one",))).strangers == ("dead",)
        assert (await one.take()).available == (600,)
        assert (await one.refresh(writers=("one",), buried=("dead",))).strangers == ()
        assert (await one.take()).available == (600,)


async def test_told_anew_a_number_replaces_what_was_known(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh()
        await one.take()
        await one.store.rejoin()
        assert (await one.take()).available == (600,)
        one.end(0)
        assert (await one.refresh()).numbers == (200,)


async def test_a_budget_that_is_gone_gives_nothing_and_what_it_held_is_given_back(engine: str, url: str) -> None:
    async with fleet(engine, url) as all_:
        one = await all_.process("one")
        await one.refresh()
        await one.take()
        assert (await one.refresh(None)).made == (False,)
        one.end(0)
        assert (await one.refresh(None)).numbers == (0,)
        assert (await one.take()).kind is Kind.UNMADE
