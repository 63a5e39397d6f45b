"""One seed's world: gateways as they are, on a virtual loop, a scripted network and twins of the stores."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from accounts import tokens
from gateway.admission import Admission
from gateway.app import Gateway, Parts
from gateway.attempt import Attempts
from gateway.catalog import Catalog
from gateway.config import GatewayConfig, Upstream
from gateway.deadlines import Deadlines
from gateway.drain import Drain
from gateway.ports import Price, Principal
from gateway.runtime import offer_of
from gateway.stores.memory import MemoryKeys, MemoryPrices
from gateway.upstream import Client
from tests.fakes.clock import LoopClock
from tests.simulation import clients, invariants
from tests.simulation.clients import MODEL, Exchange
from tests.simulation.dice import dice
from tests.simulation.journal import SimulatedJournal
from tests.simulation.network import Network, Wire, serial_of
from tests.simulation.trace import WORLD, Broken, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.usage import RequestRecord
    from tests.simulation.network import Call
    from tests.simulation.plans import ClientPlan, ProcessPlan, SeedPlan

PEPPER = "a-pepper-of-the-simulation-that-protects-nothing"
TOKEN = tokens.mint(bytes(tokens.ENTROPY_BYTES))
DEADLINES = Deadlines()
_exchange: ContextVar[Exchange] = ContextVar("exchange")


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
        self.journal = SimulatedJournal(world, throw, slow=plan.slow, failing=plan.failing)
        self.admission = Admission(world.plan.most_in_flight)
        self.drain = Drain()
        clock, config = LoopClock(), world.config
        client = Client(Wire(world.network, self), config.deadlines)
        self.gateway = Gateway(
            Parts(
                config=config,
                clock=clock,
                entropy=self._entropy,
                keys=world.keys,
                catalog=Catalog(offer_of(config), world.prices),
                admission=self.admission,
                attempts=Attempts(client, config.deadlines),
                journal=self.journal,
                drain=self.drain,
            )
        )

    def _entropy(self, count: int) -> bytes:
        """Give each request its exchange's serial for entropy, by which everything that is its own is known."""
        return self.serial.to_bytes(count, "big")

    def called(self, call: Call) -> None:
        if not self.journal.is_durable(call.uid):
            self.world.broken("durable", f"{call.name} is called before the journal has the admission", call.serial)

    def serve(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(exchange))
        self.tasks.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.world.broken("crash", f"{type(error).__name__}: {error}")

    async def _serve(self, exchange: Exchange) -> None:
        _exchange.set(exchange)
        self.serial = exchange.serial
        await exchange.serve()
        if not exchange.dead:
            invariants.of_an_exchange(exchange)

    async def die(self) -> None:
        self.dead = self.journal.dead = True
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class World:
    def __init__(self, plan: SeedPlan) -> None:
        self.plan = plan
        self.seed = plan.seed
        self.trace = Trace()
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.loop.set_exception_handler(self._unheard)
        self.exchanges: dict[int, Exchange] = {}
        self.records: dict[UUID, RequestRecord] = {}
        self.found: list[Broken] = []
        self.open_calls = 0
        self.headers = [(b"authorization", b"Bearer " + TOKEN.secret.encode())]
        self.config = _config(plan)
        self.keys, self.prices = MemoryKeys(), MemoryPrices()
        _furnish(self.keys, self.prices)
        self.network = Network(self, {backend.name: backend for backend in plan.backends})
        self.processes = [Process(self, number, each) for number, each in enumerate(plan.processes)]
        self.past: list[Process] = []

    async def run(self) -> None:
        """Play the seed to its end; raise the first `Broken`."""
        async with asyncio.TaskGroup() as group:
            troubles = [group.create_task(self._trouble(number)) for number in range(len(self.processes))]
            keys = group.create_task(self._keys_away())
            async with asyncio.TaskGroup() as acting:
                for plan in self.plan.clients:
                    acting.create_task(clients.act(self, plan))
            while any(process.tasks for process in self.processes):
                await asyncio.gather(*(task for process in self.processes for task in process.tasks))
            for task in (*troubles, keys):
                task.cancel()
        invariants.of_the_world(self)
        if self.found:
            raise self.found[0]

    def send(self, plan: ClientPlan, request_id: str, body: bytes) -> Exchange | None:
        """Begin an exchange with the process that the client is sent to; None where nobody listens."""
        process = self.processes[plan.process]
        if process.dead:
            return None
        serial = len(self.exchanges) + 1
        exchange = Exchange(self, serial, plan, request_id, body, process, self.now())
        self.exchanges[serial] = exchange
        exchange.tell(f"asks process {process.number} as {serial}: {plan}")
        process.serve(exchange)
        return exchange

    async def _trouble(self, number: int) -> None:
        """Let a process die or drain at its time, and its disk be full for a while."""
        plan = self.plan.processes[number]
        ends = min(plan.dies_at, plan.drains_at)
        moments = sorted(moment for moment in (*plan.disk_full, ends) if moment < inf)
        for moment in moments:
            await asyncio.sleep(moment - self.now())
            process = self.processes[number]
            if moment == ends:
                await self._replace(process)
            else:
                process.journal.full = moment == plan.disk_full[0]
                self._tell(f"process {number}: disk {'full' if process.journal.full else 'has room'}")

    async def _replace(self, process: Process) -> None:
        if process.plan.dies_at < inf:
            self._tell(f"process {process.number} dies")
            await process.die()
        else:
            self._tell(f"process {process.number} drains")
            await process.drain.end(10.0)
            await asyncio.gather(*process.tasks)
            process.dead = True
            invariants.of_a_process(process)
        self.past.append(process)
        await asyncio.sleep(1.0)
        self.processes[process.number] = Process(self, process.number, process.plan)

    async def _keys_away(self) -> None:
        begins, ends = self.plan.keys_away
        if begins < inf:
            await asyncio.sleep(begins)
            self.keys.away = True
            await asyncio.sleep(ends - begins)
            self.keys.away = False

    def _tell(self, what: str) -> None:
        self.trace.add(self.now(), WORLD, "world", what)

    def waited(self, seconds: float) -> None:
        """Note how long the running exchange waited for its journal."""
        _exchange.get().waited += seconds

    def settled(self, record: RequestRecord) -> None:
        if record.uid in self.records:
            self.broken("settle", f"{record.uid} is settled twice", serial_of(record.uid))
        self.records[record.uid] = record

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:  # noqa: ARG002 - asyncio's
        self.broken("crash", f"nobody heard of {context}")

    def broken(self, rule: str, what: str, serial: int = WORLD) -> None:
        """Note what does not hold. It is not raised here: the gateway would catch it."""
        self.trace.add(self.now(), serial, "BROKEN", f"{rule}: {what}")
        self.found.append(Broken(rule, what, serial))


def _config(plan: SeedPlan) -> GatewayConfig:
    return GatewayConfig(
        model=MODEL,
        upstreams=tuple(
            Upstream(
                name=backend.name,
                dialect=dialect,
                base_url=f"https://{backend.name}.test/v1",
                key="up-key",
                model="kimi-k2.6",
                priority=1 + number,
                concurrency=plan.concurrency,
            )
            for number, (backend, dialect) in enumerate(zip(plan.backends, plan.dialects, strict=True))
        ),
        peppers=(PEPPER,),
        database_url="",
        redis_url="",
        journal_dir=Path("unused"),
        host="simulation",
        max_body_bytes=2**20,
        most_in_flight=plan.most_in_flight,
        deadlines=DEADLINES,
    )


def _furnish(keys: MemoryKeys, prices: MemoryPrices) -> None:
    owner = Principal(key_id=UUID(int=1), workspace_id=UUID(int=2), expires_at_ms=None, spendable_nanos=10**12)
    keys.add(tokens.digest(TOKEN, PEPPER), owner)
    price = Price(id=UUID(int=3), input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at_ms=0, ends_at_ms=None)
    prices.add(MODEL, price)
