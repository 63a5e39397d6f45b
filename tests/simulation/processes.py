"""One gateway process: the parts as `gateway.runtime` puts them together, but for the network and the stores."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts import tokens
from gateway.admission import Admission
from gateway.app import Gateway, Parts
from gateway.attempt import Attempts
from gateway.catalog import Catalog
from gateway.claims import Claims
from gateway.config import GatewayConfig, Upstream
from gateway.deadlines import Deadlines
from gateway.drain import Drain
from gateway.idempotency import Identities
from gateway.limiter import Limiter
from gateway.management import Management
from gateway.orders import Drains
from gateway.overload import Bounds, Overload
from gateway.ports import Price, Principal
from gateway.runtime import offer_of
from gateway.upstream import Client
from gateway.wallets import Wallets
from tests.fakes.clock import LoopClock
from tests.fakes.metrics import unseen
from tests.fakes.portal import Portal
from tests.simulation import invariants, limits
from tests.simulation.claims import SimulatedClaims
from tests.simulation.clients import MODEL, Exchange
from tests.simulation.dice import dice
from tests.simulation.journal import SimulatedJournal
from tests.simulation.meeting import Seat, WatchedFleet, WatchedRouting
from tests.simulation.network import Wire
from tests.simulation.purses import SimulatedPurses

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.limits import Limits
    from gateway.stores.memory import MemoryKeys, MemoryPrices
    from tests.simulation.network import Call
    from tests.simulation.plans import ProcessPlan, SeedPlan
    from tests.simulation.world import World

PEPPER = "a-pepper-of-the-simulation-that-protects-nothing"
TOKEN = tokens.mint(bytes(tokens.ENTROPY_BYTES))
DEADLINES = Deadlines()
answered: ContextVar[Exchange] = ContextVar("answered")  # by the running task


class Process:
    """One gateway process. Its death takes all it holds with it; another stands in its place a little later."""

    def __init__(self, world: World, number: int, plan: ProcessPlan) -> None:
        throw = dice(world.seed, "process", number, world.now())
        self.world = world
        self.number = number
        self.plan = plan
        self.dead = False
        self.tasks: set[asyncio.Task[None]] = set()
        self.serial = 0
        self.calls: list[Call] = []  # that are open
        self.journal = SimulatedJournal(world, throw, slow=plan.slow, failing=plan.failing)
        self._beside: set[asyncio.Task[None]] = set()
        self.purses = SimulatedPurses(self)
        wallets = Wallets(
            world.money.books, self.purses, self.purses.mine, LoopClock(), self._spawn, self.purses.writer
        )
        self.limiter = Limiter(limits.Seat(world.limits, self.purses), wallets, LoopClock(), len(world.plan.processes))
        self.admission = Admission(world.plan.most_in_flight, self.limiter, throw.random)
        self.claimed = SimulatedClaims(world.claimed, world.meeting)
        self.drain = Drain()
        self.overload = Overload(world.config.bounds, throw.random)
        clock, config = LoopClock(), world.config
        identities = Identities(config.idempotency_secret)
        self.claims = Claims(identities, self.claimed, world.charged, clock, throw.random)
        client = Client(Wire(world.network, self), config.deadlines, clock)
        self.routing = WatchedRouting(
            config.upstreams, config.breaker, draw=throw.random, now=clock.seconds(), host=plan.host
        )
        self.routing.process = self
        self.seat = Seat(self)
        self._drains = Drains(self.routing, world.operator, [each.name for each in config.upstreams])
        self._fleet = WatchedFleet(
            self.routing,
            self.seat,
            clock,
            host=plan.host,
            process=f"{number}-{world.now()}",
            draw=throw.random,
            ordered=self._drains.changed,
        )
        self._fleet.world = world
        board = unseen()
        self.gateway = Gateway(
            Parts(
                config=config,
                clock=clock,
                entropy=self._entropy,
                keys=world.keys,
                catalog=Catalog(offer_of(config), world.prices),
                admission=self.admission,
                claims=self.claims,
                attempts=Attempts(client, self.routing, self.journal, config.deadlines, clock, throw.random),
                journal=self.journal,
                drain=self.drain,
                overload=self.overload,
                metrics=board.metrics,
                scrape=board.endpoint,
                management=Management(Portal(), "pylo.example", secure=True),
            )
        )

    async def open(self) -> None:
        """Begin what a process does beside its requests, as `gateway.runtime` has it."""
        await self._drains.look()
        self.world.meeting.changed_at = self.world.now()
        beside = (self._drains.run(), self._fleet.run(), self.claims.keep(), self.limiter.keep())
        for work in (*beside, self.limiter.wallets.keep()):
            self._spawn(work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._served)
        task.add_done_callback(self._beside.discard)
        self._beside.add(task)

    async def close(self) -> None:
        beside = tuple(self._beside)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        self.world.money.ended(self.purses)
        self.world.meeting.changed_at = self.world.now()

    @property
    def running(self) -> Exchange:
        """The exchange that asks."""
        return answered.get()

    def _entropy(self, count: int) -> bytes:
        """Give each request its exchange's serial for entropy, by which everything that is its own is known."""
        return self.serial.to_bytes(count, "big")

    def called(self, call: Call) -> None:
        if not self.journal.is_durable(call.uid):
            self.world.broken("durable", f"{call.name} is called before the journal has the admission", call.serial)
        self.calls = [call for call in self.calls if call.closed_at is None] + [call]
        exchange = self.world.exchanges[call.serial]
        if self.world.operator.forbids(call.name, self.world.now() - exchange.waited):
            self.world.broken("drain", f"{call.name} is called, and drained", call.serial)
        limits.of_a_call(exchange)
        taken = sum(each.name == call.name for each in self.calls)
        if taken > self.world.plan.concurrency:
            self.world.broken("places", f"{call.name} has {taken} calls of one process", call.serial)

    def serve(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(exchange))
        self.tasks.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.world.broken("crash", f"{type(error).__name__}: {error}")

    async def _serve(self, exchange: Exchange) -> None:
        answered.set(exchange)
        self.serial = exchange.serial
        await exchange.serve()
        if not exchange.dead:
            invariants.of_an_exchange(exchange)

    async def die(self) -> None:
        self.dead = self.journal.dead = self.claimed.dead = True
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.close()


def config_of(plan: SeedPlan) -> GatewayConfig:
    return GatewayConfig(
        model=MODEL,
        upstreams=tuple(
            Upstream(
                name=backend.name,
                dialect=dialect,
                base_url=f"https://{backend.name}.test/v1",
                key="up-key",
                model="kimi-k2.6",
                priority=priority,
                concurrency=plan.concurrency,
            )
            for backend, dialect, priority in zip(plan.backends, plan.dialects, plan.priorities, strict=True)
        ),
        peppers=(PEPPER,),
        database_url="",
        redis_url="",
        journal_dir=Path("unused"),
        host="simulation",
        idempotency_secret=bytes(32),
        max_body_bytes=2**20,
        most_in_flight=plan.most_in_flight,
        deadlines=DEADLINES,
        breaker=plan.breaker,
        bounds=Bounds(body_bytes=plan.body_bytes),
    )


def furnish(keys: MemoryKeys, prices: MemoryPrices, may: Limits) -> None:
    owner = Principal(key_id=UUID(int=1), workspace_id=UUID(int=2), expires_at_ms=None, limits=may)
    keys.add(tokens.digest(TOKEN, PEPPER), owner)
    price = Price(id=UUID(int=3), input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at_ms=0, ends_at_ms=None)
    prices.add(MODEL, price)
