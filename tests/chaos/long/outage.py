"""Two minutes without the primary at 50 requests/s: how many clients notice; and 200 streams whose host is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from tests.chaos.answers import canned
from tests.chaos.load import Told, ask, failures, ms, quantile, steadily
from tests.chaos.long.figure import OWN, Figure, port_of
from tests.chaos.world import Sandbox, url
from tests.fakes.faultproxy import FaultProxy
from tests.fakes.stack import DOLLAR, ORDER
from tests.fakes.weather import Door, Then, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.chaos.world import World
    from tests.fakes.stack import Member

RATE: Final = 50
BEFORE, OUTAGE, AFTER = 60.0, 120.0, 60.0  # seconds
SILENT: Final = Weather(door=Door.MUTE, after=0, then=Then.STALL)
STREAMS, LATE = 200, 40  # of them have no token yet when their host is killed
COUNT: Final[Any] = {"messages": [{"role": "user", "content": "Count to 30"}]}
RECORDED: Final = "SELECT 1 FROM billing_requestrecord WHERE request_id = ANY(%s)"
PAID: Final = """
SELECT outcome, upstream, attempts, count(*), sum(completion_tokens), sum(cost_nanos)
FROM billing_requestrecord WHERE workspace_id = %s AND request_id = ANY(%s) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def of_two_minutes(world: World, payer: Member) -> list[Figure]:
    """Kill one server's primary, silence another's, both at once."""
    mortal = Sandbox(world.stack, "mortal")
    mortal.start()
    proxy, fallback = (FaultProxy.start(world.second.port) for _ in range(2))
    for each in (proxy, fallback):
        each.set(canned())
    second = url(fallback.port)
    cases: list[tuple[str, str, Callable[[], object], Callable[[], object]]] = [
        ("killed", url(mortal.port), mortal.kill, mortal.start),
        ("hanging", url(proxy.port), lambda: proxy.set(SILENT), lambda: proxy.set(canned())),
    ]
    try:
        ports = [port_of(world.server({ORDER[0]: first, ORDER[1]: second}, **OWN)) for _, first, _, _ in cases]
        with ThreadPoolExecutor(len(cases)) as pool:
            courses = pool.map(
                _through, ports, [payer.key] * 2, [case[2] for case in cases], [case[3] for case in cases]
            )
            return [each for case, told in zip(cases, courses, strict=True) for each in _shares(case[0], told)]
    finally:
        for each in (proxy, fallback):
            each.stop()
        mortal.kill()


def _through(port: int, key: str, breaks: Callable[[], object], heals: Callable[[], object]) -> list[Told]:
    async def turns() -> None:
        await asyncio.sleep(BEFORE)
        await asyncio.to_thread(breaks)
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(heals)

    async def run() -> list[Told]:
        async with asyncio.TaskGroup() as group:
            loading = steadily(port, key, rate=RATE, seconds=BEFORE + OUTAGE + AFTER, prefix=named())
            load = group.create_task(loading)
            group.create_task(turns())
        return load.result()

    return asyncio.run(run())


def _shares(how: str, told: Sequence[Told]) -> list[Figure]:
    share = sum(not each.ok for each in told) / len(told)
    during = [each.first for each in told if BEFORE <= each.due < BEFORE + OUTAGE]
    slow = sum(first > 1 for first in during)
    waits = f"p50 {ms(quantile(during, 0.5))}, p99 {ms(quantile(during, 0.99))}, most {ms(max(during))}"
    where = f"primary {how} for {OUTAGE:.0f} s at {RATE} requests/s"
    return [
        Figure("1, 3", f"{where}: requests with an error", f"{share:.3%}: {failures(told)}"),
        Figure("1, 3", f"{where}: first byte during it", f"{waits}; {slow} of {len(during)} over 1 s"),
    ]


def of_streams(world: World, payer: Member) -> list[Figure]:
    """Kill the host of 200 streams, some of which wait for their first token; see what each is told and pays."""
    mortal = Sandbox(world.stack, "mortal-2")
    mortal.start()
    port = port_of(world.server({ORDER[0]: url(mortal.port), ORDER[1]: url(world.second.port)}, **OWN))
    customer = world.stack.member()
    running, waiting = ([named() for _ in range(count)] for count in (STREAMS - LATE, LATE))
    slow = {"kind": "slow", "tokens_per_second": 8}

    async def run() -> list[Told]:
        async with asyncio.TaskGroup() as group:
            mortal.fail(slow | {"times": len(running)})
            asking = [group.create_task(ask(port, customer.key, name, COUNT)) for name in running]
            await asyncio.sleep(3)
            mortal.fail(slow | {"first_token_ms": 6000, "times": len(waiting)})
            asking += [group.create_task(ask(port, customer.key, name, COUNT)) for name in waiting]
            await asyncio.sleep(2)
            await asyncio.to_thread(mortal.kill)
        return [each.result() for each in asking]

    told = asyncio.run(run())
    names = running + waiting
    world.stack.eventually(lambda: len(world.stack.sql(RECORDED, names)) == len(names), within=30)
    seen = Counter((each.name in waiting, each.status, each.code or "a whole answer") for each in told)
    figures = [
        Figure(
            "5, 19",
            f"{count} streams {'without' if late else 'with'} a token when their host was killed saw",
            f"{status}, {what}",
        )
        for (late, status, what), count in sorted(seen.items())
    ]
    for outcome, upstream, attempts, count, tokens, cost in world.stack.sql(PAID, customer.workspace, names):
        what = f"{count} recorded as {outcome} of {upstream or 'none'} in {attempts} attempts, {tokens} tokens"
        figures.append(Figure("5, 19", what, f"paid {int(cost) / DOLLAR:.6f} USD"))
    exact = world.unpaid(customer) == 0
    return [
        *figures,
        Figure("5, 19", "balance is the credit less the records", "to the nano-dollar" if exact else "NO"),
    ]
