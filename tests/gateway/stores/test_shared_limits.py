"""Admission as several processes have it: each with its own connection to the one Redis."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis
from django.conf import settings

from gateway.admission import Admission
from gateway.errors import RateLimitExceeded
from gateway.limits import Limits
from gateway.ports import Principal
from gateway.stores.memory_purses import MemoryBooks
from gateway.stores.redis import Redis
from tests.fakes.engines import at_port, redis_number
from tests.fakes.proxy import proxied
from tests.fakes.purses import asked, limiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

OWNER = Principal(
    key_id=uuid4(),
    workspace_id=uuid4(),
    expires_at_ms=None,
    limits=Limits.of(10, 1_000_000, 100),
    key_limits=Limits.of(12, 1_000_000, 100),
)
SIX_AT_ONCE = replace(OWNER, limits=Limits.of(100, 1_000_000, 6), key_limits=None)


@pytest.fixture
def url() -> Iterator[str]:
    with redis_number(settings.REDIS_URL) as url:
        yield url


class Process:
    """One process's admission."""

    def __init__(self, url: str, name: str, patience: float) -> None:
        self.redis = Redis(url, patience=patience)
        self.limiter = limiter(self.redis, name, MemoryBooks())
        self._admission = Admission(1000, self.limiter, lambda: 0.0)

    async def ask(self, held: asyncio.Event | None = None, owner: Principal = OWNER) -> bool:
        """Ask for a permit, keep it until `held`, and tell whether there was one."""
        try:
            async with self._admission.permit(asked(owner, uuid4().int, 40), list):
                if held is not None:
                    await held.wait()
        except RateLimitExceeded:
            return False
        return True


@asynccontextmanager
async def processes(*urls: str, patience: float = 20.0) -> AsyncIterator[list[Process]]:
    async with asyncio.TaskGroup() as group:
        started = [Process(url, f"process {number}", patience) for number, url in enumerate(urls)]
        keeping = [group.create_task(each.redis.keep()) for each in started]
        for each in started:
            await each.redis.tried()
        yield started
        for task in keeping:
            task.cancel()


@pytest.mark.conformance(140)
async def test_a_limit_is_exact_over_processes(url: str) -> None:
    async with processes(url, url) as (one, two):
        passed = await asyncio.gather(*(each.ask() for _ in range(10) for each in (one, two)))
    assert passed.count(True) == 10


@pytest.mark.conformance(140)
async def test_so_many_run_at_once_over_processes_and_their_ends_make_room(url: str) -> None:
    async with processes(url, url) as (one, two):
        held = asyncio.Event()
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(each.ask(held, SIX_AT_ONCE)) for _ in range(5) for each in (one, two)]
        done, _ = await asyncio.wait(tasks, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 4:
            more, _ = await asyncio.wait(set(tasks) - done, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        assert [task.result() for task in done] == [False] * 4
        held.set()
        assert [await task for task in tasks].count(True) == 6
        for each in (one, two):
            await each.limiter.renew()  # after the ends, on each one's connection
        assert await one.ask(owner=SIX_AT_ONCE)


async def test_processes_know_of_each_other(url: str) -> None:
    async with processes(url, url) as (one, two):
        await one.limiter.renew()
        await two.limiter.renew()
        await one.limiter.renew()
        assert (one.limiter.processes, two.limiter.processes) == (2, 2)


async def test_a_redis_that_goes_away_midway_leaves_each_process_its_share(url: str) -> None:
    there = urlsplit(url)
    async with (
        proxied(there.hostname or "", there.port or 6379, silent_from=b"nothing") as proxy,
        processes(at_port(url, proxy.port), url, patience=0.5) as (one, two),
    ):
        for each in (one, two, one):
            await each.limiter.renew()
        assert await one.ask()
        proxy._silent_from = OWNER.workspace_id.hex.encode()
        assert [await one.ask() for _ in range(6)] == [True] * 5 + [False]  # half of ten
        assert one.redis.away
        assert await two.ask()
        proxy.release()
        async with asyncio.timeout(30):
            while one.redis.away:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        assert [await one.ask() for _ in range(9)].count(True) >= 7  # of what is left in Redis


async def test_what_is_kept_in_redis_goes_by_itself(url: str) -> None:
    async with processes(url) as (one,):
        assert await one.ask()
        await one.limiter.renew()
    with redis.Redis.from_url(url) as client:
        left = {key.decode(): client.pttl(key) for key in client.scan_iter()}
    del left["pylo:tests:owner"]
    purses = {name: left.pop(name) for name in list(left) if name.startswith("pylo:purse")}
    assert all(name.startswith("pylo:") and 0 < ttl <= 121_000 for name, ttl in left.items())
    assert len(left) == 4  # two holders' buckets, the processes, the ping
    assert len(purses) == 3  # one, and which life of Redis this is, and who has told what it holds
