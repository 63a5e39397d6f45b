"""How long a failover takes after an error, and how exactly a deadline is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.chaos.load import Told, ask, ms, quantile
from tests.chaos.long.figure import FIRST_TOKEN, OWN, Figure, port_of
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import World
    from tests.fakes.stack import Member

ROUNDS = 100
HANGING = 12


def after_an_error(world: World, payer: Member) -> list[Figure]:
    """Compare the first byte of answers with and without a 500 of the first upstream before them."""
    port = port_of(world.server(**OWN))

    async def rounds() -> tuple[list[float], list[float]]:
        direct, moved = [], []
        await ask(port, payer.key, named())
        for _ in range(ROUNDS):
            direct += [(await ask(port, payer.key, named())).first for _ in range(3)]
            world.first.fail({"status": 500})
            told = await ask(port, payer.key, named())
            assert told.ok, told
            moved.append(told.first)
        return direct, moved

    direct, moved = asyncio.run(rounds())
    p50, p99 = (quantile(moved, share) - quantile(direct, share) for share in (0.5, 0.99))
    what = "first byte after a 500 of the first upstream, over that of an answer without one"
    return [Figure("1", f"{what} ({ROUNDS} times)", f"p50 + {ms(p50)}, p99 + {ms(p99)}")]


def at_the_deadline(world: World, payer: Member) -> list[Figure]:
    """Let the first upstream hang; see when the second one's answer begins."""
    server = world.server(**OWN)
    port = port_of(server)

    async def asked() -> tuple[float, list[Told]]:
        usual = [(await ask(port, payer.key, named())).first for _ in range(5)]
        world.first.fail({"kind": "silence", "times": HANGING})
        async with asyncio.TaskGroup() as group:
            asking = []
            for _ in range(HANGING):
                asking.append(group.create_task(ask(port, payer.key, named())))
                await asyncio.sleep(0.05)
        return quantile(usual, 0.5), [each.result() for each in asking]

    usual, told = asyncio.run(asked())
    late = [each.first - usual - FIRST_TOKEN for each in told if each.ok and each.first > FIRST_TOKEN / 2]
    value = f"{len(late)} of {HANGING} failed over: p50 {late_ms(quantile(late, 0.5))}, most {late_ms(max(late))}"
    return [Figure("3", "failover at the deadline of 8 s, less the time of an answer", value)]


def late_ms(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else '−'} {ms(abs(seconds))}"
