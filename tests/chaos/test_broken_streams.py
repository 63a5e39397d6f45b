"""Answers that are late or break off: a client sees one upstream's words only, or an error, and pays for whole ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.chaos.seen import ask, broken, healthy, price, second_answered
from tests.fakes.stack import FIRST_TOKEN_SECONDS
from tests.fakes.weather import Then, Weather
from tests.wire.asking import alike, named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.stack import Member

# Bytes of an answer of the sandbox: its head and the role are 360, each token is 210 more, all of it is 9 900.
BEFORE_A_TOKEN = [(1, Then.RESET, 0), (100, Then.CLOSE, 0), (300, Then.HALF, 200), (500, Then.RESET, 200)]
AFTER_ONE = [(700, Then.CLOSE), (1_001, Then.HALF), (2_502, Then.RESET), (5_003, Then.CLOSE), (9_004, Then.RESET)]
AROUND = [FIRST_TOKEN_SECONDS * 1000 + late for late in range(-100, 100, 10)]  # ms


@pytest.mark.fault(5)
@pytest.mark.parametrize(("after", "how", "status"), BEFORE_A_TOKEN)
def test_a_cut_before_the_first_token_moves_on(
    world: World, server: Server, payer: Member, after: int, how: Then, status: int
) -> None:
    whole, mine = healthy(world, server, payer), named()
    world.lines.first.set(Weather(after=after, then=how))
    answer = ask(server, payer, mine)
    assert (answer.status_code, alike(answer.content)) == (200, whole)
    second_answered(world, mine, fault="cut", status=status)
    assert len(world.first.calls(mine)) == 1


@pytest.mark.fault(5)
@pytest.mark.parametrize(("after", "how"), AFTER_ONE)
def test_a_cut_after_it_is_an_error_in_the_stream_and_free(
    world: World, server: Server, payer: Member, after: int, how: Then
) -> None:
    whole, mine = healthy(world, server, payer), named()
    world.lines.first.set(Weather(after=after, then=how))
    answer = ask(server, payer, mine)
    seen = broken(answer.content)
    assert (answer.status_code, seen.code) == (200, "upstream_error")
    assert seen.before
    assert whole.startswith(seen.before)
    record = world.record(mine)
    assert (record.outcome, record.upstream, record.attempts, record.cost) == ("upstream_cut", "first", 1, 0)
    (call,) = world.first.calls(mine)
    assert seen.tokens <= record.completion <= call.tokens
    assert world.second.calls(mine) == []


@pytest.mark.fault(6)
def test_a_stall_amid_a_token_is_an_error_in_the_stream_at_the_idle_limit(
    world: World, server: Server, payer: Member
) -> None:
    whole, mine = healthy(world, server, payer), named()
    world.lines.first.set(Weather(after=2_502, then=Then.STALL))
    answer = ask(server, payer, mine)
    seen = broken(answer.content)
    assert (answer.status_code, seen.code, whole.startswith(seen.before)) == (200, "upstream_timeout", True)
    record = world.record(mine)
    assert (record.outcome, record.upstream, record.attempts, record.cost) == ("stalled", "first", 1, 0)
    assert seen.tokens <= record.completion
    assert world.second.calls(mine) == []


@pytest.mark.fault(10)
def test_a_kept_connection_that_is_gone_costs_no_attempt(world: World, server: Server, payer: Member) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: healthy(world, server, payer), range(5)))
        accepted = world.lines.first.accepted
        world.lines.first.set(Weather(stale=True))
        mine = [named() for _ in range(5)]
        answers = list(pool.map(lambda name: ask(server, payer, name), mine))
    assert [each.status_code for each in answers] == [200] * 5
    records = [world.record(name) for name in mine]
    assert {(each.outcome, each.upstream, each.attempts) for each in records} == {("completed", "first", 1)}
    assert [len(world.first.calls(name)) for name in mine] == [1] * 5
    assert world.lines.first.accepted > accepted


@pytest.mark.fault(4)
def test_a_token_at_the_deadline_is_the_firsts_or_the_seconds_and_never_both(
    world: World, server: Server, payer: Member
) -> None:
    mine = [named() for _ in AROUND]
    whole = healthy(world, server, payer)
    world.first.fail(*({"kind": "slow", "first_token_ms": ms} for ms in AROUND))
    with ThreadPoolExecutor(len(AROUND)) as pool:
        answers = list(pool.map(lambda name: ask(server, payer, name), mine))
    assert [(each.status_code, alike(each.content)) for each in answers] == [(200, whole)] * len(AROUND)
    records = [world.record(name) for name in mine]
    for name, record in zip(mine, records, strict=True):
        assert (record.outcome, record.cost) == ("completed", price(record))
        (first,), second = world.first.calls(name), world.second.calls(name)
        served = {"first": [first], "second": second}[record.upstream]
        assert [(call.reason, call.tokens) for call in served] == [("finish", record.completion)]
        assert first.reason == ("finish" if record.upstream == "first" else "client_gone")
        assert len(second) == record.attempts - 1
    assert world.unpaid(payer) == 0
