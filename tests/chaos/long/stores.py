"""Redis and Postgres in trouble, under 50 requests/s: who fails, and how much later anybody is answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from tests.chaos.answers import canned
from tests.chaos.load import Told, ask, failures, ms, quantile, steadily
from tests.chaos.long.figure import OWN, Figure, port_of
from tests.chaos.trouble import TROUBLES
from tests.chaos.world import url
from tests.fakes.faultproxy import FaultProxy
from tests.fakes.stack import ORDER
from tests.fakes.weather import FINE, Door, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.world import World
    from tests.fakes.stack import Member

RATE: Final = 50
SPELL: Final = 6.0  # seconds with, and as many without, each trouble
AWAY: Final = 20.0
SLOW_RATE: Final = 20
SHIPPED: Final = "SELECT count(*) FROM billing_requestrecord WHERE request_id LIKE %s"


def redis(world: World, payer: Member) -> list[Figure]:
    """Ask two servers at once, one whose Redis is in trouble and one whose is not: what else runs slows down both."""
    upstream = FaultProxy.start(world.second.port)
    upstream.set(canned())
    urls = {ORDER[0]: url(upstream.port)}
    troubled = port_of(world.server(urls, **OWN))
    well = port_of(world.server(urls, **OWN, REDIS_URL=world.stack.env["REDIS_URL"]))

    async def both(seconds: float) -> tuple[list[Told], list[Told]]:
        async with asyncio.TaskGroup() as group:
            loads = [steadily(port, payer.key, rate=RATE, seconds=seconds, prefix=named()) for port in (troubled, well)]
            here, there = (group.create_task(load) for load in loads)
        return here.result(), there.result()

    try:
        asyncio.run(both(2))
        figures = []
        for name, trouble in TROUBLES.items():
            with trouble(world):
                here, there = asyncio.run(both(SPELL))
            after = asyncio.run(both(SPELL / 2))
            figures.append(Figure("15, 16", f"Redis {name}", _compared([*here, *after[0]], [*there, *after[1]])))
    finally:
        upstream.stop()
    return figures


def _compared(here: Sequence[Told], there: Sequence[Told]) -> str:
    mine, theirs = [each.first for each in here], [each.first for each in there]
    shares = (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
    pairs = [f"{name} {ms(quantile(mine, share))} / {ms(quantile(theirs, share))}" for name, share in shares]
    return f"{failures(here)}; first byte, beside a server whose Redis is well: {', '.join(pairs)}"


def postgres(world: World, payer: Member) -> list[Figure]:
    """Cut Postgres off, ask on as a known and as an unknown customer, and wait for the records afterwards."""
    port = port_of(world.server(**OWN))
    stranger = world.stack.member()
    assert asyncio.run(ask(port, payer.key, named())).ok
    prefix = named()
    world.lines.postgres.set(Weather(door=Door.REFUSED))
    world.lines.postgres.reset()

    async def run() -> tuple[list[Told], Told]:
        async with asyncio.TaskGroup() as group:
            loading = steadily(port, payer.key, rate=SLOW_RATE, seconds=AWAY, prefix=prefix)
            known = group.create_task(loading)
            unknown = group.create_task(ask(port, stranger.key, named()))
        return known.result(), unknown.result()

    known, unknown = asyncio.run(run())
    world.lines.postgres.set(FINE)
    began = time.monotonic()
    world.stack.eventually(lambda: world.stack.sql(SHIPPED, f"{prefix}-%")[0][0] == len(known), within=60)
    took = time.monotonic() - began
    first = [each.first for each in known]
    away = f"Postgres refused for {AWAY:.0f} s at {SLOW_RATE} requests/s"
    return [
        Figure("17", f"{away}: a key that is known", f"{failures(known)}; p99 {ms(quantile(first, 0.99))}"),
        Figure("17", f"{away}: a key that is not", f"{unknown.status} {unknown.code} after {ms(unknown.whole)}"),
        Figure("17", f"{len(known)} records in the ledger after its return", f"{took:.1f} s, each once"),
    ]
