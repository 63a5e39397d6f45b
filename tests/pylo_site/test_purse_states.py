"""Purses as a gateway really tells them to Redis, read for reconciliation."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
import redis

from billing.reconciliation.purses import Held, Purse
from gateway.holds import Hold, Holds
from gateway.limits import Asking, Holder, Limits
from gateway.purse_ports import Line, Refreshing
from gateway.purses import Budget, Wanted, balance_key, budget_key
from gateway.stores.limits import RedisLimits
from gateway.stores.purses import RedisPurses as Store
from gateway.stores.redis import Redis
from pylo_site.purse_states import RedisPurses
from tests.fakes.engines import redis_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

WORKSPACE, KEY = UUID(int=7), UUID(int=8)
BALANCE = balance_key(WORKSPACE)
WEEK = budget_key(WORKSPACE, Budget(KEY, "week", 900), date(2026, 11, 23))
WANTED = Wanted(prompt_tokens=10, prompt_nanos=100, token_nanos=2, want=50, least=5)


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with redis_number(settings.REDIS_URL) as url:
        settings.REDIS_URL = url
        yield url


async def hold_something(url: str) -> None:
    """Be a gateway's process that has told two purses, and holds 200 nano-dollars for a request in each."""
    store, holds = Redis(url, patience=20.0), Holds()
    purses = Store(store, "host/one", holds)
    limits = RedisLimits(store, "host/one", purses)
    keeping = asyncio.get_running_loop().create_task(store.keep())
    await store.tried()
    lines = (Line(BALANCE, 1000, 0, 0, 4), Line(WEEK, 900, 0, 0, 0))
    refreshing = Refreshing(version=3, may_make=True, least=10, writers=(), buried=(), lines=lines)
    await purses.refresh(refreshing, lambda _: None)
    holders = (Holder("", Limits.of(10_000, 10_000_000, 1000)),)
    asking = Asking(WORKSPACE, uuid4(), 0, holders, (BALANCE, WEEK), WANTED)
    answer = await limits.take(asking, lambda tokens: holds.hold(asking.uid, Hold(WORKSPACE, asking.purses, tokens)))
    assert answer.granted == 50
    keeping.cancel()


def there() -> list[Purse]:
    return sorted((purse for some in RedisPurses().read() for purse in some), key=lambda each: each.name)


def test_what_a_gateway_tells_is_read_with_its_holder_period_and_holds(url: str) -> None:
    asyncio.run(hold_something(url))
    assert there() == [
        Purse(
            name=BALANCE,
            workspace_id=WORKSPACE,
            version=3,
            left=1000,
            total=450,
            held=(Held("host/one", 1, 450, 250),),
        ),
        Purse(
            name=WEEK,
            workspace_id=WORKSPACE,
            period="week",
            starts_on=date(2026, 11, 23),
            key_id=KEY,
            version=3,
            left=900,
            total=200,
            held=(Held("host/one", 1, 200, 0),),
        ),
    ]
    assert there()[0].held[0].by_requests == 200


def test_an_empty_redis_has_no_purses_and_nothing_runs(url: str) -> None:
    assert there() == []
    assert RedisPurses().running() == 0


def test_a_purse_of_another_life_of_redis_is_left_out(url: str) -> None:
    asyncio.run(hold_something(url))
    with redis.Redis.from_url(url) as client:
        client.hset(f"pylo:purse:{WEEK}", "epoch", "another")
    assert [each.name for each in there()] == [BALANCE]


def test_a_purse_that_is_spelled_otherwise_is_left_out(url: str) -> None:
    asyncio.run(hold_something(url))
    with redis.Redis.from_url(url) as client:
        for name in (BALANCE, WEEK):
            client.rename(f"pylo:purse:{name}", f"pylo:purse:v2:{name}")
    assert there() == []
