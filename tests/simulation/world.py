"""One seed's world: gateways as they are, on a virtual loop, a scripted network and twins of the stores."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

from gateway.idempotency import LEASE_MS
from gateway.stores.memory import MemoryCharged, MemoryClaims, MemoryKeys, MemoryPrices
from tests.fakes.clock import LoopClock
from tests.simulation import clients, invariants
from tests.simulation.clients import Exchange
from tests.simulation.limits import SimulatedLimits
from tests.simulation.meeting import Meeting, Operator
from tests.simulation.network import Network, serial_of
from tests.simulation.processes import TOKEN, Process, answered, config_of, furnish
from tests.simulation.purses import Money
from tests.simulation.trace import WORLD, Broken, Trace

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping
    from uuid import UUID

    from gateway.usage import RequestRecord
    from tests.simulation.plans import ClientPlan, SeedPlan


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
        self.config = config_of(plan)
        self.keys, self.prices = MemoryKeys(), MemoryPrices()
        self.limits = SimulatedLimits(self)
        self.money = Money(self)
        self.claimed, self.charged = MemoryClaims(LoopClock(), LEASE_MS), MemoryCharged()
        furnish(self.keys, self.prices, plan.limits)
        self.network = Network(self, {backend.name: backend for backend in plan.backends})
        self.meeting, self.operator = Meeting(self), Operator(self)
        self.processes = [Process(self, number, each) for number, each in enumerate(plan.processes)]
        self.past: list[Process] = []

    async def run(self) -> None:
        """Play the seed to its end; raise the first `Broken`."""
        for process in self.processes:
            await process.open()
        async with asyncio.TaskGroup() as group:
            troubles = [group.create_task(each) for each in self._troubles()]
            async with asyncio.TaskGroup() as acting:
                for plan in self.plan.clients:
                    acting.create_task(clients.act(self, plan))
            while any(process.tasks for process in self.processes):
                await asyncio.gather(*(task for process in self.processes for task in process.tasks))
            for task in troubles:
                task.cancel()
        invariants.of_the_world(self)
        for process in self.processes:
            await process.close()
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
        exchange.tell("asks process", process.number, "as", serial, plan)
        process.serve(exchange)
        return exchange

    def _troubles(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield from (self._trouble(number) for number in range(len(self.processes)))
        yield self._keys_away()
        yield self.meeting.fall_ill()
        yield self.operator.give_orders()
        yield self.operator.be_unread()

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
                self.tell(f"process {number}: disk {'full' if process.journal.full else 'has room'}")

    async def _replace(self, process: Process) -> None:
        if process.plan.dies_at < inf:
            self.tell(f"process {process.number} dies")
            await process.die()
        else:
            self.tell(f"process {process.number} drains")
            await process.drain.end(10.0)
            await asyncio.gather(*process.tasks)
            invariants.of_a_process(process)
            await process.close()
            process.dead = True
        self.past.append(process)
        await asyncio.sleep(1.0)
        self.processes[process.number] = replacement = Process(self, process.number, process.plan)
        await replacement.open()

    async def _keys_away(self) -> None:
        begins, ends = self.plan.keys_away
        if begins < inf:
            await asyncio.sleep(begins)
            self.keys.away = True
            await asyncio.sleep(ends - begins)
            self.keys.away = False

    def tell(self, *what: object) -> None:
        self.trace.add(self.now(), WORLD, "world", *what)

    def waited(self, seconds: float) -> None:
        """Note how long the running exchange waited for its journal."""
        answered.get().waited += seconds

    def settled(self, record: RequestRecord) -> None:
        if record.uid in self.records:
            self.broken("settle", f"{record.uid} is settled twice", serial_of(record.uid))
        self.records[record.uid] = record
        self.money.settled(record)

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:  # noqa: ARG002 - asyncio's
        self.broken("crash", f"nobody heard of {context}")

    def broken(self, rule: str, what: str, serial: int = WORLD) -> None:
        """Note what does not hold. It is not raised here: the gateway would catch it."""
        self.trace.add(self.now(), serial, "BROKEN", f"{rule}: {what}")
        self.found.append(Broken(rule, what, serial))
