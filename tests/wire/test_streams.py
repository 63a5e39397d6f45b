"""A streamed answer to the byte, whichever dialect the upstream speaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import APIConnectionError, OpenAI

from tests.fakes.process import free_port
from tests.wire.asking import ALOUD, COUNT, DIALECTS, HAIKU, MODEL, OPTIONS, alike, chunks, named, post
from tests.wire.conftest import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.stack import Member, Stack

SAFE = re.compile(rb"(: [^\n]*\n\n|data: [^\n]+\n\n)*")
DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


@pytest.mark.conformance(17, 71)
def test_its_headers_keep_it_flowing(base: str, member: Member) -> None:
    headers = post(base, member.key, stream=True).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache, no-transform", "no")
    assert headers["transfer-encoding"] == "chunked"
    assert not {"content-length", "content-encoding"} & set(headers)


@pytest.mark.conformance(72, 73, 80, 81, 151)
def test_its_bytes_are_those_that_every_client_reads(base: str, member: Member) -> None:
    body = post(base, member.key, stream=True).content
    assert SAFE.fullmatch(body)
    assert (body.count(DONE), body.endswith(DONE)) == (1, True)
    parts = chunks(body)
    assert {(part["id"], part["created"], part["model"], part["object"]) for part in parts} == {
        (parts[0]["id"], parts[0]["created"], MODEL, "chat.completion.chunk")
    }
    roles = [part["choices"][0]["delta"].get("role") for part in parts]
    assert roles == ["assistant", *[None] * (len(parts) - 1)]
    assert [part["choices"][0]["finish_reason"] for part in parts] == [*[None] * (len(parts) - 1), "stop"]


@pytest.mark.conformance(83, 84, 85, 86)
def test_usage_is_one_chunk_before_the_end_or_none(base: str, stack: Stack, member: Member) -> None:
    mine = named()
    assert [part["usage"] for part in chunks(post(base, member.key, stream=True).content) if part["usage"]] == []
    *others, last = chunks(post(base, member.key, stream=True, stream_options=OPTIONS, named=mine).content)
    assert [part["usage"] for part in others] == [None] * len(others)
    assert last["choices"] == []
    (call,) = stack.upstream.calls(mine)
    assert last["usage"]["completion_tokens"] == call.tokens
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == call.reasoning_tokens
    assert (last["usage"]["prompt_tokens"], last["usage"]["prompt_tokens_details"]["cached_tokens"]) == (
        call.prompt_tokens,
        call.cached_tokens,
    )


@pytest.mark.conformance(151)
@pytest.mark.parametrize(("dialects", "effort"), [(ALOUD, "high"), (DIALECTS, "none")], ids=["aloud", "all"])
def test_every_dialect_gives_a_client_the_same_bytes(
    stack: Stack, member: Member, dialects: tuple[str, ...], effort: str
) -> None:
    question: Any = [{"role": "user", "content": "Repeat: the same bytes, 路由 🌍"}]
    asked: dict[str, Any] = {
        "messages": question,
        "stream": True,
        "stream_options": OPTIONS,
        "reasoning_effort": effort,
    }
    bodies = [alike(post(served(stack, dialect), member.key, **asked).content) for dialect in dialects]
    assert set(bodies) == {bodies[0]}
    assert (b"reasoning_content" in bodies[0]) == (effort == "high")


@pytest.mark.conformance(74, 75, 77)
def test_an_upstreams_error_is_the_last_event_however_it_is_spelled(base: str, stack: Stack, member: Member) -> None:
    stack.upstream.fail({"kind": "error", "after": 3, "message": "CANARY"})
    body = post(base, member.key, stream=True, stream_options=OPTIONS, reasoning_effort="none").content
    role, *tokens, failure = chunks(body)
    assert (role["choices"][0]["delta"]["role"], len(tokens)) == ("assistant", 3)
    assert (failure["error"]["code"], failure["choices"][0]["finish_reason"]) == ("upstream_error", "error")
    assert not [word for word in (b"[DONE]", b'"stop"', b"CANARY", b"prompt_tokens") if word in body]


@pytest.mark.conformance(110)
def test_reasoning_comes_before_the_content(aloud: str, member: Member) -> None:
    deltas = [part["choices"][0]["delta"] for part in chunks(post(aloud, member.key, stream=True).content)]
    kinds = [key for delta in deltas for key in ("reasoning_content", "content") if delta.get(key)]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning_content", "content"}


@pytest.mark.conformance(91)
def test_an_event_is_passed_on_before_the_next_one_is_there(stack: Stack, member: Member) -> None:
    mine = named()
    stack.upstream.heal()
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 10})
    headers = {"Authorization": f"Bearer {member.key}", "X-Request-Id": mine}
    asked = {"model": MODEL, "messages": COUNT, "stream": True}
    with httpx.stream("POST", f"{stack.api_base}/chat/completions", json=asked, headers=headers, timeout=20) as answer:
        first = next(answer.iter_raw())
        (call,) = stack.upstream.calls(mine)
    assert first.count(b"data: ") <= call.tokens + 1 < 5


@pytest.fixture
def lively(stack: Stack) -> Iterator[str]:
    """A server that gives a sign of life after each second of silence."""
    stack.upstream.heal()
    yield stack.served_by("moonshot", "moonshot", PYLO_KEEP_ALIVE_SECONDS="1")
    stack.upstream.heal()


@pytest.mark.conformance(88, 89)
def test_signs_of_life_come_before_the_first_token_and_between_two_never_inside(
    lively: str, stack: Stack, member: Member
) -> None:
    stack.upstream.fail({"kind": "slow", "first_token_ms": 1500, "tokens_per_second": 1})
    body = post(lively, member.key, stream=True, max_completion_tokens=2).content
    assert SAFE.fullmatch(body)
    assert body.startswith(KEEP_ALIVE)
    assert (body.count(DONE), body.endswith(DONE)) == (1, True)
    assert [part["choices"][0]["finish_reason"] for part in chunks(body)][-1] == "length"


@pytest.mark.conformance(74, 90)
def test_signs_of_life_do_not_put_off_the_deadline_for_a_first_token(lively: str, stack: Stack, member: Member) -> None:
    stack.upstream.fail({"kind": "comments", "times": 2})
    body = post(lively, member.key, stream=True).content
    assert body.count(KEEP_ALIVE) >= 3
    (failure,) = chunks(body)
    assert failure["error"]["code"] == "upstream_timeout"
    assert b"[DONE]" not in body


@pytest.mark.conformance(92)
def test_a_server_that_is_killed_leaves_no_stream_that_looks_whole(stack: Stack, member: Member) -> None:
    port = free_port()
    server = stack.serve("killed", port)
    stack.upstream.heal()
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 20})
    with OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=member.key, max_retries=0, timeout=20) as client:
        stream = client.chat.completions.create(model=MODEL, messages=HAIKU, stream=True)
        next(stream)
        server.kill()
        with pytest.raises(APIConnectionError):
            list(stream)
