from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gateway.limiter import RENEW_SECONDS, Limiter
from gateway.limits import SECOND, Answer, Asking, Holder, Kind, Limits
from gateway.stores.memory_purses import MemoryLimits
from tests.fakes.clock import HandClock, LoopClock, skipping
from tests.fakes.purses import Purse

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits.of(10, 1000, 4)


def asking(number: int, tokens: int = 0, limits: Limits = LIMITS) -> Asking:
    return Asking(UUID(int=1), UUID(int=number), tokens, (Holder("", limits),))


class World:
    def __init__(self, processes: int = 1) -> None:
        self.clock = HandClock()
        self.purse = Purse.of(self.clock, processes=processes)
        self.store, self.limiter = self.purse.limits, self.purse.limiter

    async def kinds(self, *numbers: int) -> list[Kind | None]:
        return [(await self.limiter.take(asking(number))).kind for number in numbers]


async def test_while_the_store_is_away_a_process_gives_its_share() -> None:
    world = World(processes=2)
    world.store.away = True
    assert await world.kinds(1, 2) == [None, None]
    assert await world.kinds(3) == [Kind.CONCURRENT]  # of four, half
    for number in (1, 2):
        world.limiter.end(asking(number), 0)
    assert await world.kinds(3) == [None]


async def test_a_prompt_larger_than_the_share_may_use_all_of_it() -> None:
    world = World(processes=10)
    world.store.away = True
    large = asking(1, tokens=900, limits=Limits.of(600, 1000, 100))
    assert (await world.limiter.take(large)).kind is None
    assert (await world.limiter.take(asking(2, tokens=1, limits=Limits.of(600, 1000, 100)))).kind is Kind.TOKENS


async def test_a_store_that_is_back_counts_again_and_its_buckets_are_as_they_were() -> None:
    world = World()
    assert await world.kinds(1) == [None]
    world.store.away = True
    assert await world.kinds(2) == [None]
    world.store.away = False
    answer = await world.limiter.take(asking(3))
    assert answer.kind is None
    assert answer.levels[0].requests == 12 * SECOND  # the two it was asked for


async def test_what_was_let_in_while_the_store_was_away_takes_a_place_once_it_is_back() -> None:
    world = World()
    world.store.away = True
    assert await world.kinds(1, 2, 3, 4) == [None] * 4
    world.store.away = False
    await world.limiter.renew()
    assert await world.kinds(5) == [Kind.CONCURRENT]
    world.limiter.end(asking(1), 0)
    assert await world.kinds(5) == [None]


def test_what_runs_keeps_its_place_for_as_long_as_it_runs() -> None:
    async def main() -> tuple[list[Kind | None], Kind | None]:
        clock = LoopClock()
        limiter = Purse.of(clock).limiter
        keeping = asyncio.get_running_loop().create_task(limiter.keep())
        first = [(await limiter.take(asking(number))).kind for number in range(5)]
        await asyncio.sleep(20 * RENEW_SECONDS)
        later = (await limiter.take(asking(6))).kind
        keeping.cancel()
        return first, later

    assert skipping(main()) == ([None] * 4 + [Kind.CONCURRENT], Kind.CONCURRENT)


async def test_a_call_that_is_cancelled_keeps_no_place() -> None:
    class Slow(MemoryLimits):
        async def take(self, asking: Asking, held: Callable[[int], None]) -> Answer:
            answer = await super().take(asking, held)
            await asyncio.Event().wait()
            return answer

    clock = HandClock()
    purse = Purse.of(clock)
    store = Slow(clock, purse.store)
    limiter = Limiter(store, purse.wallets, clock, 1)
    single = asking(1, limits=Limits.of(10, 1000, 1))
    taking = asyncio.get_running_loop().create_task(limiter.take(single))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    answer = await MemoryLimits.take(store, asking(2, limits=Limits.of(10, 1000, 1)), print)
    assert answer.kind is None
