"""Routing under a simulated day: requests arrive at random, upstreams answer as a script says. Seeded; no clock runs.

Every attempt is decided when it begins, from what its upstream is then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from gateway.breaker.views import State
from gateway.config import Upstream
from gateway.faults import FaultKind, UpstreamFault
from gateway.routing import Routing
from tests.gateway.breaker.fleet import Fleet

if TYPE_CHECKING:
    from gateway.routing import Lease

FIRST_TOKEN, SLOW_AFTER = 8.0, 4.0  # the deadline and the slow mark of every request here
ANSWER = 10.0  # the longest answer after its first token
DOWN = UpstreamFault(FaultKind.STATUS, status=503)
HUNG = UpstreamFault(FaultKind.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Health:
    """How an upstream answers: a share of its calls with a 503 after 50 ms, the others with a first token."""

    errors: float = 0.0
    token: float | None = None  # always after so many seconds; None: around 0.8

    def after(self, chance: Random) -> tuple[float, UpstreamFault | None]:
        if self.errors and chance.random() < self.errors:
            return 0.05, DOWN
        return (chance.lognormvariate(-0.2, 0.4) if self.token is None else self.token), None


WELL = Health()
HARD = Health(errors=1.0)
HANG = Health(token=1e9)
MOSTLY = Health(errors=0.6)
SLOW = Health(token=6.0)

Weather = Callable[[float], Health]  # the primary's, at a time


@dataclass(slots=True)
class Seen:
    """Of the primary, but for the first four."""

    requests: list[float] = field(default_factory=list)  # when they came
    failovers: int = 0
    errors: int = 0  # that a customer saw
    sheds: int = 0  # of them
    called: list[float] = field(default_factory=list)  # when
    opened: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)
    probes: int = 0
    failed_probes: int = 0
    probing: int = 0  # now, in all processes together
    most_probing: int = 0


def upstream(name: str, priority: int) -> Upstream:
    base = "http://127.0.0.1:1"
    return Upstream(name=name, dialect="openai", base_url=base, key="k", model="m", priority=priority, concurrency=9999)


@dataclass(slots=True)
class Simulation:
    """`rate` requests a second in all; each comes to one of the processes, by chance."""

    rate: float
    weather: Weather
    seed: int
    base: float = 0.0  # the share of errors of an upstream that is well
    hosts: tuple[str, ...] = ("one",)  # a process on each
    unplugged: str = ""  # the host whose calls of the primary all hang
    seen: Seen = field(default_factory=Seen)
    chance: Random = field(init=False)
    processes: list[Routing] = field(init=False)
    fleet: Fleet = field(init=False)
    states: list[State] = field(init=False)
    events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - a simulation's, to be repeated
        upstreams = (upstream("primary", 1), upstream("fallback", 2))
        self.processes = [Routing(upstreams, draw=self.chance.random, now=0.0, host=host) for host in self.hosts]
        self.states = [State.CLOSED] * len(self.hosts)
        self.fleet = Fleet(self.processes, self.hosts)

    def run(self, until: float) -> Seen:
        for process in range(len(self.hosts)):
            self._at(process / len(self.hosts), partial(self._tick, process))
        self._at(self.chance.expovariate(self.rate), self._arrive)
        while self.events[0][0] < until:
            at, _, act = heappop(self.events)
            act(at)
        return self.seen

    def _at(self, when: float, act: Callable[[float], None]) -> None:
        heappush(self.events, (when, next(self.order), act))

    def _tick(self, process: int, now: float) -> None:
        self.fleet.tick(process, now)
        self._look(process, now)
        self._at(now + 1, partial(self._tick, process))

    def _look(self, process: int, now: float) -> None:
        breaker = self.processes[process]._routes["primary"].breaker  # a view of it counts its window, which is slower
        if breaker.state is not self.states[process]:
            self.states[process] = breaker.state
            if breaker.state is State.OPEN:
                self.seen.opened.append(now)
                self.seen.reasons.append(breaker.reason or "")
            if breaker.state is State.CLOSED:
                self.seen.closed.append(now)

    def _arrive(self, now: float) -> None:
        self._at(now + self.chance.expovariate(self.rate), self._arrive)
        self.seen.requests.append(now)
        process = int(self.chance.random() * len(self.processes))
        self._attempt(process, (), now)

    def _attempt(self, process: int, tried: tuple[str, ...], now: float) -> None:
        lease = self.processes[process].lease(now, slow_after=SLOW_AFTER, tried=tried)
        if lease is None:
            self.seen.sheds += not tried
            self.seen.errors += 1
            return
        health = WELL
        if lease.upstream.name == "primary":
            health = HANG if self.hosts[process] == self.unplugged else self.weather(now)
            self.seen.called.append(now)
            self._probes(lease, +1)
        after, fault = (Health(errors=self.base) if health is WELL else health).after(self.chance)
        patience = lease.patience or FIRST_TOKEN
        if after > patience:
            after, fault = patience, HUNG
        if fault is None:
            self._at(now + after, partial(self._begin, process, lease))
        else:
            self._at(now + after, partial(self._fail, process, lease, fault, tried))

    def _probes(self, lease: Lease, change: int) -> None:
        if lease.probe:
            self.seen.probes += change > 0
            self.seen.probing += change
            self.seen.most_probing = max(self.seen.most_probing, self.seen.probing)

    def _begin(self, process: int, lease: Lease, now: float) -> None:
        lease.first_token(now)
        self._probes(lease, -1)
        self._at(now + ANSWER * self.chance.random(), lease.release)
        self._look(process, now)

    def _fail(self, process: int, lease: Lease, fault: UpstreamFault, tried: tuple[str, ...], now: float) -> None:
        lease.failed(fault, now)
        lease.release(now)
        self._probes(lease, -1)
        self.seen.failed_probes += lease.probe
        self._look(process, now)
        if tried:
            self.seen.errors += 1
        else:
            self.seen.failovers += 1
            self._attempt(process, (lease.upstream.name,), now)


def outage(health: Health, begins: float, ends: float) -> Weather:
    return lambda now: health if begins <= now < ends else WELL
