"""What every store of claims has to do: the twin in memory, and the one on Redis."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest
import redis
from django.conf import settings

from gateway.idempotency import DAY_MS, KEPT_MS, LEASE_MS, Running, pack, unpack
from gateway.ports import Claimed, StoreUnavailable
from gateway.stores.idempotency import MARKER, RedisClaims
from gateway.stores.memory import MemoryClaims
from gateway.stores.redis import Redis
from tests.fakes.clock import START_MS, HandClock
from tests.fakes.engines import redis_number
from tests.gateway.claims import asked, charged, strictly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from gateway.idempotency import Identity, Known
    from gateway.ports import ClaimStore

T = TypeVar("T")
NOTHING, FIRST = Claimed(None, whole=True), Claimed(Running(asked(1).uid, asked(1).digests[0]), whole=True)


class Engine(Protocol):
    def do(self, work: Callable[[ClaimStore], Awaitable[T]]) -> T: ...

    def forget(self, one: Identity) -> None:
        """Let the lease of a claim run out."""

    def kept(self, one: Identity) -> tuple[Known | None, int]:
        """Return what stands under a request's name, and for how many more milliseconds."""


class InMemory:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = MemoryClaims(self.clock, LEASE_MS)

    def do(self, work: Callable[[ClaimStore], Awaitable[T]]) -> T:
        async def main() -> T:
            return await work(self.store)

        return asyncio.run(main())

    def forget(self, one: Identity) -> None:
        del self.store.known[one.names[0]]

    def kept(self, one: Identity) -> tuple[Known | None, int]:
        known, until_ms = self.store.known.get(one.names[0], (None, 0))
        return known, until_ms - self.clock.ms()


@dataclass
class InRedis:
    url: str
    client: redis.Redis

    def do(self, work: Callable[[ClaimStore], Awaitable[T]]) -> T:
        async def main() -> T:
            store = Redis(self.url, patience=20)
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(store.keep())
                await store.tried()
                try:
                    return await work(RedisClaims(store))
                finally:
                    keeping.cancel()

        return asyncio.run(main())

    def forget(self, one: Identity) -> None:
        self.client.delete(one.names[0])

    def kept(self, one: Identity) -> tuple[Known | None, int]:
        value, left = self.client.get(one.names[0]), self.client.pttl(one.names[0])
        assert value is None or isinstance(value, bytes)
        assert isinstance(left, int)
        return (None if value is None else unpack(value)), left


@pytest.fixture(params=["memory", "redis"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "memory":
        yield InMemory()
        return
    with redis_number(settings.REDIS_URL) as url, redis.Redis.from_url(url) as client:
        client.set(MARKER, 0)  # nothing was lost since 1970
        yield InRedis(url, client)


@pytest.fixture
def in_redis() -> Iterator[InRedis]:
    with redis_number(settings.REDIS_URL) as url, redis.Redis.from_url(url) as client:
        yield InRedis(url, client)


def claim(engine: Engine, one: Identity) -> Claimed:
    return engine.do(lambda store: store.claim(one))


def complete(engine: Engine, one: Identity) -> None:
    engine.do(lambda store: store.complete(one, charged(one), KEPT_MS))


def test_a_request_is_claimed_once_and_its_retry_is_told_by_whom(engine: Engine) -> None:
    assert claim(engine, asked(1)) == NOTHING
    assert claim(engine, asked(2)) == FIRST
    known, left = engine.kept(asked(1))
    assert known == FIRST.known
    assert LEASE_MS - 20_000 < left <= LEASE_MS


def test_another_id_and_another_body_are_claimed_beside_it(engine: Engine) -> None:
    claim(engine, asked(1))
    assert claim(engine, asked(2, name="trace-2")) == NOTHING
    assert claim(engine, asked(3, body=b"[]")) == NOTHING


def test_a_strict_key_is_claimed_whatever_the_body(engine: Engine) -> None:
    claim(engine, strictly(1))
    assert claim(engine, strictly(2, body=b"[]")).known == Running(strictly(1).uid, strictly(1).digests[0])


def test_a_retry_of_the_next_day_is_told_of_yesterdays(engine: Engine) -> None:
    claim(engine, asked(1))
    tomorrow = asked(2, at_ms=START_MS + DAY_MS)
    assert claim(engine, tomorrow) == FIRST
    assert engine.kept(tomorrow)[0] is None


def test_of_many_at_once_one_gets_it(engine: Engine) -> None:
    async def work(store: ClaimStore) -> list[Claimed]:
        return await asyncio.gather(*(store.claim(asked(number)) for number in range(1, 101)))

    assert engine.do(work).count(NOTHING) == 1


def test_what_is_charged_stays_known_and_is_not_freed(engine: Engine) -> None:
    claim(engine, asked(1))
    complete(engine, asked(1))
    engine.do(lambda store: store.free(asked(1)))
    assert claim(engine, asked(2)) == Claimed(charged(asked(1)), whole=True)
    assert KEPT_MS - 20_000 < engine.kept(asked(1))[1] <= KEPT_MS


def test_of_two_that_were_charged_the_first_is_remembered(engine: Engine) -> None:
    for number in (1, 2):
        complete(engine, asked(number))
    assert engine.kept(asked(1))[0] == charged(asked(1))


def test_what_was_free_may_run_again(engine: Engine) -> None:
    claim(engine, asked(1))
    engine.do(lambda store: store.free(asked(1)))
    assert claim(engine, asked(2)) == NOTHING


def test_only_its_owner_frees_a_claim(engine: Engine) -> None:
    claim(engine, asked(1))
    engine.do(lambda store: store.free(asked(2)))
    assert claim(engine, asked(2)) == FIRST


def test_a_renewed_claim_is_held_and_a_lost_one_made_again(engine: Engine) -> None:
    claim(engine, asked(1))
    engine.forget(asked(1))
    engine.do(lambda store: store.renew([asked(1)]))
    assert claim(engine, asked(2)) == FIRST


def test_a_claim_that_another_has_by_now_is_not_taken_back(engine: Engine) -> None:
    claim(engine, asked(1))
    engine.forget(asked(1))
    claim(engine, asked(2))
    engine.do(lambda store: store.renew([asked(1)]))
    assert claim(engine, asked(3)).known == Running(asked(2).uid, asked(2).digests[0])


def test_a_renewal_does_not_undo_an_end(engine: Engine) -> None:
    complete(engine, asked(1))
    engine.do(lambda store: store.renew([asked(1)]))
    assert engine.kept(asked(1))[0] == charged(asked(1))


def test_an_emptied_redis_says_so_for_a_day(in_redis: InRedis) -> None:
    assert claim(in_redis, asked(1)) == Claimed(None, whole=False)
    since = in_redis.client.get(MARKER)
    assert isinstance(since, bytes)
    for age, whole in ((KEPT_MS // 1000 - 60, False), (KEPT_MS // 1000 + 60, True)):
        in_redis.client.set(MARKER, int(since) - age)
        assert claim(in_redis, asked(1)).whole is whole
    in_redis.client.flushdb()
    assert claim(in_redis, asked(1)) == Claimed(None, whole=False)


def test_what_another_release_wrote_is_nothing_known(in_redis: InRedis) -> None:
    in_redis.client.set(asked(1).names[0], b"X")
    assert claim(in_redis, asked(1)).known is None


def test_nothing_in_redis_tells_an_id_or_a_body(in_redis: InRedis) -> None:
    one, two = asked(name="a-telling-id", body=b"words"), strictly(key=b"a-telling-key", body=b"words")
    for each in (one, two):
        claim(in_redis, each)
        complete(in_redis, each)
    keys = [bytes(key) for key in in_redis.client.scan_iter("*")]
    everything = b" ".join([*keys, pack(charged(one)), pack(charged(two))])
    assert b"telling" not in everything
    assert b"words" not in everything


def test_a_store_that_is_away_says_so() -> None:
    store = MemoryClaims(HandClock(), LEASE_MS)
    store.away = True

    async def main() -> None:
        with pytest.raises(StoreUnavailable):
            await store.claim(asked(1))
        with pytest.raises(StoreUnavailable):
            await RedisClaims(Redis("redis://127.0.0.1:1/0")).claim(asked(1))

    asyncio.run(main())
    assert store.known == {}
