"""One request sent many times at once to two processes, with Redis well and in trouble: one of them is charged."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.chaos.seen import ask, price
from tests.chaos.trouble import TROUBLES
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.stack import Member

AT_ONCE = 16


@pytest.fixture(scope="module")
def pair(broken: World, server: Server) -> tuple[Server, Server]:
    return server, broken.beside(server)


@pytest.mark.fault(29)
@pytest.mark.parametrize("trouble", ["none", "killed", "emptied", "mute", "read-only"])
def test_of_a_request_and_its_retries_one_is_charged(
    world: World, pair: tuple[Server, Server], payer: Member, trouble: str
) -> None:
    for each in pair:
        assert ask(each, payer).status_code == 200
    world.stack.eventually(lambda: world.at_hand(pair[0], payer) == len(pair))
    mine = named()
    with (
        TROUBLES[trouble](world) if trouble in TROUBLES else nullcontext(),
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        answers = list(pool.map(lambda number: ask(pair[number % 2], payer, mine), range(AT_ONCE)))
    statuses = Counter(each.status_code for each in answers)
    assert set(statuses) <= {200, 409}
    world.stack.eventually(lambda: len(world.records(mine)) >= statuses[200])
    outcomes = Counter(each.outcome for each in world.records(mine))
    assert outcomes == {"completed": 1} | ({"duplicate": statuses[200] - 1} if statuses[200] > 1 else {})
    (paid,) = [each for each in world.records(mine) if each.cost]
    assert (paid.outcome, paid.cost) == ("completed", price(paid))
    assert len(world.first.calls(mine)) == statuses[200]
    assert world.unpaid(payer) == 0
