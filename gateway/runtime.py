"""The composition root: builds the parts inside the running loop, at the first request, and owns every task."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gateway import upstream, vitals
from gateway.abilities import sampling
from gateway.admission import Admission
from gateway.app import Gateway, Parts
from gateway.attempt import Attempts
from gateway.cards import Offer
from gateway.catalog import Catalog
from gateway.claims import Claims
from gateway.drain import Drain
from gateway.fleet import Fleet
from gateway.holds import Holds
from gateway.http.transport import Transport
from gateway.idempotency import Identities
from gateway.journal import Journal
from gateway.limiter import Limiter
from gateway.management import Management
from gateway.metrics.board import Board
from gateway.metrics.gauges import Load
from gateway.orders import Drains
from gateway.overload import Overload
from gateway.ports import StoreUnavailable
from gateway.routing import Routing
from gateway.stores import revocations
from gateway.stores.books import PostgresBooks
from gateway.stores.fleet import RedisFleet
from gateway.stores.idempotency import RedisClaims
from gateway.stores.keys import CachedKeys
from gateway.stores.limits import RedisLimits
from gateway.stores.postgres import Postgres
from gateway.stores.prices import CachedPrices
from gateway.stores.purses import RedisPurses
from gateway.stores.redis import Redis
from gateway.wallets import Wallets

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    import httpx

    from gateway.asgi import App, Receive, Scope, Send
    from gateway.breaker.views import UpstreamView
    from gateway.config import GatewayConfig

FLUSH_USES_SECONDS = 60.0
ORDERS_SECONDS = 1.0  # that a start waits for an operator's orders, at most

log = logging.getLogger("pylo.gateway")


def offer_of(config: GatewayConfig) -> Offer:
    dialects = {upstream.dialect for upstream in config.upstreams}
    return Offer(model=config.model, sampling=sampling(dialects), retires=config.retires)


class SystemClock:
    def ms(self) -> int:
        return time.time_ns() // 1_000_000

    def seconds(self) -> float:
        return time.monotonic()


class Runtime:
    """One process's gateway, with what it holds open."""

    def __init__(self, config: GatewayConfig, transport: httpx.AsyncBaseTransport, management: App) -> None:
        clock = self._clock = SystemClock()
        self._config = config
        self._tasks: set[asyncio.Task[None]] = set()
        self._postgres = Postgres(config.database_url, retry_patience=config.retry_lookup)
        self.drain = Drain()
        self._overload = Overload(config.bounds, random.random)
        self._keys = CachedKeys(self._postgres.principal, clock, self.spawn)
        process = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.routing = Routing(
            config.upstreams, config.breaker, draw=random.random, now=clock.seconds(), host=config.host
        )
        self._redis = Redis(config.redis_url)
        name = f"{clock.ms()}-{process}"  # never twice, whatever the clock does
        holds = Holds()
        purses = RedisPurses(self._redis, f"{config.host}/{name}", holds)
        books = PostgresBooks(self._postgres)
        self._wallets = Wallets(books, purses, holds, clock, self.spawn, f"{config.host}/{name}")
        limits = RedisLimits(self._redis, f"{config.host}-{process}", purses)
        self._limiter = Limiter(limits, self._wallets, clock, config.processes)
        names = [upstream.name for upstream in config.upstreams]
        self._drains = Drains(self.routing, self._postgres, names)
        self._fleet = Fleet(
            self.routing,
            RedisFleet(self._redis),
            clock,
            host=config.host,
            process=process,
            draw=random.random,
            ordered=self._drains.changed,
        )
        identities = Identities(config.idempotency_secret)
        self._claims = Claims(identities, RedisClaims(self._redis), self._postgres, clock, random.random)
        self._client = upstream.Client(transport, config.deadlines, clock)
        self._board = Board(config.metrics_token, config.metrics_dir, self._load, self._views)
        self._journal = Journal(config.journal_dir / config.host / name, timed=self._board.metrics.synced)
        self._admission = Admission(config.most_in_flight, self._limiter, random.random)
        parts = Parts(
            config=config,
            clock=clock,
            entropy=secrets.token_bytes,
            keys=self._keys,
            catalog=Catalog(offer_of(config), CachedPrices(self._postgres.prices, clock, self.spawn)),
            admission=self._admission,
            claims=self._claims,
            attempts=Attempts(self._client, self.routing, self._journal, config.deadlines, clock, random.random),
            journal=self._journal,
            drain=self.drain,
            overload=self._overload,
            metrics=self._board.metrics,
            scrape=self._board.endpoint,
            management=Management(management, config.public_host, secure=config.secure),
        )
        self.gateway = Gateway(parts)

    def _load(self) -> Load:
        lag = self._overload.lag.median(self._clock.seconds())
        return Load(self._admission.in_flight, self._overload.body_bytes, lag)

    def _views(self) -> Sequence[UpstreamView]:
        return self.routing.views(self._clock.seconds())

    async def open(self) -> None:
        await self._postgres.open()
        with suppress(TimeoutError):  # what is drained must not take the first request
            async with asyncio.timeout(ORDERS_SECONDS):
                await self._drains.look()
        self.spawn(self._redis.keep())
        await self._redis.tried()
        self.spawn(self._limiter.keep())
        self.spawn(self._wallets.keep())
        self.spawn(self._drains.run())
        self.spawn(self._fleet.run())
        self.spawn(revocations.listen(self._config.redis_url, self._keys))
        await self._redis.tried()
        self.spawn(self._claims.keep())
        self.spawn(self._flush_uses())
        self.spawn(vitals.watch(self._overload, self._config.journal_dir))
        self.spawn(self._board.gauges.run())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the requests; `close` ends it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task ended", extra={"crash": type(error).__qualname__})

    async def close(self) -> None:
        """End the tasks, write down what they held, close what is open; requests have been drained by the server."""
        await self._claims.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._write_uses()
        await self._client.close()
        with suppress(StoreUnavailable):
            await self._journal.close()
        await self._postgres.close()
        self._board.close()

    async def _flush_uses(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_USES_SECONDS)
            await self._write_uses()

    async def _write_uses(self) -> None:
        """Coalesced: a busy key costs one update a minute. A use that cannot be written is forgotten, not queued."""
        if used := self._keys.take_used():
            with suppress(StoreUnavailable):
                await self._postgres.note_use(used)


class Application:
    """The ASGI application that a server imports: nothing is opened before the first request.

    `management` answers the paths of the management API; it is asked for whom, and nothing else of the request.
    """

    def __init__(
        self, config: GatewayConfig, management: App, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._config = config
        self._management = management
        self._transport = transport
        self._runtime: Runtime | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime = self._runtime or await self.open()
        await runtime.gateway(scope, receive, send)

    async def open(self) -> Runtime:
        """Open what the gateway needs; the first request does it where the server did not."""
        async with self._opening:
            if self._runtime is None:
                runtime = Runtime(self._config, self._transport or Transport(), self._management)
                await runtime.open()
                self._runtime = runtime
            return self._runtime

    async def drain(self, seconds: float) -> None:
        """Admit no more; return when all that runs has ended, after `seconds` with an error of its own."""
        if self._runtime is not None:
            await self._runtime.drain.end(seconds)

    async def close(self) -> None:
        if self._runtime is not None:
            await self._runtime.close()
            self._runtime = None
