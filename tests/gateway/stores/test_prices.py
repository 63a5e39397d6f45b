from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gateway.ports import Price, StoreUnavailable
from gateway.stores.prices import CachedPrices
from tests.fakes.clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Coroutine


def price(number: int, starts_at_ms: int, ends_at_ms: int | None) -> Price:
    return Price(
        id=UUID(int=number),
        input_nanos=900,
        cached_nanos=180,
        output_nanos=3900,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
    )


class World:
    def __init__(self) -> None:
        self.rows: tuple[Price, ...] = (price(1, 0, 100), price(2, 100, None))
        self.asked = 0
        self.away = False
        self.clock = HandClock()
        self.spawned: list[Coroutine[Any, Any, None]] = []
        self.prices = CachedPrices(self.read, self.clock, self.spawned.append)

    async def read(self, model: str) -> tuple[Price, ...]:
        self.asked += 1
        if self.away:
            raise StoreUnavailable
        return self.rows if model == "m" else ()

    async def at(self, at_ms: int) -> int | None:
        found = await self.prices.at("m", at_ms)
        return None if found is None else found.id.int

    async def beside(self) -> None:
        while self.spawned:
            await self.spawned.pop()


async def test_a_price_changes_at_its_moment_without_being_read_again() -> None:
    world = World()
    assert [await world.at(at_ms) for at_ms in (99, 100, 10**9)] == [1, 2, 2]
    await world.beside()
    assert world.asked == 2


async def test_a_changed_book_is_seen_within_half_a_minute() -> None:
    world = World()
    await world.at(0)
    await world.at(0)
    await world.beside()
    world.rows = (price(3, 0, None),)
    world.clock.advance(30)
    assert await world.at(0) == 1
    await world.beside()
    assert await world.at(0) == 3


async def test_the_last_book_stands_while_postgres_is_away() -> None:
    world = World()
    await world.at(0)
    world.away = True
    world.clock.advance(3600)
    assert await world.at(0) == 1
    await world.beside()
    assert await world.at(0) == 1


async def test_without_a_book_there_is_no_answer() -> None:
    world = World()
    world.away = True
    with pytest.raises(StoreUnavailable):
        await world.at(0)


async def test_an_unknown_model_has_no_price() -> None:
    assert await World().prices.at("other", 0) is None
