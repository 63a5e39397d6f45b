"""Redis and Postgres in trouble, under 50 requests/s: who fails, and how much later anybody is answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from tests.chaos.load import Told, ask, ms, quantile, steadily
from tests.chaos.long.figure import OWN, Figure, port_of
from tests.chaos.trouble import TROUBLES
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
    """Ask on while Redis is in trouble, and compare with the time just before each trouble."""
    port = port_of(world.server(**OWN))
    figures = []
    for name, trouble in TROUBLES.items():
        before = _load(port, payer, RATE)
        with trouble(world):
            during = _load(port, payer, RATE)
        after = _load(port, payer, RATE, seconds=SPELL / 2)
        figures.append(Figure("15, 16", f"Redis {name}", _compared(before, during, after)))
    return figures


def _load(port: int, payer: Member, rate: float, seconds: float = SPELL) -> list[Told]:
    return asyncio.run(steadily(port, payer.key, rate=rate, seconds=seconds, prefix=named()))


def _compared(before: Sequence[Told], during: Sequence[Told], after: Sequence[Told]) -> str:
    failed = sum(not each.ok for each in (*during, *after))
    usual, then = [each.first for each in before], [each.first for each in (*during, *after)]
    p50, p99, most = (quantile(then, share) - quantile(usual, share) for share in (0.5, 0.99, 1.0))
    added = f"p50 {p50 * 1000:+.1f}, p99 {p99 * 1000:+.1f}, most {most * 1000:+.1f} ms"
    return f"{failed} of {len(then)} failed; {added} (slowest {ms(max(then))}, before {ms(max(usual))})"


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
    failed = sum(not each.ok for each in known)
    away = f"Postgres refused for {AWAY:.0f} s at {SLOW_RATE} requests/s"
    return [
        Figure(
            "17", f"{away}: a key that is known", f"{failed} of {len(known)} failed; p99 {ms(quantile(first, 0.99))}"
        ),
        Figure("17", f"{away}: a key that is not", f"{unknown.status} {unknown.code} after {ms(unknown.whole)}"),
        Figure("17", f"{len(known)} records in the ledger after its return", f"{took:.1f} s, each once"),
    ]
