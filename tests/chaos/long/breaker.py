"""How soon a breaker opens and closes, at little and at much traffic, and what a shed answer costs."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.chaos.answers import canned, http
from tests.chaos.load import Told, ask, failures, ms, quantile, steadily
from tests.chaos.long.figure import FIRST_TOKEN, OWN, Figure, port_of
from tests.chaos.world import url
from tests.fakes.faultproxy import FaultProxy
from tests.fakes.stack import ORDER
from tests.fakes.weather import Door, Then, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import World
    from tests.fakes.stack import Member

FAULTS: Final = {
    "hard 5xx": Weather(instead=http(b"{}", "application/json", status=503, length=2)),
    "hang": Weather(door=Door.MUTE, after=0, then=Then.STALL),
}
RATES: Final = (2, 50)
BEFORE, FAULT, AFTER = 6.0, 40.0, 45.0  # seconds
QUIET: Final = 2.0  # seconds without a call but a probe's: the traffic has left
SHEDS: Final = 750
SHED_RATE: Final = 50
HANG: Final = Weather(door=Door.MUTE)


@dataclass(frozen=True, slots=True)
class Course:
    """What one breaker did; seconds after the fault began, and after it was gone."""

    tripped: float | None
    back: float | None  # the first call that was answered well
    whole: float | None  # all the traffic
    told: list[Told]


def to_trip_and_to_recover(world: World, payer: Member) -> list[Figure]:
    """Break the first of two upstreams for a while, for each fault and rate at once."""
    cases = [(fault, rate) for fault in FAULTS for rate in RATES]
    proxies = [FaultProxy.start(world.first.port) for _ in range(len(cases) + 1)]
    fallback = proxies.pop()
    try:
        for each in (*proxies, fallback):
            each.set(canned())
        second = url(fallback.port)
        ports = [port_of(world.server({ORDER[0]: url(each.port), ORDER[1]: second}, **OWN)) for each in proxies]
        with ThreadPoolExecutor(len(cases)) as pool:
            courses = list(pool.map(_course, cases, proxies, ports, [payer.key] * len(cases)))
    finally:
        for each in (*proxies, fallback):
            each.stop()
    figures = []
    for (fault, rate), course in zip(cases, courses, strict=True):
        where = f"{fault} at {rate} requests/s"
        value = f"{_s(course.tripped)} / {_s(course.back)} / {_s(course.whole)}; {failures(course.told)}"
        figures.append(Figure("13", f"{where}: the traffic has left / first good call after / all is back", value))
    return figures


def _course(case: tuple[str, int], proxy: FaultProxy, port: int, key: str) -> Course:
    fault, rate = case
    marks: list[float] = []

    async def weather() -> None:
        await asyncio.sleep(BEFORE)
        marks.append(time.monotonic())
        await asyncio.to_thread(proxy.set, FAULTS[fault])
        await asyncio.sleep(FAULT)
        marks.append(time.monotonic())
        await asyncio.to_thread(proxy.set, canned())

    async def run() -> list[Told]:
        async with asyncio.TaskGroup() as group:
            loading = steadily(port, key, rate=rate, seconds=BEFORE + FAULT + AFTER, prefix=named())
            load = group.create_task(loading)
            group.create_task(weather())
        return load.result()

    told = asyncio.run(run())
    broke, healed = marks
    during = [at - broke for at in proxy.asked if broke <= at < healed]
    since = [at - healed for at in proxy.asked if at >= healed]
    return Course(_left(during), since[0] if since else None, _all_back(since, rate), told)


def _left(calls: list[float]) -> float | None:
    """Return when the last call came before a quiet time."""
    following = [*calls[1:], FAULT]
    return next((at for at, after in zip(calls, following, strict=True) if after - at > QUIET), None)


def _all_back(calls: list[float], rate: int) -> float | None:
    """Return from when on as many calls come as there are requests."""
    window = 2.0 if rate >= 10 else 5.0
    enough = 0.9 * rate * window
    ends = (at for at in calls if at < AFTER - window)
    return next((at for at in ends if sum(at <= each < at + window for each in calls) >= enough), None)


def _s(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


def shed_while_all_hang(world: World, payer: Member) -> list[Figure]:
    """Let both upstreams hang until their breakers have opened; then ask on."""
    port = port_of(world.server(**OWN))

    async def run() -> list[Told]:
        for _ in range(3):
            assert (await ask(port, payer.key, named())).ok
        for line in (world.lines.first, world.lines.second):
            await asyncio.to_thread(line.set, HANG)
            line.reset()
        async with asyncio.TaskGroup() as group:
            for _ in range(16):
                group.create_task(ask(port, payer.key, named()))
                await asyncio.sleep(0.05)
        return await steadily(port, payer.key, rate=SHED_RATE, seconds=SHEDS / SHED_RATE, prefix=named())

    told = asyncio.run(run())
    shed = [each for each in told if each.status in {429, 503}]
    probes = [each for each in told if each.whole >= FIRST_TOKEN / 4]
    quick = [each.whole for each in shed if each not in probes]
    value = f"{len(quick)} shed: p50 {ms(quantile(quick, 0.5))}, p99 {ms(quantile(quick, 0.99))}, most {ms(max(quick))}"
    return [
        Figure("11", "an answer while every upstream hangs, breakers open", value),
        Figure("11", "requests of those that were taken as probes, and waited", f"{len(probes)} of {len(told)}"),
    ]
