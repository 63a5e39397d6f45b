"""What every meeting place of processes has to do: the one in memory, and the one on Redis."""

from __future__ import annotations

import asyncio
import os
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import pytest
import pytest_asyncio
import redis

from gateway.breaker.views import Counts, RemoteOpen
from gateway.ports import Heard, StoreUnavailable, Telling, Told
from gateway.stores.fleet import RedisFleet
from gateway.stores.memory_fleet import MemoryFleet
from gateway.stores.redis import Redis
from tests.fakes.clock import HandClock
from tests.fakes.engines import redis_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.ports import FleetStore

OPEN = RemoteOpen("ours", 20.0, "ten failures in a row")


class Engine(Protocol):
    @property
    def store(self) -> FleetStore: ...

    def advance(self, seconds: float) -> None: ...
    def order(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self._clock = HandClock()
        self._clock.advance(1000.5)
        self.store = MemoryFleet(self._clock)

    def advance(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def order(self) -> None:
        self.store.orders += 1


class OnRedis:
    """Moves what is stored into the past, as Redis's clock cannot be moved."""

    def __init__(self, store: FleetStore, client: redis.Redis) -> None:
        self.store = store
        self._client = client

    def advance(self, seconds: float) -> None:
        for member in cast("list[bytes]", self._client.zrange("pylo:brk:processes", 0, -1)):
            self._client.zincrby("pylo:brk:processes", -seconds * 1000, member)
        for key in sorted(self._client.scan_iter("pylo:brk:*")):
            left = int(str(self._client.pttl(key)))
            if left >= 0:
                self._client.pexpire(key, left - round(seconds * 1000))  # one that is over goes at once
            if key.startswith(b"pylo:brk:counts:") and self._client.exists(key):
                before, _, second = key.rpartition(b":")
                self._client.rename(key, before + b":%d" % (int(second) - seconds))

    def order(self) -> None:
        self._client.incr("pylo:brk:orders")


@pytest_asyncio.fixture(params=["memory", "redis"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    if request.param == "memory":
        yield InMemory()
        return
    with redis_number(os.environ["REDIS_URL"]) as url, redis.Redis.from_url(url) as client:  # noqa: TID251 - names the engines
        connection = Redis(url)
        keeping = asyncio.get_running_loop().create_task(connection.keep())
        await connection.tried()
        yield OnRedis(RedisFleet(connection), client)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@dataclass
class Process:
    """One that tells and hears."""

    engine: Engine
    host: str = "here"
    name: str = "1"
    ticks: int = field(default=0)

    async def tell(self, upstream: str = "u", *, tick: int | None = None, **said: object) -> Heard:
        self.ticks += 1
        telling = Telling(**{"counts": Counts(), **said})  # type: ignore[arg-type]
        told = Told(host=self.host, process=self.name, tick=tick or self.ticks, views=(), upstreams={upstream: telling})
        return await self.engine.store.exchange(told)


def total(heard: Heard, upstream: str = "u") -> Counts:
    (view,) = [heard.views[upstream]]
    assert len(view.seconds) == 30
    return Counts(*(sum(column) for column in zip(*map(astuple, view.seconds), strict=True)))


async def test_who_is_alone_hears_itself_and_nothing_else(engine: Engine) -> None:
    heard = await Process(engine).tell(counts=Counts(1, 2, 3, 4, 5))
    assert total(heard) == Counts(1, 2, 3, 4, 5)
    assert (heard.views["u"].hosts, heard.views["u"].open) == (1, ())
    assert (heard.epochs, heard.orders) == ({"u": 0}, 0)


async def test_what_processes_count_is_summed_for_each_upstream(engine: Engine) -> None:
    for process in (Process(engine, name="1"), Process(engine, name="2"), Process(engine, "there")):
        await process.tell(counts=Counts(ok=1, failed=2))
        await process.tell("other", counts=Counts(slow=1))
    assert total(await Process(engine, name="3").tell()) == Counts(ok=3, failed=6)
    assert total(await Process(engine, name="3").tell("other", tick=9), "other") == Counts(slow=3)


async def test_counts_age_and_leave_the_window_after_thirty_seconds(engine: Engine) -> None:
    process = Process(engine)
    await process.tell(counts=Counts(failed=7))
    engine.advance(10)
    seconds = (await process.tell(counts=Counts(ok=1))).views["u"].seconds
    old = [at for at, counts in enumerate(seconds) if counts == Counts(failed=7)]
    assert old in ([19], [18])  # the second may have ended in between
    engine.advance(21)
    assert total(await process.tell()) == Counts(ok=1)


async def test_a_telling_that_comes_after_a_later_one_changes_nothing(engine: Engine) -> None:
    process, other = Process(engine), Process(engine, name="2")
    await process.tell(tick=5, counts=Counts(ok=1))
    await process.tell(tick=4, counts=Counts(ok=1), open=OPEN, recovered=True)
    heard = await other.tell()
    assert (total(heard), heard.views["u"].open, heard.epochs) == (Counts(ok=1), (), {"u": 0})


async def test_hosts_are_counted_once_and_while_they_tell_something(engine: Engine) -> None:
    await Process(engine, "a", "1").tell()
    await Process(engine, "a", "2").tell()
    await Process(engine, "b").tell()
    assert (await Process(engine, "c").tell()).views["u"].hosts == 3
    engine.advance(6)
    assert (await Process(engine, "b", "2").tell()).views["u"].hosts == 1


async def test_an_open_breaker_is_heard_by_the_others_with_what_remains(engine: Engine) -> None:
    opener, other = Process(engine, "ours"), Process(engine, "theirs")
    assert (await opener.tell(open=OPEN)).views["u"].open == ()
    engine.advance(5)
    (heard,) = (await other.tell()).views["u"].open
    assert (heard.host, heard.reason) == ("ours", OPEN.reason)
    assert 14 < heard.remaining <= 15
    assert (await other.tell("another")).views["another"].open == ()


async def test_two_processes_of_a_host_are_heard_apart(engine: Engine) -> None:
    await Process(engine, "ours", "1").tell(open=OPEN)
    await Process(engine, "ours", "2").tell(open=OPEN)
    view = (await Process(engine, "ours", "3").tell()).views["u"]
    assert ([each.host for each in view.open], view.hosts) == (["ours", "ours"], 1)


async def test_an_open_breaker_is_over_when_its_time_is_or_its_process_says_so(engine: Engine) -> None:
    one, two, other = Process(engine, "a"), Process(engine, "b"), Process(engine, "c")
    await one.tell(open=OPEN)
    await two.tell(open=RemoteOpen("b", 3, "slow"))
    engine.advance(4)
    assert [each.host for each in (await other.tell()).views["u"].open] == ["a"]
    await one.tell()
    assert (await other.tell()).views["u"].open == ()


async def test_a_host_that_says_open_counts_also_when_it_is_gone(engine: Engine) -> None:
    await Process(engine, "a").tell(open=OPEN)
    engine.advance(10)
    assert (await Process(engine, "b").tell()).views["u"].hosts == 2


async def test_a_recovery_ends_what_was_open_and_refuses_who_has_not_heard_of_it(engine: Engine) -> None:
    prober, behind, other = Process(engine, "a"), Process(engine, "b"), Process(engine, "c")
    await behind.tell(open=OPEN)
    assert (await prober.tell(recovered=True)).epochs == {"u": 1}
    heard = await behind.tell(open=OPEN)
    assert heard.epochs == {"u": 1}
    assert (await other.tell()).views["u"].open == ()
    await behind.tell(open=OPEN, epoch=1)
    assert len((await other.tell()).views["u"].open) == 1


async def test_a_newcomer_ends_nothing(engine: Engine) -> None:
    prober, opener = Process(engine, "a"), Process(engine, "b")
    await prober.tell(recovered=True)
    await opener.tell(open=OPEN, epoch=1)
    assert len((await Process(engine, "c").tell()).views["u"].open) == 1


async def test_epochs_grow_also_when_the_store_has_forgotten_them(engine: Engine) -> None:
    assert (await Process(engine).tell(epoch=7, recovered=True)).epochs == {"u": 8}


async def test_one_holder_has_the_probe_renews_it_and_gives_it_back(engine: Engine) -> None:
    store = engine.store
    assert await store.lease_probe("u", "a")
    assert not await store.lease_probe("u", "b")
    assert await store.lease_probe("other", "b")
    engine.advance(8)
    assert await store.lease_probe("u", "a")
    engine.advance(8)
    await store.free_probe("u", "b")
    assert not await store.lease_probe("u", "b")
    await store.free_probe("u", "a")
    assert await store.lease_probe("u", "b")


async def test_a_probe_that_is_not_renewed_is_anybodys(engine: Engine) -> None:
    await engine.store.lease_probe("u", "a")
    engine.advance(11)
    assert await engine.store.lease_probe("u", "b")
    assert not await engine.store.lease_probe("u", "a")


async def test_an_operators_order_is_noticed(engine: Engine) -> None:
    process = Process(engine)
    before = (await process.tell()).orders
    engine.order()
    assert (await process.tell()).orders != before


async def test_a_name_may_have_any_sign(engine: Engine) -> None:
    name = "a:b c/ü*"
    await Process(engine, "here").tell(name, counts=Counts(ok=1), open=OPEN)
    heard = await Process(engine, "there").tell(name)
    assert (total(heard, name).ok, heard.views[name].open[0].host) == (1, "here")


async def test_a_store_that_is_away_is_no_answer() -> None:
    away = MemoryFleet(HandClock())
    away.away = True
    for store in (away, RedisFleet(Redis("redis://127.0.0.1:9/0"))):
        with pytest.raises(StoreUnavailable):
            await Process(OnRedis(store, redis.Redis())).tell()
        with pytest.raises(StoreUnavailable):
            await store.lease_probe("u", "a")
        with pytest.raises(StoreUnavailable):
            await store.free_probe("u", "a")
