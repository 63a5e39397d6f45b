"""What breaks before the first token: the second upstream answers, whole and alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.chaos.answers import bomb, http, one_line
from tests.chaos.seen import ask, healthy, second_answered
from tests.chaos.world import url
from tests.fakes.stack import FIRST_TOKEN_SECONDS, ORDER
from tests.fakes.upstream import DONE
from tests.fakes.weather import FINE, Door, Then, Weather
from tests.wire.asking import alike, named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.stack import Member

MIB = 2**20
NO_ANSWERS = {
    "a page": (http(b"<!doctype html><title>Wait</title>", "text/html"), "not_a_stream", 200),
    "nothing": (http(b"", length=0), "empty", 200),
    "the end alone": (http(b"data: [DONE]\n\n"), "empty", 200),
    "no events": (http(b"data: {{{\n\ndata: [DONE]\n\n"), "malformed", 200),
    "no HTTP": (b"220 mail.example ESMTP ready\r\n", "malformed", 0),
    "a line of 10 MB": (http(one_line(10 * MIB)), "malformed", 200),
    "10 MB without a line": (http(b"x" * 10 * MIB), "malformed", 200),
    "gzip": (http(bomb(64 * MIB), extra="content-encoding: gzip\r\n"), "empty", 200),
    "a head that never ends": (b"HTTP/1.1 200 OK\r\n" + b"x-pad: " + b"x" * MIB, "malformed", 0),
}
UNREACHABLE = {
    "bad TLS": ("https://127.0.0.1:{port}/v1", Weather(instead=b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "no such name": ("https://no-such-host.invalid/v1", FINE),
    "dropped handshakes": ("http://127.0.0.1:{port}/v1", Weather(door=Door.DEAF)),
}


@pytest.mark.fault(1)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_server_error_moves_on(world: World, server: Server, payer: Member, status: int) -> None:
    whole = healthy(world, server, payer)
    mine = named()
    world.first.fail({"status": status})
    answer = ask(server, payer, mine)
    assert (answer.status_code, alike(answer.content)) == (200, whole)
    second_answered(world, mine, fault="status", status=status)
    assert [(call.reason, call.tokens) for call in world.first.calls(mine)] == [("status", 0)]


@pytest.mark.fault(3)
@pytest.mark.parametrize("kind", ["hang", "silence", "comments"])
def test_what_gives_no_token_is_left_at_the_deadline(world: World, server: Server, payer: Member, kind: str) -> None:
    whole = healthy(world, server, payer)
    mine = named()
    world.first.fail({"kind": kind})
    began = time.monotonic()
    answer = ask(server, payer, mine)
    assert FIRST_TOKEN_SECONDS <= time.monotonic() - began < FIRST_TOKEN_SECONDS + 3
    assert (answer.status_code, alike(answer.content)) == (200, whole)
    second_answered(world, mine, fault="timeout", status=0 if kind == "hang" else 200)
    (left,) = world.stack.eventually(lambda: [call for call in world.first.calls(mine) if call.reason])
    assert (left.reason, left.tokens) == ("client_gone", 0)


@pytest.mark.fault(7)
@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_moves_on(world: World, server: Server, payer: Member, name: str) -> None:
    whole = healthy(world, server, payer)
    mine = named()
    before = server.memory()
    said, fault, status = NO_ANSWERS[name]
    world.lines.first.set(Weather(instead=said, then=Then.CLOSE))
    answer = ask(server, payer, mine)
    assert (answer.status_code, alike(answer.content)) == (200, whole)
    second_answered(world, mine, fault=fault, status=status)
    assert server.memory() - before < 8 * MIB


@pytest.mark.fault(8)
def test_a_redirect_is_not_followed(world: World, server: Server, payer: Member) -> None:
    whole = healthy(world, server, payer)
    mine = named()
    there = f"location: {world.first.url}/v1/chat/completions\r\n"
    world.lines.first.set(Weather(instead=http(b"", status=307, extra=there, length=0)))
    answer = ask(server, payer, mine)
    assert (answer.status_code, alike(answer.content)) == (200, whole)
    second_answered(world, mine, fault="status", status=307)
    assert world.first.calls(mine) == []


@pytest.mark.fault(9)
@pytest.mark.parametrize(("door", "fault"), [(Door.REFUSED, "connect"), (Door.MUTE, "timeout")])
def test_a_host_that_refuses_or_says_nothing_is_left(
    world: World, server: Server, payer: Member, door: Door, fault: str
) -> None:
    whole, mine = healthy(world, server, payer), named()
    world.lines.first.set(Weather(door=door))
    world.lines.first.reset()
    answer = ask(server, payer, mine)
    assert (answer.status_code, alike(answer.content)) == (200, whole)
    second_answered(world, mine, fault=fault)
    assert world.first.calls(mine) == []


@pytest.mark.fault(9)
@pytest.mark.parametrize("where", UNREACHABLE)
def test_a_host_to_which_there_is_no_connection_is_left_after_two_seconds(
    world: World, payer: Member, where: str
) -> None:
    mine = named()
    address, weather = UNREACHABLE[where]
    urls = {ORDER[0]: address.format(port=world.lines.first.port), ORDER[1]: url(world.lines.second.port)}
    server = world.server(urls, PYLO_FIRST_TOKEN_SECONDS="6")
    world.lines.first.set(weather)
    began = time.monotonic()
    answer = ask(server, payer, mine)
    assert time.monotonic() - began < 5
    assert (answer.status_code, answer.content.endswith(DONE)) == (200, True)
    second_answered(world, mine, fault="connect")
    server.kill()


@pytest.mark.fault(11)
def test_when_both_hang_the_client_is_told_so_at_the_last_deadline_and_pays_nothing(
    world: World, payer: Member
) -> None:
    server, mine = world.server(), named()
    for each in (world.first, world.second):
        each.fail({"kind": "silence"})
    began = time.monotonic()
    answer = ask(server, payer, mine)
    assert 2 * FIRST_TOKEN_SECONDS <= time.monotonic() - began < 2 * FIRST_TOKEN_SECONDS + 4
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
    assert answer.headers["x-should-retry"] == "false"
    record = world.record(mine)
    assert (record.outcome, record.attempts, record.cost, record.completion) == ("upstream_timeout", 2, 0, 0)
    world.stack.eventually(
        lambda: all(call.reason for each in (world.first, world.second) for call in each.calls(mine))
    )
    calls = [*world.first.calls(mine), *world.second.calls(mine)]
    assert [(call.reason, call.tokens) for call in calls] == [("client_gone", 0)] * 2


@pytest.mark.fault(12)
def test_when_both_ask_to_slow_down_the_client_is_told_for_how_long(world: World, payer: Member) -> None:
    server, mine = world.server(), named()
    world.first.fail({"status": 429, "retry_after": 9})
    world.second.fail({"status": 429, "retry_after": 4})
    answer = ask(server, payer, mine)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "capacity_exhausted")
    assert 4 <= int(answer.headers["retry-after"]) <= 5
    assert answer.headers["x-should-retry"] == "true"
    record = world.record(mine)
    assert (record.outcome, record.cost) == ("shed", 0)
    assert len(world.first.calls(mine)) + len(world.second.calls(mine)) == 2
