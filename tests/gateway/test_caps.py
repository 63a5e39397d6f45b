"""Caps as a client meets them: what it is told, what an upstream is asked for, and what is charged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.purses import Budget
from gateway.usage import Outcome, Tokens
from tests.fakes.clock import skipping
from tests.fakes.upstream import DONE, Turn, content, finish, good
from tests.gateway.conftest import CHAT, KEY, WORKSPACE, make_world

if TYPE_CHECKING:
    from tests.fakes.asgi import Answer
    from tests.gateway.conftest import World

PATH = "/v1/chat/completions"
BODY = json.dumps(CHAT).encode()
PROMPT = len(BODY) + 64 + 8  # tokens at most


def ask(world: World, *headers: tuple[str, str], **body: object) -> Answer:
    return skipping(world.call("POST", PATH, json.dumps({**CHAT, **body}).encode(), headers=headers))


def held(world: World) -> int:
    return world.purse.store.purses.held


def test_an_answer_tells_what_it_could_cost_what_it_cost_and_what_is_left() -> None:
    world = make_world(spendable=10**9)
    answer = ask(world)
    cost = 6 * 900 + 4 * 180 + 3 * 3900
    assert answer.headers["x-pylo-cost"] == "0.00001782"
    assert answer.json()["usage"]["cost"] == cost / 10**9
    assert b'"cost":0.00001782' in answer.body
    assert world.record.tokens == Tokens(prompt=10, cached=4, completion=3)


def test_a_stream_tells_its_cost_with_its_usage() -> None:
    answer = skipping(make_world().chat(stream=True, stream_options={"include_usage": True}))
    assert b'"cost":0.00001782}' in answer.body
    assert "x-pylo-cost" not in answer.headers
    assert "x-pylo-max-cost" in answer.headers


def test_an_error_costs_nothing_and_says_so() -> None:
    world = make_world(Turn(status=400))
    answer = ask(world)
    assert (answer.status, answer.headers["x-pylo-cost"]) == (400, "0")
    assert skipping(world.call("POST", "/v1/nothing", b"")).headers["x-pylo-cost"] == "0"


def test_rule_23_an_upstream_is_asked_for_no_more_than_the_balance_pays_for() -> None:
    body = json.dumps({**CHAT, "max_tokens": 1000}).encode()
    world = make_world(spendable=(len(body) + 72) * 900 + 100 * 3900 + 1)
    assert ask(world, max_tokens=1000).status == 200
    assert world.upstream_call.json["max_completion_tokens"] == 100


def test_rule_22_a_budget_of_the_key_refuses_before_any_work() -> None:
    world = make_world()
    world.purse.books.put(WORKSPACE, 10**9, {Budget(KEY, "total", 10**6): 999})
    answer = ask(world)
    assert (answer.status, answer.error["code"], answer.error["type"]) == (402, "budget_exceeded", "insufficient_quota")
    assert "the total budget of this API key, $0.001:" in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert (world.transport.calls, world.journal.admitted, len(world.purse.holds)) == ([], [], 0)


def test_a_budget_of_another_key_is_nobody_elses() -> None:
    world = make_world()
    world.purse.books.put(WORKSPACE, 10**9, {Budget(WORKSPACE, "total", 10**6): 0})
    assert ask(world).status == 200


def test_a_top_up_counts_at_once() -> None:
    world = make_world(spendable=0)

    async def main() -> list[int]:
        statuses = [(await world.call("POST", PATH, BODY)).status]
        world.purse.books.put(WORKSPACE, 10**9)
        world.purse.wallets._known[WORKSPACE].read_at -= 0.25
        return [*statuses, (await world.call("POST", PATH, BODY)).status]

    assert skipping(main()) == [402, 200]


@pytest.mark.parametrize(
    ("ceiling", "status", "code"), [("0.0001", 402, "max_cost_exceeded"), ("x", 400, "invalid_max_cost")]
)
def test_a_requests_own_ceiling_is_judged_before_any_work(ceiling: str, status: int, code: str) -> None:
    world = make_world()
    answer = ask(world, ("X-Pylo-Max-Cost", ceiling))
    assert (answer.status, answer.error["code"]) == (status, code)
    assert (world.transport.calls, world.journal.admitted) == ([], [])


def test_an_own_ceiling_cuts_the_answer_that_is_asked_for() -> None:
    world = make_world()
    answer = ask(world, ("X-Pylo-Max-Cost", "0.001"))
    assert world.upstream_call.json["max_completion_tokens"] == (10**6 - PROMPT * 900) // 3900
    assert float(answer.headers["x-pylo-max-cost"]) <= 0.001


def test_rule_23_what_an_upstream_tells_beyond_the_hold_is_not_charged() -> None:
    usage = {"prompt_tokens": 10**5, "completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 800}}
    world = make_world(Turn([content("a"), finish(usage=usage), DONE]))
    answer = ask(world, max_tokens=5)
    most = len(json.dumps({**CHAT, "max_tokens": 5})) + 72
    assert world.record.tokens == Tokens(prompt=most, cached=0, completion=5, reasoning=5)
    assert answer.headers["x-pylo-cost"] == answer.headers["x-pylo-max-cost"]


def test_rule_24_an_end_leaves_held_what_it_cost_until_that_is_recorded() -> None:
    world = make_world(good("a"), good("b"))

    async def main() -> list[int]:
        await world.call("POST", PATH, BODY)
        own = world.purse.holds.purses(WORKSPACE).values()
        settled = [each.settled for each in own]
        world.purse.books.recorded.add(world.record.uid)
        world.purse.books.put(WORKSPACE, 5_000_000_000 - settled[0])
        await world.purse.wallets._ask(WORKSPACE).told
        return [*settled, *(each.number - each.escrow for each in own)]

    cost = skipping(main())[0]
    assert cost > 0
    assert held(world) == sum(own.escrow for _, own in world.purse.holds.numbers())


def test_rule_22_what_we_or_an_upstream_broke_holds_nothing() -> None:
    world = make_world(Turn([content("a")]))
    ask(world)
    assert world.record.outcome is Outcome.UPSTREAM_CUT
    assert [own.number - own.escrow for _, own in world.purse.holds.numbers()] in ([], [0])
