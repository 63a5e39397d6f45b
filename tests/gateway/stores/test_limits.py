"""What every store of limits does: the one in Redis, and its twin in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings

from gateway.holds import Holds
from gateway.limits import MINUTE, SECOND, Answer, Asking, Holder, Kind, Limits, remaining
from gateway.ports import StoreUnavailable
from gateway.purses_local import Purses
from gateway.stores.limits import RedisLimits
from gateway.stores.memory_purses import MemoryLimits, MemoryPurses
from gateway.stores.purses import RedisPurses
from gateway.stores.redis import Redis
from tests.fakes.clock import HandClock
from tests.fakes.engines import redis_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.ports import LimitStore

WORKSPACE = UUID(int=7)
ROOMY = Limits.of(10, 60, 100)  # a request every six seconds, a token every second: none comes back meanwhile
LEASE = 30 * SECOND
pytestmark = pytest.mark.parametrize("engine", ["memory", "redis"])


@pytest.fixture
def url() -> Iterator[str]:
    with redis_number(settings.REDIS_URL) as url:
        yield url


@asynccontextmanager
async def opened(engine: str, url: str, lease: int = LEASE) -> AsyncIterator[LimitStore]:
    if engine == "memory":
        clock = HandClock()
        clock.advance(1000)
        yield MemoryLimits(clock, MemoryPurses(Purses(), "this one", Holds()), lease=lease)
        return
    async with asyncio.TaskGroup() as group:
        store = Redis(url, patience=20.0)
        # Before it connects: then its scripts are known there, and run in order.
        limits = RedisLimits(store, "this one", RedisPurses(store, "this one", Holds()), lease=lease)
        keeping = group.create_task(store.keep())
        await store.tried()
        yield limits
        keeping.cancel()


def ignore(tokens: int) -> None:
    """Hold nothing: these requests cost nothing."""


def asking(*holders: Holder, tokens: int = 0) -> Asking:
    return Asking(WORKSPACE, uuid4(), tokens, holders or (Holder("", ROOMY),))


def left(answer: Answer, limits: Limits = ROOMY) -> tuple[int, int]:
    """Return what is left of the first holder's requests and tokens."""
    level = answer.levels[0]
    return remaining(level.requests, limits.requests_per_minute), remaining(level.tokens, limits.tokens_per_minute)


async def test_requests_are_let_in_up_to_the_limit(engine: str, url: str) -> None:
    async with opened(engine, url) as store:
        answers = [await store.take(asking(), ignore) for _ in range(11)]
    assert [answer.kind for answer in answers] == [None] * 10 + [Kind.REQUESTS]
    assert [left(answer)[0] for answer in answers[:10]] == list(range(9, -1, -1))
    assert 5 * SECOND < answers[10].wait <= 6 * SECOND


async def test_tokens_are_let_in_up_to_the_limit(engine: str, url: str) -> None:
    small = Limits.of(1000, 600, 100)
    async with opened(engine, url) as store:
        assert (await store.take(asking(Holder("", small), tokens=590), ignore)).kind is None
        refused = await store.take(asking(Holder("", small), tokens=100), ignore)
        assert (refused.kind, refused.holder) == (Kind.TOKENS, 0)
        assert 8 * SECOND < refused.wait <= 9 * SECOND
        assert (await store.take(asking(Holder("", small), tokens=10), ignore)).kind is None


async def test_a_key_is_let_in_where_it_and_its_workspace_have_room(engine: str, url: str) -> None:
    workspace, key, other = Holder("", ROOMY), Holder("k1", Limits.of(2, 1000, 9)), Holder("k2", Limits.of(20, 1000, 9))
    async with opened(engine, url) as store:
        by_key = [await store.take(asking(workspace, key), ignore) for _ in range(3)]
        by_other = [await store.take(asking(workspace, other), ignore) for _ in range(9)]
    assert [(answer.kind, answer.holder) for answer in by_key] == [(None, 0), (None, 0), (Kind.REQUESTS, 1)]
    assert [answer.kind for answer in by_other] == [None] * 8 + [Kind.REQUESTS]
    assert by_other[8].holder == 0


async def test_what_is_refused_takes_of_nothing(engine: str, url: str) -> None:
    workspace, key = Holder("", ROOMY), Holder("k1", Limits.of(100, 10, 9))
    async with opened(engine, url) as store:
        await store.take(asking(workspace, key, tokens=10), ignore)
        refused = asking(workspace, key, tokens=5)
        assert (await store.take(refused, ignore)).kind is Kind.TOKENS
        store.end(refused, 50)
        assert left(await store.take(asking(workspace), ignore)) == (8, 50)


async def test_the_longest_wait_is_told(engine: str, url: str) -> None:
    async with opened(engine, url) as store:
        holders = (Holder("", Limits.of(2, 1, 1)), Holder("k1", Limits.of(1, 2, 9)))
        await store.take(asking(*holders, tokens=1), ignore)
        refused = await store.take(asking(*holders, tokens=1), ignore)
    assert (refused.kind, refused.holder) == (Kind.TOKENS, 0)
    assert 59 * SECOND < refused.wait <= MINUTE


async def test_so_many_run_at_once_and_an_end_makes_room(engine: str, url: str) -> None:
    pair = Holder("", Limits.of(100, 1000, 2))
    async with opened(engine, url) as store:
        first = asking(pair)
        answers = [await store.take(one, ignore) for one in (first, asking(pair), asking(pair))]
        assert [answer.kind for answer in answers] == [None, None, Kind.CONCURRENT]
        assert answers[2].wait == 0
        store.end(first, 0)
        assert (await store.take(asking(pair), ignore)).kind is None
        assert (await store.take(asking(pair), ignore)).kind is Kind.CONCURRENT


async def test_the_end_counts_the_tokens_that_were_used(engine: str, url: str) -> None:
    async with opened(engine, url) as store:
        more, less = asking(tokens=10), asking(tokens=10)
        await store.take(more, ignore)
        await store.take(less, ignore)
        store.end(more, 40)
        store.end(less, 0)
        store.end(more, 40)  # once
        assert left(await store.take(asking(), ignore)) == (7, 20)


async def test_an_answer_longer_than_the_limit_goes_into_debt_of_a_minute_at_most(engine: str, url: str) -> None:
    async with opened(engine, url) as store:
        long = asking(tokens=10)
        await store.take(long, ignore)
        store.end(long, 262_144)
        refused = await store.take(asking(tokens=1), ignore)
    assert refused.kind is Kind.TOKENS
    assert MINUTE < refused.wait <= MINUTE + SECOND


async def test_a_place_that_is_not_renewed_comes_back(engine: str, url: str) -> None:
    single = Holder("", Limits.of(100, 1000, 1))
    async with opened(engine, url, lease=0) as store:
        assert (await store.take(asking(single), ignore)).kind is None
        assert (await store.take(asking(single), ignore)).kind is None


async def test_a_renewal_keeps_places_also_where_they_were_forgotten(engine: str, url: str) -> None:
    single = Holder("", Limits.of(100, 1000, 1))
    async with opened(engine, url) as store:
        running = asking(single)
        assert await store.renew([running]) == 1
        assert (await store.take(asking(single), ignore)).kind is Kind.CONCURRENT
        store.end(running, 0)
        assert (await store.take(asking(single), ignore)).kind is None


async def test_workspaces_do_not_count_against_each_other(engine: str, url: str) -> None:
    async with opened(engine, url) as store:
        for _ in range(10):
            await store.take(asking(), ignore)
        assert (await store.take(Asking(UUID(int=8), uuid4(), 0, (Holder("", ROOMY),)), ignore)).kind is None


async def test_a_flush_fills_the_buckets(engine: str, url: str) -> None:
    async with opened(engine, url) as store:
        for _ in range(10):
            await store.take(asking(), ignore)
        if engine == "redis":
            with redis.Redis.from_url(url) as client:
                client.flushdb()
            assert left(await store.take(asking(), ignore))[0] == 9


async def test_a_store_that_is_away_is_no_answer(engine: str, url: str) -> None:
    store: LimitStore
    if engine == "memory":
        store = MemoryLimits(HandClock(), MemoryPurses(Purses(), "one", Holds()))
        store.away = True
    else:
        away = Redis(url)
        store = RedisLimits(away, "never connected", RedisPurses(away, "never connected", Holds()))
    with pytest.raises(StoreUnavailable):
        await store.take(asking(), ignore)
    with pytest.raises(StoreUnavailable):
        await store.renew([])
    store.end(asking(), 0)
