"""Circuit breakers as deployed: what asks to slow down or hangs is left alone, shed at once, and taken back slowly."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from tests.chaos.answers import http
from tests.chaos.load import steadily
from tests.chaos.seen import ask
from tests.chaos.world import url
from tests.fakes.upstream import DONE
from tests.fakes.weather import FINE, Door, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import World
    from tests.fakes.stack import Member

RETRY_AFTERS = ("", "0", "30", "-3", "99999999999", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "1.5")
FAILS: Final = Weather(instead=http(b"{}", "application/json", status=503, length=2))
HANGS: Final = Weather(door=Door.MUTE)
RUN: Final = 10  # failures in a row that open a breaker
RATE: Final = 40  # requests a second


@pytest.mark.fault(2)
def test_an_upstream_that_asks_to_slow_down_is_left_alone_whatever_it_says_of_how_long(
    world: World, payer: Member
) -> None:
    names = [f"number-{number}" for number in range(len(RETRY_AFTERS) + 1)]
    urls = dict.fromkeys(names, url(world.lines.first.port))
    server = world.server(urls, PYLO_BREAKER="throttled_first=30")
    mine = [named() for _ in RETRY_AFTERS]
    for said, name in zip(RETRY_AFTERS, mine, strict=True):
        world.first.fail({"status": 429, "retry_after": said})
        answer = ask(server, payer, name)
        assert (said, answer.status_code, answer.content.endswith(DONE)) == (said, 200, True)
    records = [world.record(name) for name in mine]
    assert [(each.outcome, each.attempts) for each in records] == [("completed", 2)] * len(mine)
    assert [each.upstream for each in records] == names[1:]  # each was asked once, and no more after its 429
    assert [call.reason for name in mine for call in world.first.calls(name)] == ["status", "finish"] * len(mine)
    server.kill()


@pytest.mark.fault(11)
def test_while_both_hang_the_breakers_open_and_the_rest_is_shed_at_once(world: World, payer: Member) -> None:
    server = world.server(PYLO_BREAKER="")
    assert ask(server, payer).status_code == 200
    for line in (world.lines.first, world.lines.second):
        line.set(HANGS)
        line.reset()
    first = [named() for _ in range(8)]
    with ThreadPoolExecutor(len(first)) as pool:
        told = list(pool.map(lambda name: ask(server, payer, name).status_code, first))
    assert set(told) <= {503, 504}
    mine = [named() for _ in range(20)]
    answers = [ask(server, payer, name) for name in mine]
    shed = [each for each in answers if each.elapsed.total_seconds() < 0.5]
    assert len(shed) >= len(mine) - 2  # the others were probes
    assert {(each.status_code, each.json()["error"]["code"]) for each in shed} == {(503, "server_is_overloaded")}
    assert {each.headers["x-should-retry"] for each in shed} == {"true"}
    assert {1 <= int(each.headers["retry-after"]) <= 38 for each in shed} == {True}
    records = [world.record(name) for name in first + mine]
    assert {each.outcome for each in records} <= {"upstream_timeout", "shed"}
    assert sum(each.cost for each in records) == 0
    server.kill()


@pytest.mark.fault(1, 13)
def test_an_upstream_that_fails_is_left_after_ten_failures_and_nobody_notices(world: World, payer: Member) -> None:
    server = world.server(PYLO_BREAKER="warm_share=0")
    assert ask(server, payer).status_code == 200
    world.lines.first.set(FAILS)
    mine = [named() for _ in range(3 * RUN)]
    assert [ask(server, payer, name).status_code for name in mine] == [200] * len(mine)
    records = [world.record(name) for name in mine]
    assert [each.attempts for each in records[:RUN]] == [2] * RUN
    assert [each.attempts for each in records[RUN : 2 * RUN]] == [1] * RUN
    assert {(each.outcome, each.upstream) for each in records} == {("completed", "second")}
    assert [len(world.second.calls(name)) for name in mine] == [1] * len(mine)
    server.kill()


@pytest.mark.fault(14)
def test_an_upstream_that_recovers_is_given_a_part_of_the_traffic_at_first_and_all_of_it_at_last(
    world: World, payer: Member
) -> None:
    server = world.server(PYLO_BREAKER="open_first=2 ramp_step=1.5 warm_share=0")
    port = urlsplit(server.base).port or 0

    def load(seconds: float) -> list[str]:
        told = asyncio.run(steadily(port, payer.key, rate=RATE, seconds=seconds, prefix=named()))
        assert [each.code for each in told if not each.ok] == []
        return [each.name for each in told]

    world.lines.first.set(FAILS)
    load(1)
    world.lines.first.set(FINE)
    names = load(10)
    world.stack.eventually(lambda: world.records(names[-1]))
    by_first = [bool(world.first.calls(name)) for name in names]
    back = by_first.index(True)
    assert back > RATE / 2  # it stayed open for a second at least
    soon = by_first[back : back + int(1.5 * RATE)]
    assert sum(soon) <= len(soon) / 5
    assert sum(by_first[-RATE:]) >= 0.9 * RATE
    server.kill()
