"""Redis is killed, emptied, slowed, blocked: nobody's request fails, and the ledger is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.seen import ask, price
from tests.chaos.trouble import TROUBLES, under
from tests.fakes.weather import Door, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.stack import Member

REQUESTS = 6


def served(world: World, server: Server, payer: Member) -> None:
    """Ask a while; each request is answered by the first upstream, recorded once and paid."""
    mine = [named() for _ in range(REQUESTS)]
    assert [ask(server, payer, name).status_code for name in mine] == [200] * REQUESTS
    for name in mine:
        record, (call,) = world.record(name), world.first.calls(name)
        assert (record.outcome, record.upstream, record.attempts) == ("completed", "first", 1)
        assert (record.completion, record.cost) == (call.tokens, price(record))


@pytest.mark.fault(15, 16)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_request_fails_for_redis(world: World, server: Server, payer: Member, trouble: str) -> None:
    assert ask(server, payer).status_code == 200
    with TROUBLES[trouble](world):
        served(world, server, payer)
    served(world, server, payer)
    assert world.unpaid(payer) == 0


@pytest.mark.fault(15)
def test_a_server_starts_and_serves_while_redis_is_away(world: World, payer: Member) -> None:
    with under(world, Weather(door=Door.REFUSED)):
        server = world.server()
        served(world, server, payer)
    served(world, server, payer)
    server.kill()
