"""An upstream is killed while it answers many: who had a token is told and pays nothing, the others move on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.chaos.load import Told, ask
from tests.chaos.seen import price
from tests.chaos.world import Sandbox, url
from tests.fakes.stack import ORDER
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import World
    from tests.fakes.stack import Member

COUNT: Any = {"messages": [{"role": "user", "content": "Count to 30"}]}
RUNNING, WAITING = 20, 10


@pytest.mark.fault(5, 9)
def test_who_had_a_token_is_told_and_pays_nothing_and_the_others_move_on(world: World, payer: Member) -> None:
    mortal = Sandbox(world.stack, "mortal")
    mortal.start()
    server = world.server({ORDER[0]: url(mortal.port), ORDER[1]: url(world.second.port)})
    running, waiting = ([named() for _ in range(count)] for count in (RUNNING, WAITING))

    async def run() -> dict[str, Told]:
        port = urlsplit(server.base).port or 0
        async with asyncio.TaskGroup() as group:
            asking = {name: group.create_task(ask(port, payer.key, name, COUNT)) for name in running}
            await asyncio.to_thread(
                world.stack.eventually, lambda: sum(bool(c.tokens) for c in mortal.calls()) == RUNNING
            )
            mortal.fail({"kind": "silence", "times": WAITING})
            asking |= {name: group.create_task(ask(port, payer.key, name, COUNT)) for name in waiting}
            await asyncio.to_thread(world.stack.eventually, lambda: len(mortal.calls()) == RUNNING + WAITING)
            await asyncio.to_thread(mortal.kill)
        return {name: each.result() for name, each in asking.items()}

    mortal.fail({"kind": "slow", "tokens_per_second": 5, "times": RUNNING})
    told = asyncio.run(run())
    assert {(told[name].status, told[name].code) for name in running} == {(200, "upstream_error")}
    assert {(told[name].status, told[name].code) for name in waiting} == {(200, "")}
    for name in running:
        record, (call,) = world.record(name), mortal.calls(name)
        assert (record.outcome, record.upstream, record.attempts, record.cost) == ("upstream_cut", "first", 1, 0)
        assert 0 < record.completion <= call.tokens
        assert world.second.calls(name) == []
    for name in waiting:
        record, (call,) = world.record(name), world.second.calls(name)
        assert (record.outcome, record.upstream, record.attempts) == ("completed", "second", 2)
        assert (record.completion, record.cost) == (call.tokens, price(record))
    assert world.unpaid(payer) == 0
    server.kill()
