"""A gateway whose upstreams are away for a while: what its clients see, request after request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.breaker.views import State
from gateway.limits import Limits
from tests.fakes.clock import skipping
from tests.fakes.upstream import Act, Turn, content, good
from tests.gateway.conftest import World, make_world

if TYPE_CHECKING:
    from tests.fakes.asgi import Answer

JSON = {"content-type": "application/json"}
BOTH = ("first", "second")
SILENCE = Turn([Act.HANG])
AMPLE = Limits.of(requests=10_000, tokens=100_000_000, concurrent=1000)
CODES = (500, 502, 503, 504, 529)


async def one_after_another(world: World, count: int, *, every: float = 0.0) -> list[Answer]:
    answers = []
    for _ in range(count):
        answers.append(await world.chat())
        await asyncio.sleep(every)
    return answers


def states(world: World) -> dict[str, str]:
    return {view.name: view.state for view in world.routing.views(0.0)}


@pytest.mark.parametrize("status", CODES)
def test_each_code_of_a_server_in_trouble_is_answered_by_the_other_at_once(status: int) -> None:
    world = make_world(Turn(status=status, headers=JSON), good("a"), upstreams=BOTH)
    answer = skipping(world.chat())
    assert (answer.status, answer.times, answer.headers["x-pylo-attempts"]) == (200, [0.0], "2")
    assert [(each.upstream, each.status) for each in world.record.tries] == [("first", status), ("second", 200)]
    assert len(world.journal.settled) == 1


@pytest.mark.conformance(135, 154)
def test_after_ten_failures_in_a_row_requests_are_shed_and_the_upstream_hears_of_none() -> None:
    world = make_world(Turn(status=503, headers=JSON))
    answers = skipping(one_after_another(world, 12, every=2.0))
    asked = len(world.transport.calls)
    assert asked < 12
    assert [answer.status for answer in answers] == [502] * asked + [503] * (12 - asked)
    shed = answers[-1]
    assert (shed.error["code"], shed.headers["x-should-retry"]) == ("server_is_overloaded", "true")
    assert 1 <= int(shed.headers["retry-after"]) <= 30
    assert len(world.transport.calls) == asked


@pytest.mark.conformance(154)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_customers_mistakes_trip_nothing(status: int) -> None:
    world = make_world(Turn(status=status, headers=JSON))
    answers = skipping(one_after_another(world, 60))
    assert {answer.status for answer in answers} == {400}
    assert states(world) == {"first": State.CLOSED}


def test_clients_that_leave_trip_nothing() -> None:
    world = make_world(Turn([content("a"), Act.HANG]))

    async def main() -> None:
        for _ in range(60):
            await world.chat(stream=True, hang_up_at=1)

    skipping(main())
    assert states(world) == {"first": State.CLOSED}


@pytest.mark.conformance(135)
def test_while_both_hang_a_request_waits_for_eighteen_seconds_at_most_and_then_none_waits() -> None:
    world = make_world(SILENCE, upstreams=BOTH, most_in_flight=100, allowed=AMPLE)

    async def main() -> list[Answer]:
        first = await asyncio.gather(*(world.chat() for _ in range(20)))
        return [*first, await world.chat()]

    *waited, shed = skipping(main())
    assert {answer.status for answer in waited} == {504}
    assert max(answer.times[0] for answer in waited) <= 18.0
    assert (shed.status, shed.times[0]) == (503, max(answer.times[0] for answer in waited))  # asked then: at once
    assert world.leased == {"first": 0, "second": 0}


@pytest.mark.conformance(136)
def test_an_upstream_that_throttles_is_left_alone_for_as_long_as_it_asked() -> None:
    busy = Turn(status=429, headers={**JSON, "retry-after": "10"})
    world = make_world(busy, good("a"), upstreams=BOTH)
    answers = skipping(one_after_another(world, 7, every=2.0))
    assert [answer.status for answer in answers] == [200] * 7
    asked = [call.url.partition("//")[2].partition("/")[0] for call in world.transport.calls]
    assert asked == ["first", *["second"] * 5, "first", "first"]


@pytest.mark.conformance(132, 136)
def test_both_at_capacity_are_a_429_and_then_a_429_that_asks_nobody() -> None:
    turns = [Turn(status=429, headers={**JSON, "retry-after": wait}) for wait in ("30", "20")]
    world = make_world(*turns, upstreams=BOTH)
    told, shed = skipping(one_after_another(world, 2, every=5.0))
    assert (told.status, told.headers["retry-after"]) == (429, "20")
    assert (shed.status, shed.error["code"], shed.headers["retry-after"]) == (429, "capacity_exhausted", "15")
    assert len(world.transport.calls) == 2
