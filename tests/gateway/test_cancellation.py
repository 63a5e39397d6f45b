"""Wherever a request is cut off, it has one end, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from gateway.idempotency import Done
from gateway.usage import CHARGED, Outcome
from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.fakes.purses import settled
from tests.fakes.upstream import DONE, ERROR, ROLE, Act, Turn, content, finish
from tests.gateway.conftest import CHAT, TOKEN, World, make_world

if TYPE_CHECKING:
    from gateway.asgi import App, Message, Receive, Scope, Send

TURN = Turn([ROLE, 0.0, content("a"), 0.0, content("b"), finish(), 0.0, DONE], before=[0.0])  # each a turn of the loop
MOST_STEPS = 200


def slowly(app: App, gone: asyncio.Event) -> App:
    """A server whose every send takes a turn of the loop, and whose client leaves when `gone` is set."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        first = [receive]

        async def receiving() -> Message:
            if first:
                return await first.pop()()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def sending(message: Message) -> None:
            await asyncio.sleep(0)
            await send(message)

        await app(scope, receiving, sending)

    return serve


def served(world: World, *, steps: int, stream: bool, hang_up: bool) -> bool:
    """Serve a request and cut it off after so many steps of the loop; say whether it ended before."""
    body = json.dumps({**CHAT, "stream": stream}).encode()

    async def main() -> bool:
        gone = asyncio.Event()
        headers = [("Authorization", f"Bearer {TOKEN.secret}"), ("X-Request-Id", "trace-1")]
        call = Caller(slowly(world.gateway, gone), headers)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(call("POST", "/v1/chat/completions", body))
            for _ in range(steps):
                await asyncio.sleep(0)
            ended = serving.done()
            if hang_up:
                gone.set()
            else:
                serving.cancel()
        await world.claims.close()
        await settled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return ended

    return skipping(main())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("hang_up", [True, False])
def test_wherever_it_is_cut_off_a_request_has_one_end(*, stream: bool, hang_up: bool) -> None:
    outcomes: list[Outcome] = []
    for steps in range(MOST_STEPS):
        world = make_world(TURN)
        ended = served(world, steps=steps, stream=stream, hang_up=hang_up)
        assert world.leased == {"first": 0}
        admitted = [each.uid for each in world.journal.admitted]
        assert [record.uid for record in world.journal.settled] == admitted
        assert world.admission.in_flight == 0
        assert len(world.purse.holds) == 0
        charged = [record.uid for record in world.journal.settled if record.outcome in CHARGED]
        assert [known.uid for known, _ in world.claimed.known.values() if isinstance(known, Done)] == charged
        assert len(world.claimed.known) == len(charged)
        assert all(each.closed or not each.sent for each in world.transport.calls)
        outcomes += [record.outcome for record in world.journal.settled]
        if ended:
            break
    assert outcomes[-1] is Outcome.COMPLETED
    left = {Outcome.CLIENT_GONE_EARLY, Outcome.CLIENT_GONE} if hang_up else {Outcome.INTERRUPTED}
    assert set(outcomes) == {Outcome.COMPLETED, *left}
    assert Outcome.INTERRUPTED not in CHARGED


WAYS = {
    "the second answers after a 503": (Turn(status=503, before=[0.0]), TURN),
    "the second answers after an error event": (Turn([ROLE, 0.0, ERROR], before=[0.0]), TURN),
    "the second answers after a refused connection": (Turn(refuse=True), TURN),
    "both are at capacity": (Turn(status=429, before=[0.0]), Turn([b"x", 0.0], status=429)),
    "the request is blamed": (Turn([0.0, b"x"], status=400, before=[0.0]), TURN),
    "the answer breaks off": (Turn([ROLE, content("a"), 0.0, Act.CUT]), TURN),
    "the answer ends early": (Turn([ROLE, content("a"), 0.0, DONE]), TURN),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hang_up", [True, False])
def test_wherever_it_is_cut_off_no_place_of_an_upstream_stays_taken(way: str, *, hang_up: bool) -> None:
    ended = False
    for steps in range(MOST_STEPS):
        world = make_world(*WAYS[way], upstreams=("first", "second", "third"))
        ended = served(world, steps=steps, stream=True, hang_up=hang_up)
        assert world.leased == {"first": 0, "second": 0, "third": 0}
        for name in world.leased:
            told = [what for upstream, what, _ in world.routing.notes if upstream == name]
            assert told.count("released") == (1 if told else 0)
            assert told[-1:] in ([], ["released"])
            assert len(told) <= len({"first token", "a fault", "released"})
        tries = [each.tries for each in world.journal.settled]
        assert [len(each) for each in tries] == [each.attempts for each in world.journal.settled]
        if ended:
            break
    assert ended
