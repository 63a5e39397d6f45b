from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from django.conf import settings

from gateway.ports import StoreUnavailable
from gateway.stores import redis as stores_redis
from gateway.stores.redis import Redis, Script
from tests.fakes.engines import at_port, redis_number
from tests.fakes.proxy import proxied
from tests.fakes.redis import refusing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ECHO = Script("return ARGV[1]")
COUNT = Script("return redis.call('INCR', KEYS[1])")
PATIENT = 20.0  # where the test is not about time


@pytest.fixture
def url() -> Iterator[str]:
    with redis_number(settings.REDIS_URL) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client


@asynccontextmanager
async def kept(url: str, patience: float = PATIENT) -> AsyncIterator[Redis]:
    async with asyncio.TaskGroup() as group:
        store = Redis(url, patience=patience)
        keeping = group.create_task(store.keep())
        await store.tried()
        yield store
        keeping.cancel()


async def back(store: Redis) -> None:
    async with asyncio.timeout(30):
        while store.away:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def test_a_script_runs_whether_redis_knows_it_or_not(url: str, client: redis.Redis) -> None:
    async with kept(url) as store:
        client.script_flush()
        assert [await store.run(COUNT, ["pylo:n"], []) for _ in range(2)] == [1, 2]
        client.script_flush()
        assert await store.run(COUNT, ["pylo:n"], []) == 3


async def test_calls_of_one_turn_are_answered_each_with_its_own(url: str) -> None:
    async with kept(url) as store:
        told = await asyncio.gather(*(store.run(ECHO, [], [number]) for number in range(500)))
    assert told == [b"%d" % number for number in range(500)]


async def test_no_cancelled_call_hands_its_reply_to_another(url: str) -> None:
    chance = random.Random(20230320)  # noqa: S311 - which calls are cancelled, and when
    ends = {"answered": 0, "cancelled": 0}

    async def caller(store: Redis, number: int) -> None:
        asking = group.create_task(store.run(ECHO, [], [f"word {number}"]))
        if chance.random() < 0.8:
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            asking.cancel()
        try:
            assert await asking == f"word {number}".encode()
            ends["answered"] += 1
        except asyncio.CancelledError:
            ends["cancelled"] += 1

    async with kept(url) as store:
        while ends["cancelled"] < 3000:
            async with asyncio.TaskGroup() as group:
                for _ in range(60):
                    group.create_task(caller(store, chance.randrange(10**9)))
        assert not store.away
    assert ends["answered"] > 300


async def test_a_flushed_redis_answers_on(url: str, client: redis.Redis) -> None:
    async with kept(url) as store:
        assert await store.run(COUNT, ["pylo:n"], []) == 1
        client.flushdb()
        assert await store.run(COUNT, ["pylo:n"], []) == 1
        assert not store.away


async def test_a_redis_that_stalls_is_left_at_once_by_all_who_wait_and_is_found_again(url: str) -> None:
    there = urlsplit(url)
    async with (
        proxied(there.hostname or "", there.port or 6379, silent_from=b"stall") as proxy,
        kept(at_port(url, proxy.port), patience=0.2) as store,
    ):
        told = await asyncio.gather(
            *(store.run(ECHO, [], [word]) for word in ("stall", "behind it")), return_exceptions=True
        )
        assert [type(each) for each in told] == [StoreUnavailable, StoreUnavailable]
        assert store.away
        with pytest.raises(StoreUnavailable):  # it does not get as far as a connection
            await store.run(ECHO, [], ["while away"])
        proxy.release()
        await back(store)
        assert await store.run(ECHO, [], ["again"]) == b"again"


async def test_a_killed_connection_is_made_again(url: str, client: redis.Redis) -> None:
    async with kept(f"{url}?client_name=killed") as store:
        (connection,) = [each for each in client.client_list() if each["name"] == "killed"]
        client.client_kill(connection["addr"])
        with suppress(StoreUnavailable):
            await store.run(ECHO, [], ["lost"])
        await back(store)
        assert await store.run(ECHO, [], ["again"]) == b"again"


async def test_nothing_waits_for_a_redis_that_is_not_there() -> None:
    async with kept("redis://127.0.0.1:9/0") as store:
        assert store.away
        with pytest.raises(StoreUnavailable, match="away"):
            await store.run(ECHO, [], ["nobody"])


@pytest.mark.parametrize("code", sorted(stores_redis.AWAY))
async def test_a_redis_that_cannot_work_is_away_until_it_takes_writes(code: str) -> None:
    async with refusing(f"{code} in words that are not shown") as fake, kept(fake.url) as store:
        fake.refuses_writes = True
        with pytest.raises(StoreUnavailable, match=f"^{code}$"):
            await store.run(COUNT, ["pylo:n"], [])
        assert store.away
        fake.refuses_writes = False
        await back(store)


async def test_a_broken_script_fails_its_caller_alone(url: str, caplog: pytest.LogCaptureFixture) -> None:
    broken = Script("return redis.call('INCR', ARGV[1])")  # of a text
    async with kept(url) as store:
        await store.run(Script("return redis.call('SET', KEYS[1], 'words')"), ["pylo:text"], [])
        with pytest.raises(StoreUnavailable):
            await store.run(broken, [], ["pylo:text"])
        assert await store.run(ECHO, [], ["others"]) == b"others"
        assert not store.away
    assert "a script failed on Redis" in caplog.messages
    assert "pylo:text" not in caplog.text


async def test_a_name_and_a_password_of_the_url_are_used(url: str, client: redis.Redis) -> None:
    client.acl_setuser("pylo-test", enabled=True, passwords=["+p@ss:word/"], keys=["pylo:*"], categories=["+@all"])
    try:
        parts = urlsplit(url)
        login = f"pylo-test:p%40ss%3Aword%2F@{parts.hostname}:{parts.port}"
        async with kept(urlunsplit(parts._replace(netloc=login))) as store:
            assert await store.run(Script("return redis.call('SET', KEYS[1], 'x')"), ["pylo:mine"], []) == b"OK"
        assert client.get("pylo:mine") == b"x"  # in the numbered database that the URL names
        async with kept(urlunsplit(parts._replace(netloc=login.replace("word", "wrong")))) as store:
            assert store.away
    finally:
        client.acl_deluser("pylo-test")
