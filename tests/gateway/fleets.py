"""Several processes of a gateway in skipped time: real routing, real background loops, one meeting place."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.breaker.views import State
from gateway.config import Upstream
from gateway.faults import FaultKind, UpstreamFault
from gateway.fleet import Fleet
from gateway.routing import Routing
from gateway.stores.memory_fleet import MemoryFleet
from tests.fakes.clock import LoopClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.breaker.views import UpstreamView

PRIMARY, FALLBACK = "primary", "fallback"
SLOW_AFTER = 4.0
LOOK_SECONDS = 0.5
FAILED = UpstreamFault(FaultKind.STATUS, status=500)
UNREACHED = UpstreamFault(FaultKind.CONNECT)


@dataclass
class Call:
    """One call of the primary."""

    at: float
    process: Process
    probe: bool


@dataclass
class Process:
    host: str
    routing: Routing
    fleet: Fleet
    fault: UpstreamFault | None = None  # what this process's calls of the primary meet

    def primary(self, now: float) -> UpstreamView:
        (view,) = [view for view in self.routing.views(now) if view.name == PRIMARY]
        return view


class Processes:
    """Build it inside `skipping`. The first run of `go` starts the background loops."""

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        seed: int = 1,
        store: MemoryFleet | None = None,
        upstreams: Sequence[str] = (PRIMARY, FALLBACK),
    ) -> None:
        self._upstreams = upstreams
        self.store = store or MemoryFleet(LoopClock())
        self.calls: list[Call] = []
        self.orders = 0  # how often a process heard of a new one
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self.all = [self._process(index, host) for index, host in enumerate(hosts)]
        self.asked = self.all  # those that get requests
        self.states = [State.CLOSED] * len(self.all)  # of the primary's breakers, when last looked at
        self.opened: dict[int, float] = {}  # by process: when its primary's breaker first was seen open

    def _process(self, index: int, host: str) -> Process:
        draw = self._random.random
        upstreams = [
            Upstream(name=name, dialect="vllm", base_url=f"https://{name}/v1", key="k", model="m", priority=priority)
            for priority, name in enumerate(self._upstreams, 1)
        ]
        routing = Routing(upstreams, draw=draw, now=0.0, host=host)
        fleet = Fleet(
            routing, self.store, LoopClock(), host=host, process=str(index), draw=draw, ordered=self._note_order
        )
        return Process(host, routing, fleet)

    def _note_order(self) -> None:
        self.orders += 1

    def fail(self, fault: UpstreamFault | None, *processes: Process) -> None:
        """Let all calls of the primary fail, those of these processes or of all."""
        for process in processes or self.all:
            process.fault = fault

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def go(self, seconds: float, *, rate: float, until: Callable[[], bool] = lambda: False) -> float:
        """Let up to `seconds` pass while those of `asked` are, `rate` times a second each; return how many did."""
        begun = self.now()
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(process.fleet.run()) for process in self.all]
            asking = [group.create_task(self._asked(process, rate)) for process in self.asked]
            while self.now() - begun < seconds and not until():
                await asyncio.sleep(LOOK_SECONDS)
                self._look()
            for task in (*loops, *asking):
                task.cancel()
        return self.now() - begun

    async def _asked(self, process: Process, rate: float) -> None:
        await asyncio.sleep(self._random.random() / rate)
        while True:
            self._ask(process)
            await asyncio.sleep((0.5 + self._random.random()) / rate)

    def _look(self) -> None:
        self.states = [process.primary(self.now()).state for process in self.all]
        for index, state in enumerate(self.states):
            if state is not State.CLOSED:
                self.opened.setdefault(index, self.now())

    def _ask(self, process: Process) -> None:
        """Answer one request at once: by the primary, else by the fallback."""
        now = self.now()
        lease = process.routing.lease(now, slow_after=SLOW_AFTER)
        assert lease is not None
        if lease.upstream.name == PRIMARY:
            self.calls.append(Call(now, process, lease.probe))
            if process.fault is not None:
                lease.failed(process.fault, now)
                lease.release(now)
                lease = process.routing.lease(now, slow_after=SLOW_AFTER, tried=(PRIMARY,))
                assert lease is not None
        lease.first_token(now)
        lease.release(now)
