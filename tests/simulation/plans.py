"""What a seed is made of: the upstreams' health, the processes' troubles, and what each client will do."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from gateway.breaker.settings import BreakerSettings
from tests.simulation.dice import dice
from tests.simulation.limits import limits_of
from tests.simulation.network import Backend, Outage
from tests.simulation.purses import cap_of
from tests.simulation.troubles import NEVER, Troubles, troubles_of

if TYPE_CHECKING:
    from gateway.limits import Limits
    from tests.simulation.dice import Dice

DIALECTS = ("moonshot", "vllm", "sglang", "together", "openai")
KINDS = {"down": 2, "hanging": 3, "failing": 3, "throttling": 2, "anything": 2}
REQUESTS = 16
SECONDS = 60.0
CALM = BreakerSettings()
TOUCHY = BreakerSettings(  # so that a few requests open, probe and close
    grace=0.0,
    run=3,
    few_weight=2,
    timeouts=1,
    burst_calls=3,
    slow_run=2,
    open_first=2.0,
    probes=2,
    ramp_step=1.0,
)
LONG = 80_000  # bytes of a prompt that is given more time


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """One client with one request, which it may send again under the same X-Request-Id."""

    index: int
    at: float
    process: int
    stream: bool
    usage: bool  # asks for it in the stream
    hides: bool  # does not want to see reasoning
    long: bool
    named: bool  # sends an X-Request-Id
    tries: int = 1
    twice: bool = False  # sends it again while the first runs
    uploads_for: float = 0.0  # seconds, for its body
    leaves_after: float = inf
    leaves_at_chunk: int = 0
    reads_after: float = 0.0  # seconds a chunk; inf reads nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPlan:
    host: str = "one"
    dies_at: float = inf  # with everything it holds
    drains_at: float = inf
    disk_full: tuple[float, float] = NEVER
    slow: float = 0.0  # share of its fsyncs
    failing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPlan:
    seed: int
    backends: tuple[Backend, ...]
    dialects: tuple[str, ...]
    priorities: tuple[int, ...]
    concurrency: int
    most_in_flight: int
    body_bytes: int  # that a process may hold
    processes: tuple[ProcessPlan, ...]
    clients: tuple[ClientPlan, ...]
    breaker: BreakerSettings
    limits: Limits
    cap: int
    keys_away: tuple[float, float] = NEVER
    troubles: Troubles = field(default_factory=Troubles)


def plan_of(seed: int) -> SeedPlan:
    throw = dice(seed, "world")
    processes = 1 if throw.chance(0.4) else throw.randint(2, 3)
    names = ("a", "b", "c")[: throw.choices((1, 2, 3), (1, 8, 2))[0]]
    arrivals = dice(seed, "arrivals")
    seconds = arrivals.choice((4.0, 20.0, SECONDS))  # a burst, a busy minute, an idle one
    at, clients = 0.0, []
    for index in range(REQUESTS):
        at += arrivals.expovariate(REQUESTS / seconds)
        clients.append(_client(seed, index, at, processes))
    return SeedPlan(
        seed=seed,
        backends=tuple(_backend(dice(seed, "upstream", name), name, seconds) for name in names),
        dialects=tuple(throw.choice(DIALECTS) for _ in names),
        priorities=(1, 1, 1)[: len(names)] if throw.chance(0.3) else (1, 2, 3)[: len(names)],
        concurrency=throw.choice((1, 3, 256, 256)),
        most_in_flight=throw.choice((3, 1000, 1000, 1000)),
        body_bytes=LONG if throw.chance(0.1) else 2**28,
        processes=tuple(_process(dice(seed, "process", number), seconds) for number in range(processes)),
        clients=tuple(clients),
        limits=limits_of(seed),
        cap=cap_of(seed),
        breaker=throw.choice((CALM, TOUCHY)),
        keys_away=_spell(throw, seconds) if throw.chance(0.05) else NEVER,
        troubles=troubles_of(seed, seconds, names),
    )


def _client(seed: int, index: int, at: float, processes: int) -> ClientPlan:
    throw = dice(seed, "client", index)
    named = throw.chance(0.7)
    leaves = throw.chance(0.25)
    reads = throw.choices((0.0, throw.uniform(0.05, 3), inf), (90, 7, 3))[0]
    return ClientPlan(
        index=index,
        at=at,
        process=throw.randrange(processes),
        stream=throw.chance(0.7),
        usage=throw.chance(0.5),
        hides=throw.chance(0.1),
        long=throw.chance(0.02),
        named=named,
        tries=throw.choices((1, 2, 3), (5, 3, 1))[0] if named else 1,
        twice=named and throw.chance(0.08),
        uploads_for=throw.uniform(0.01, 2) if throw.chance(0.1) else 0.0,
        leaves_after=throw.choice((throw.random() * 0.3, throw.random() * 3, throw.random() * 20)) if leaves else inf,
        leaves_at_chunk=throw.randint(1, 6) if throw.chance(0.06) else 0,
        reads_after=reads,
    )


def _backend(throw: Dice, name: str, seconds: float) -> Backend:
    faulty = throw.choices((0.0, 0.05, 0.3, 0.7), (2, 3, 4, 2))[0]
    shape, kind = throw.choices(("steady", "outage", "flapping"), (5, 4, 1))[0], throw.of(KINDS)
    outages: list[Outage] = []
    if shape == "outage":
        begins, ends = _spell(throw, seconds)
        outages.append(Outage(begins, ends, kind, deadly=throw.chance(0.5)))
    elif shape == "flapping":
        period = throw.uniform(2, 10)
        outages += [Outage(period * turn, period * (turn + 0.5), kind) for turn in range(int(seconds / period) + 1)]
    return Backend(name, faulty, tuple(outages))


def _process(throw: Dice, seconds: float) -> ProcessPlan:
    ends = throw.choices(("stays", "dies", "drains"), (8, 1, 1))[0]
    return ProcessPlan(
        host=throw.choice(("one", "one", "two", "three")),
        dies_at=throw.random() * seconds if ends == "dies" else inf,
        drains_at=throw.random() * seconds if ends == "drains" else inf,
        disk_full=_spell(throw, seconds) if throw.chance(0.05) else NEVER,
        slow=throw.choice((0.0, 0.0, 0.0, 0.05)),
        failing=throw.choice((0.0, 0.0, 0.0, 0.02)),
    )


def _spell(throw: Dice, seconds: float) -> tuple[float, float]:
    begins = throw.random() * seconds
    return begins, begins + throw.random() * seconds * 0.7
