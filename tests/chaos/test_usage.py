"""Upstreams that count oddly: a sane bill, or one that is counted here, and never a negative one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.answers import answered, http, usage_chunk
from tests.chaos.seen import ask, healthy, price
from tests.fakes.upstream import DONE
from tests.fakes.weather import Then, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.stack import Member

GOOD = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14, "cached_tokens": 2}
TOLD = ("upstream", 11, 2, 3)
COUNTED = ("counted", 1, 1, 3)
ODD: dict[str, tuple[bytes, tuple[str, int, int, int]]] = {
    "good": (answered(usage=GOOD), TOLD),
    "none": (answered(), COUNTED),
    "null": (answered(usage=None, after=usage_chunk(None)), COUNTED),
    "twice": (answered(usage=GOOD, after=usage_chunk(GOOD)), TOLD),
    "negative": (answered(usage=GOOD | {"completion_tokens": -3}), COUNTED),
    "negative cached": (answered(usage=GOOD | {"cached_tokens": -9}), ("upstream", 11, 0, 3)),
    "more cached than asked": (answered(usage=GOOD | {"cached_tokens": 99}), ("upstream", 11, 11, 3)),
    "huge": (answered(usage=GOOD | {"completion_tokens": 10**18}), COUNTED),
    "huge as a float": (answered(usage=GOOD | {"completion_tokens": 1e18}), COUNTED),
    "a text": (answered(usage=GOOD | {"completion_tokens": "3"}), COUNTED),
    "a list": (answered(usage=[GOOD]), COUNTED),
    "without the prompt": (answered(usage={"completion_tokens": 3}), COUNTED),
    "fewer than were sent": (answered(usage=GOOD | {"completion_tokens": 1}), ("upstream", 11, 2, 1)),
}


@pytest.mark.fault(30)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_usage_makes_a_sane_bill(world: World, server: Server, payer: Member, name: str) -> None:
    healthy(world, server, payer)
    mine = named()
    stream, counts = ODD[name]
    world.lines.first.set(Weather(instead=http(stream), then=Then.CLOSE))
    answer = ask(server, payer, mine)
    assert (answer.status_code, answer.content.endswith(DONE)) == (200, True)
    record = world.record(mine)
    assert (record.outcome, record.upstream, record.attempts) == ("completed", "first", 1)
    assert (record.usage_source, record.prompt, record.cached, record.completion) == counts
    assert record.cost == price(record) > 0


@pytest.mark.fault(30)
def test_a_usage_that_no_request_can_have_is_not_passed_on(world: World, server: Server, payer: Member) -> None:
    healthy(world, server, payer)
    stream = answered(usage=GOOD | {"completion_tokens": -3})
    world.lines.first.set(Weather(instead=http(stream), then=Then.CLOSE))
    answer = ask(server, payer, stream=False)
    assert (answer.status_code, answer.json().get("usage")) == (200, None)
