from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gateway.ports import Principal, StoreUnavailable
from gateway.stores.keys import CachedKeys
from tests.fakes.clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

DIGESTS = [b"new pepper", b"old pepper"]


def principal(expires_at_ms: int | None = None) -> Principal:
    return Principal(key_id=UUID(int=1), workspace_id=UUID(int=2), expires_at_ms=expires_at_ms)


class Postgres:
    """The table behind the cache, and what it was asked."""

    def __init__(self) -> None:
        self.row: Principal | None = principal()
        self.asked = 0
        self.away = False
        self.while_reading: Callable[[], None] | None = None

    async def look_up(self, digests: Sequence[bytes]) -> Principal | None:
        assert digests == DIGESTS
        self.asked += 1
        row = self.row
        await asyncio.sleep(0)
        if self.while_reading is not None:
            then, self.while_reading = self.while_reading, None
            then()
        if self.away:
            raise StoreUnavailable
        return row


class World:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.postgres = Postgres()
        self.spawned: list[Coroutine[Any, Any, None]] = []
        self.keys = CachedKeys(self.postgres.look_up, self.clock, self.spawned.append)

    async def find(self) -> Principal | None:
        return await self.keys.find(DIGESTS)

    async def beside(self) -> None:
        """Run what was started beside the requests."""
        while self.spawned:
            await self.spawned.pop()


@pytest.fixture
def world() -> World:
    return World()


async def test_a_key_is_read_once(world: World) -> None:
    assert [await world.find() for _ in range(3)] == [principal()] * 3
    assert world.postgres.asked == 1


async def test_many_who_come_at_once_share_one_look_up(world: World) -> None:
    assert await asyncio.gather(*(world.find() for _ in range(50))) == [principal()] * 50
    assert world.postgres.asked == 1


async def test_after_five_seconds_it_is_read_again_beside_the_request(world: World) -> None:
    await world.find()
    world.postgres.row = principal(expires_at_ms=7)
    world.clock.advance(5)
    assert await world.find() == principal()
    assert await world.find() == principal()
    await world.beside()
    assert await world.find() == principal(expires_at_ms=7)
    assert world.postgres.asked == 2


async def test_after_thirty_seconds_nothing_old_is_served(world: World) -> None:
    await world.find()
    world.postgres.row = None
    world.clock.advance(30)
    assert await world.find() is None


async def test_an_unknown_key_is_remembered_for_ten_seconds(world: World) -> None:
    world.postgres.row = None
    assert await world.find() is None
    world.postgres.row = principal()
    world.clock.advance(9)
    assert await world.find() is None
    world.clock.advance(1)
    assert await world.find() == principal()
    assert world.postgres.asked == 2


async def test_a_revoked_key_is_refused_at_once(world: World) -> None:
    await world.find()
    world.postgres.row = None
    world.keys.drop(UUID(int=1))
    assert await world.find() is None


async def test_a_revocation_during_the_look_up_is_not_overwritten_by_it(world: World) -> None:
    def revoke() -> None:
        world.postgres.row = None
        world.keys.drop(UUID(int=1))

    world.postgres.while_reading = revoke
    assert await world.find() is None
    assert world.postgres.asked == 2


async def test_another_keys_revocation_changes_nothing(world: World) -> None:
    await world.find()
    world.keys.drop(UUID(int=9))
    assert await world.find() == principal()
    assert world.postgres.asked == 1


async def test_after_a_gap_in_the_announcements_postgres_is_asked_first(world: World) -> None:
    await world.find()
    world.postgres.row = None
    world.keys.distrust()
    assert await world.find() is None


async def test_a_known_key_works_for_ten_minutes_without_postgres(world: World) -> None:
    await world.find()
    world.postgres.away = True
    for _ in range(19):
        world.clock.advance(30)
        assert await world.find() == principal()
        await world.beside()
    world.clock.advance(30)
    with pytest.raises(StoreUnavailable):
        await world.find()
    await world.beside()


async def test_without_postgres_it_is_not_asked_for_every_request(world: World) -> None:
    await world.find()
    world.postgres.away = True
    world.clock.advance(30)
    await asyncio.gather(*(world.find() for _ in range(50)))
    assert world.postgres.asked == 2


async def test_without_postgres_a_known_key_waits_for_it_once_and_never_again(world: World) -> None:
    await world.find()
    world.postgres.away = True
    world.clock.advance(30)
    await world.find()
    for _ in range(20):
        world.clock.advance(1)
        asked = world.postgres.asked
        assert await world.find() == principal()
        assert world.postgres.asked == asked
        await world.beside()
    world.postgres.away, world.postgres.row = False, None
    world.clock.advance(1)
    await world.find()
    await world.beside()
    assert await world.find() is None


async def test_after_a_gap_postgres_is_asked_first_though_it_was_away_before(world: World) -> None:
    await world.find()
    world.postgres.away = True
    world.clock.advance(5)
    await world.find()
    await world.beside()
    world.postgres.away, world.postgres.row = False, None
    world.keys.distrust()
    assert await world.find() is None


async def test_unknown_keys_do_not_crowd_out_those_that_are_known() -> None:
    asked: list[bytes] = []

    async def look_up(digests: Sequence[bytes]) -> Principal | None:
        asked.append(digests[0])
        return principal() if digests == DIGESTS else None

    keys = CachedKeys(look_up, HandClock(), lambda _: None, most=3)
    await keys.find(DIGESTS)
    for number in range(9):
        assert await keys.find([b"%d" % number]) is None
    assert await keys.find(DIGESTS) == principal()
    assert await keys.find([b"8"]) is None
    assert asked == [DIGESTS[0], *(b"%d" % number for number in range(9))]


async def test_a_refresh_that_fails_is_tried_again(world: World) -> None:
    await world.find()
    world.postgres.away = True
    world.clock.advance(5)
    await world.find()
    await world.beside()
    await world.find()
    assert world.spawned == []  # not for every request
    world.clock.advance(1)
    await world.find()
    assert len(world.spawned) == 1
    await world.beside()


async def test_an_unknown_key_without_postgres_is_no_answer(world: World) -> None:
    world.postgres.away = True
    with pytest.raises(StoreUnavailable):
        await world.find()


async def test_a_dropped_key_is_not_served_stale(world: World) -> None:
    await world.find()
    world.postgres.away = True
    world.keys.drop(UUID(int=1))
    with pytest.raises(StoreUnavailable):
        await world.find()


async def test_only_the_latest_use_is_handed_over_once(world: World) -> None:
    world.keys.used(UUID(int=1), 5)
    world.keys.used(UUID(int=1), 7)
    assert world.keys.take_used() == {UUID(int=1): 7}
    assert world.keys.take_used() == {}
