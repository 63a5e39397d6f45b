"""Silence towards the client, and reasoning that it does not want to see."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.usage import Outcome, Tokens
from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.fakes.upstream import DONE, ROLE, Act, Turn, content, event, finish, good, reasoning
from tests.gateway.conftest import CHAT, TOKEN, make_world

if TYPE_CHECKING:
    from gateway.asgi import Message, Receive, Scope, Send

TEN_MINUTES = 600.0
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 2}}
THOUGHTFUL = Turn([ROLE, reasoning("h"), reasoning("m"), 20.0, content("a"), content("b"), finish(usage=USAGE), DONE])
HIDDEN: list[dict[str, Any]] = [{"reasoning": {"exclude": True}}, {"include_reasoning": False}]


@pytest.mark.conformance(146, 147)
def test_a_ten_minute_answer_in_one_piece_is_never_silent_for_longer_than_a_keep_alive() -> None:
    answer = skipping(make_world(good(*["word "] * 120, gap=5.0)).chat())
    assert answer.times[-1] == TEN_MINUTES
    assert max(end - start for start, end in itertools.pairwise([0.0, *answer.times])) <= 15.0
    assert (answer.status, answer.complete, answer.cut) == (200, True, False)
    assert answer.chunks[:-1] == [b"\n"] * (len(answer.chunks) - 1)
    assert answer.json()["choices"][0]["message"]["content"] == "word " * 120
    assert (answer.headers["content-type"], answer.headers["x-accel-buffering"]) == ("application/json", "no")
    assert "content-length" not in answer.headers


@pytest.mark.conformance(147)
def test_before_the_first_token_nothing_keeps_an_answer_in_one_piece_alive() -> None:
    world = make_world(Turn([Act.HANG]), upstreams=("first", "second"))
    answer = skipping(world.chat())
    assert (answer.status, answer.times, answer.error["code"]) == (504, [16.0], "upstream_timeout")


@pytest.mark.conformance(147)
def test_an_answer_in_one_piece_that_is_soon_there_has_its_length_and_no_space() -> None:
    answer = skipping(make_world(Turn([content("a"), 14.0, content("b"), finish(), DONE])).chat())
    assert answer.times == [14.0]
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.body.startswith(b"{")


@pytest.mark.conformance(70, 147)
def test_a_bug_after_a_keep_alive_is_no_document_either() -> None:
    world = make_world(Turn([content("a"), 20.0, event({}, finish_reason="stop"), DONE]))
    world.journal.settle = None  # type: ignore[assignment,method-assign]  # calling it is the bug
    answer = skipping(world.chat())
    assert (answer.status, answer.body, answer.cut) == (200, b"\n", True)


@pytest.mark.conformance(93, 149)
@pytest.mark.parametrize("pause", [6.0, 16.0], ids=["at a token", "at a keep-alive"])
def test_a_client_who_takes_nothing_any_more_has_left_whether_it_hung_up_or_not(pause: float) -> None:
    world = make_world(Turn([content("a"), pause, content("b"), finish(), DONE]))
    heard: list[Message] = []

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if len(heard) > 1:
                raise ConnectionResetError
            heard.append(message)
            await send(message)

        await world.gateway(scope, receive, sending)

    body = json.dumps(CHAT | {"stream": True}).encode()
    skipping(Caller(refusing, [("Authorization", f"Bearer {TOKEN.secret}")])("POST", "/v1/chat/completions", body))
    assert (world.record.outcome, world.record.status) == (Outcome.CLIENT_GONE, 200)
    assert world.upstream_call.closed


@pytest.mark.conformance(109)
@pytest.mark.parametrize("switch", HIDDEN)
def test_hidden_reasoning_is_in_no_stream_and_in_no_document_but_on_the_bill(switch: dict[str, Any]) -> None:
    for stream in (True, False):
        world = make_world(THOUGHTFUL)
        answer = skipping(world.chat(stream=stream, **switch))
        assert b"reasoning_content" not in answer.body
        assert world.record.tokens == Tokens(prompt=10, completion=4, reasoning=2)
        assert (world.record.outcome, world.record.first_token_ms) == (Outcome.COMPLETED, 0)


@pytest.mark.parametrize("switch", HIDDEN)
def test_while_it_reasons_unseen_a_stream_has_begun_and_is_kept_alive(switch: dict[str, Any]) -> None:
    answer = skipping(make_world(THOUGHTFUL).chat(stream=True, **switch))
    role, alive, *_ = answer.chunks
    assert b'"role":"assistant"' in role
    assert (alive, answer.times[:2]) == (b": keep-alive\n\n", [0.0, 15.0])
    assert answer.text() == "ab"


@pytest.mark.parametrize("switch", HIDDEN)
def test_while_it_reasons_unseen_an_answer_in_one_piece_is_kept_alive(switch: dict[str, Any]) -> None:
    answer = skipping(make_world(THOUGHTFUL).chat(**switch))
    assert answer.times == [15.0, 20.0]
    assert answer.json()["choices"][0]["message"] == {"role": "assistant", "content": "ab", "refusal": None}
