"""Clients that leave, that do not read, that send a byte at a time: they cost what they took, and nobody else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.answers import HELLO, http
from tests.chaos.raw import Caller, request
from tests.chaos.seen import ask, price
from tests.fakes.upstream import DONE, ROLE, content
from tests.fakes.weather import Weather
from tests.wire.asking import chunks, named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.sandbox import Call
    from tests.fakes.stack import Member

MIB = 2**20
LONG: Any = [{"role": "user", "content": "Count to 300"}]
TOKENS = 4000  # of 2 kB each: more than the buffers of the system take
TOKEN = b'"content"'
SLOW_ONES = 60  # of each kind
NORMAL = 20
SOON = 1.0  # seconds, of a machine that does much else


def left(world: World, mine: str) -> Call:
    """Return the first upstream's call of a request as soon as it has ended."""
    (call,) = world.stack.eventually(lambda: [one for one in world.first.calls(mine) if one.reason], within=SOON)
    return call


@pytest.mark.fault(27)
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_amid_the_request_is_no_request(world: World, server: Server, payer: Member, *, reset: bool) -> None:
    mine, after = named(), named()
    head, body = request(payer.key, mine, messages=HELLO)
    caller = Caller(server.base)
    caller.send(head, body[:-5])
    caller.leave(reset=reset)
    assert ask(server, payer, after).status_code == 200
    assert world.record(after).outcome == "completed"
    assert (world.records(mine), world.first.calls(mine)) == ([], [])


@pytest.mark.fault(27)
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_before_the_first_token_pays_nothing(
    world: World, server: Server, payer: Member, *, reset: bool
) -> None:
    mine = named()
    world.first.fail({"kind": "silence"})
    caller = Caller(server.base)
    caller.send(*request(payer.key, mine, messages=HELLO))
    world.stack.eventually(lambda: world.first.calls(mine))
    caller.leave(reset=reset)
    assert left(world, mine).reason == "client_gone"
    record = world.record(mine)
    assert (record.outcome, record.attempts, record.completion, record.cost) == ("client_gone_early", 1, 0, 0)


@pytest.mark.fault(27)
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_amid_the_answer_pays_for_what_was_generated(
    world: World, server: Server, payer: Member, *, reset: bool
) -> None:
    mine = named()
    world.first.fail({"kind": "slow", "tokens_per_second": 50})
    caller = Caller(server.base)
    caller.send(*request(payer.key, mine, messages=LONG))
    seen = len(chunks(caller.until(TOKEN).partition(b"\r\n\r\n")[2]))
    caller.leave(reset=reset)
    call = left(world, mine)
    record = world.record(mine)
    assert (call.reason, record.outcome, record.usage_source) == ("client_gone", "client_gone", "counted")
    assert 0 < record.completion <= call.tokens < 100
    assert seen - 1 <= record.completion + 1
    assert record.cost == price(record) > 0


@pytest.mark.fault(27)
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_with_the_last_byte_pays_for_all_of_it(
    world: World, server: Server, payer: Member, *, reset: bool
) -> None:
    mine = named()
    caller = Caller(server.base)
    caller.send(*request(payer.key, mine, messages=HELLO))
    caller.until(DONE)
    caller.leave(reset=reset)
    record, call = world.record(mine), left(world, mine)
    assert (record.outcome, record.completion, call.reason) == ("completed", call.tokens, "finish")
    assert record.cost == price(record) > 0


@pytest.mark.fault(27)
def test_who_closes_its_half_of_the_line_amid_the_answer_has_left(world: World, server: Server, payer: Member) -> None:
    mine = named()
    world.first.fail({"kind": "slow", "tokens_per_second": 50})
    with Caller(server.base) as caller:
        caller.send(*request(payer.key, mine, messages=LONG))
        caller.until(TOKEN)
        caller.say_no_more()
        call, record = left(world, mine), world.record(mine)
    assert (call.reason, record.outcome) == ("client_gone", "client_gone")
    assert record.completion <= call.tokens < 100


@pytest.mark.fault(28)
def test_a_client_who_does_not_read_holds_its_upstream_back_and_little_memory(
    world: World, server: Server, payer: Member
) -> None:
    mine = [named() for _ in range(10)]
    world.lines.first.set(Weather(instead=http(ROLE + content("x" * 2000) * TOKENS)))
    before = server.memory()
    with ExitStack() as lines:
        for name in mine:
            caller = lines.enter_context(Caller(server.base, takes=4096))
            caller.send(*request(payer.key, name, messages=HELLO))
            caller.until(TOKEN)
        world.stack.eventually(lambda: standing_still(server))
        assert server.memory() - before < 40 * MIB
        assert [world.records(name) for name in mine] == [[]] * len(mine)
    records = [world.record(name) for name in mine]
    assert {(record.outcome, record.attempts) for record in records} == {("client_gone", 1)}
    assert max(record.completion for record in records) < TOKENS


def standing_still(server: Server) -> bool:
    """Whether the server takes in nothing although there is more."""
    before = server.memory()
    time.sleep(0.5)
    return server.memory() == before


@pytest.mark.fault(33)
def test_slow_ones_of_every_kind_take_nothing_from_the_others(world: World, server: Server, payer: Member) -> None:
    world.first.fail({"kind": "slow", "tokens_per_second": 0, "times": SLOW_ONES})
    head, body = request(payer.key, named(), messages=HELLO)
    with ExitStack() as lines:
        heads, bodies, readers = (
            [lines.enter_context(Caller(server.base, takes=2048)) for _ in range(SLOW_ONES)] for _ in range(3)
        )
        for caller in bodies:
            caller.send(head)
        for caller in readers:
            caller.send(*request(payer.key, named(), messages=LONG))
        dribbled = b"".join((head, body))
        mine = [named() for _ in range(NORMAL)]
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda name: ask(server, payer, name).status_code, mine)
            for at in range(20):
                for caller, said in [*((each, dribbled) for each in heads), *((each, body) for each in bodies)]:
                    caller.send(said[at : at + 1])
            statuses = list(answers)
    assert statuses.count(200) >= NORMAL * 0.95
    assert {world.record(name).outcome for name in mine} == {"completed"}
