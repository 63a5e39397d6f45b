"""A request that is sent again, at the whole gateway in memory: what its client is told, and that it costs once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from accounts import tokens
from gateway.idempotency import Running
from gateway.limits import Limits
from gateway.ports import Principal
from gateway.usage import Outcome
from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.fakes.upstream import DONE, Act, Turn, content, finish, good
from tests.gateway.conftest import CHAT, PEPPER, TOKEN, World, make_world

if TYPE_CHECKING:
    from gateway.asgi import Message
    from tests.fakes.asgi import Answer

PATH = "/v1/chat/completions"
ID, STRICT = ("X-Request-Id", "trace-1"), ("Idempotency-Key", "key-1")
BY_BOTH = pytest.mark.parametrize("header", [ID, STRICT], ids=["request id", "idempotency key"])
SLOW = Turn([1.0, content("a"), 1.0, finish(), DONE])
ENDS: list[Turn] = [Turn(status=503), Turn(refuse=True), Turn([content("a"), Act.CUT]), Turn([finish(), DONE])]


async def ask(world: World, *headers: tuple[str, str], key: tokens.Token = TOKEN, **body: Any) -> Answer:
    caller = Caller(world.gateway, [("Authorization", f"Bearer {key.secret}")])
    return await caller("POST", PATH, json.dumps({**CHAT, **body}).encode(), headers=headers)


def asked_twice(world: World, header: tuple[str, str], **changed: Any) -> tuple[Answer, Answer]:
    async def main() -> tuple[Answer, Answer]:
        return await ask(world, header), await ask(world, header, **changed)

    return skipping(main())


def outcomes(world: World) -> list[Outcome]:
    return [record.outcome for record in world.journal.settled]


@pytest.mark.conformance(143)
@BY_BOTH
def test_rule_13_a_retry_of_what_is_charged_is_told_what_it_cost(header: tuple[str, str]) -> None:
    world = make_world(good("Hel", "lo"))
    first, second = asked_twice(world, header)
    assert (first.status, second.status) == (200, 409)
    assert (second.error["type"], second.error["code"]) == ("idempotency_error", "request_already_completed")
    assert second.headers["x-should-retry"] == "false"
    assert "retry-after" not in second.headers
    charged = second.error["charged"]
    assert charged["request_id"] == first.headers["x-pylo-request-id"]
    assert charged["usage"] == first.json()["usage"]
    assert charged["cost_usd"] == "0.00001782"  # 6 × 900 + 4 × 180 + 3 × 3900 nano-dollars
    assert outcomes(world) == [Outcome.COMPLETED]
    assert len(world.transport.calls) == 1


@pytest.mark.conformance(144)
@BY_BOTH
@pytest.mark.parametrize("stream", [True, False])
def test_a_retry_of_what_runs_is_told_to_come_again(header: tuple[str, str], *, stream: bool) -> None:
    world = make_world(SLOW)

    async def main() -> tuple[Answer, Answer]:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(ask(world, header, stream=stream))
            await asyncio.sleep(1.5)
            second = await ask(world, header, stream=stream)
        return first.result(), second

    first, second = skipping(main())
    assert (first.status, second.status) == (200, 409)
    assert second.error["code"] == "idempotency_key_in_progress"
    assert (second.headers["x-should-retry"], second.headers["retry-after"]) == ("true", "1")
    assert outcomes(world) == [Outcome.COMPLETED]


@BY_BOTH
@pytest.mark.parametrize("turn", ENDS)
def test_a_retry_of_what_was_free_runs(header: tuple[str, str], turn: Turn) -> None:
    world = make_world(turn, good("Hello"))
    _, second = asked_twice(world, header)
    assert (second.status, second.json()["choices"][0]["message"]["content"]) == (200, "Hello")
    assert outcomes(world)[1] == Outcome.COMPLETED
    assert len(world.transport.calls) == 2


def test_the_same_request_id_with_another_body_is_a_request_of_its_own() -> None:
    world = make_world()
    first, second = asked_twice(world, ID, temperature=0.5)
    assert (first.status, second.status) == (200, 200)
    assert second.headers["x-request-id"] == "trace-1"
    one, two = world.journal.settled
    assert not set(one.digests) & set(two.digests)


@pytest.mark.conformance(144)
def test_rule_13_the_same_key_with_another_body_is_a_422() -> None:
    world = make_world()
    first, second = asked_twice(world, STRICT, temperature=0.5)
    assert (first.status, second.status) == (200, 422)
    assert (second.error["type"], second.error["code"]) == ("idempotency_error", "idempotency_key_mismatch")
    assert len(world.journal.admitted) == 1


@pytest.mark.conformance(144)
@pytest.mark.parametrize("value", ["", "x" * 256, "ü"])
def test_a_key_that_is_none_is_a_400(world: World, value: str) -> None:
    answer = skipping(ask(world, ("Idempotency-Key", value)))
    assert (answer.status, answer.error["code"]) == (400, "idempotency_key_invalid")
    assert (world.journal.admitted, world.transport.calls, world.claimed.calls) == ([], [], 0)


@pytest.mark.conformance(145)
def test_rule_13_without_an_id_the_same_request_runs_as_often_as_it_is_sent(world: World) -> None:
    async def main() -> list[int]:
        return [(await ask(world)).status for _ in range(3)]

    assert skipping(main()) == [200, 200, 200]
    assert [record.digests for record in world.journal.settled] == [(), (), ()]
    assert (world.claimed.calls, world.charged.calls) == (0, 0)


def test_a_fresh_key_counts_and_not_the_request_id_beside_it(world: World) -> None:
    async def main() -> list[int]:
        keys = ["a", "b", "b"]
        return [(await ask(world, ID, ("Idempotency-Key", key))).status for key in keys]

    assert skipping(main()) == [200, 200, 409]


@pytest.mark.parametrize(("header", "other_key", "other_workspace"), [(ID, 409, 200), (STRICT, 200, 200)])
@pytest.mark.conformance(144)
def test_an_id_is_its_workspaces_and_a_strict_key_its_api_keys(
    world: World, header: tuple[str, str], other_key: int, other_workspace: int
) -> None:
    seeds = {1: (UUID(int=1), UUID(int=20)), 2: (UUID(int=10), UUID(int=30))}
    minted = {seed: tokens.mint(bytes([seed]) * 32) for seed in seeds}
    for seed, (workspace_id, key_id) in seeds.items():
        principal = Principal(workspace_id=workspace_id, key_id=key_id, expires_at_ms=None)
        world.keys.add(tokens.digest(minted[seed], PEPPER), principal)
        world.purse.books.put(workspace_id, 10**9)

    async def main() -> list[int]:
        return [(await ask(world, header, key=key)).status for key in (TOKEN, minted[1], minted[2])]

    assert skipping(main()) == [200, other_key, other_workspace]


def test_a_client_that_left_early_may_come_again_and_one_that_had_tokens_is_charged() -> None:
    world = make_world(Turn([1.0, content("a"), 100.0, content("b"), finish(), DONE]))

    async def main() -> list[int]:
        body = json.dumps(CHAT).encode()
        for seconds in (0.5, 2.0):
            await world.call("POST", PATH, body, headers=[ID], hang_up_after=seconds)
            await world.claims.close()
        return [(await ask(world, ID)).status]

    assert skipping(main()) == [409]
    assert outcomes(world) == [Outcome.CLIENT_GONE_EARLY, Outcome.CLIENT_GONE]


def test_what_is_refused_before_its_admission_holds_no_claim() -> None:
    world = make_world(spendable=0)
    assert skipping(ask(world, ID)).status == 402
    assert (world.claimed.known, world.claimed.calls) == ({}, 0)


def test_a_journal_that_is_full_frees_the_claim() -> None:
    world = make_world()
    world.journal.full = True

    async def main() -> list[int]:
        first = await ask(world, ID)
        await asyncio.sleep(0.1)
        world.journal.full = False
        return [first.status, (await ask(world, ID)).status]

    assert skipping(main()) == [503, 200]


def test_the_end_is_known_elsewhere_before_the_client_has_it() -> None:
    world = make_world()
    known: list[bool] = []

    async def main() -> None:
        async def send(message: Message) -> None:
            states = [state for state, _ in world.claimed.known.values()]
            known.append(not any(isinstance(state, Running) for state in states) and bool(states))

        scope = Caller(world.gateway, [("Authorization", f"Bearer {TOKEN.secret}"), ID]).scope("POST", PATH, [])
        body = [{"type": "http.request", "body": json.dumps({**CHAT, "stream": True}).encode()}]

        async def receive() -> Message:
            if body:
                return body.pop()
            await asyncio.Event().wait()
            raise AssertionError

        await world.gateway(scope, receive, send)

    skipping(main())
    assert known[-1]
    assert not any(known[:-1])


@pytest.mark.parametrize("away", ["claims", "charged", "both"])
def test_with_stores_away_a_request_is_served_and_its_retry_is_known_here(world: World, away: str) -> None:
    world.claimed.away = away != "charged"
    world.charged.away = away != "claims"
    first, second = asked_twice(world, ID)
    assert (first.status, second.status) == (200, 409)
    assert outcomes(world) == [Outcome.COMPLETED]


def test_of_a_hundred_at_once_one_runs() -> None:
    world = make_world(SLOW, most_in_flight=100, allowed=Limits.of(1000, 1_000_000, 100))

    async def main() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(ask(world, ID) for _ in range(100)))]

    statuses = skipping(main())
    assert (statuses.count(200), statuses.count(409)) == (1, 99)
    assert outcomes(world) == [Outcome.COMPLETED]
