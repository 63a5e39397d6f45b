"""One process's money: its memory, and the twins of what it shares with others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateway.admission import Asked
from gateway.holds import Holds
from gateway.limiter import Limiter
from gateway.limits import FREE
from gateway.ports import Price
from gateway.purses_local import Purses
from gateway.stores.limits import RedisLimits
from gateway.stores.memory_purses import MemoryBooks, MemoryLimits, MemoryPurses
from gateway.stores.purses import RedisPurses
from gateway.wallets import Wallets
from tests.fakes.clock import LoopClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.ports import Clock, Principal
    from gateway.purse_ports import Books
    from gateway.purses import Wanted
    from gateway.stores.redis import Redis

PRICE = Price(id=UUID(int=3), input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at_ms=0, ends_at_ms=None)
_beside: set[asyncio.Task[None]] = set()


async def settled() -> None:
    """Return once nothing runs beside."""
    while tasks := [task for task in _beside if task.get_loop() is asyncio.get_running_loop()]:
        await asyncio.wait(tasks)


def spawn(work: Coroutine[Any, Any, None]) -> None:
    """Run it beside the test."""
    task = asyncio.get_running_loop().create_task(work)
    _beside.add(task)
    task.add_done_callback(_beside.discard)


@dataclass(frozen=True, slots=True)
class Purse:
    holds: Holds
    books: MemoryBooks
    store: MemoryPurses
    wallets: Wallets
    limits: MemoryLimits
    limiter: Limiter

    @classmethod
    def of(
        cls,
        clock: Clock,
        *,
        writer: str = "one",
        purses: Purses | None = None,
        books: MemoryBooks | None = None,
        processes: int = 1,
    ) -> Purse:
        holds, books = Holds(), books or MemoryBooks()
        store = MemoryPurses(purses or Purses(), writer, holds)
        wallets = Wallets(books, store, holds, clock, spawn, writer)
        limits = MemoryLimits(clock, store)
        return cls(holds, books, store, wallets, limits, Limiter(limits, wallets, clock, processes))


def limiter(redis: Redis, name: str, books: Books) -> Limiter:
    """Return a process's, with its purses in Redis."""
    holds, clock = Holds(), LoopClock()
    purses = RedisPurses(redis, name, holds)
    wallets = Wallets(books, purses, holds, clock, spawn, name)
    return Limiter(RedisLimits(redis, name, purses), wallets, clock, 1)


def asked(owner: Principal, number: int, body_bytes: int = 0, wanted: Wanted = FREE, at_ms: int = 0) -> Asked:
    uid = UUID(int=number)
    return Asked(principal=owner, uid=uid, body_bytes=body_bytes, wanted=wanted, price=PRICE, at_ms=at_ms)
