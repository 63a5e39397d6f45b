from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import APIConnectionError, APIError, AuthenticationError, BadRequestError, OpenAI, RateLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionChunk

    from tests.fakes.sandbox import Upstream

HAIKU: Any = [{"role": "user", "content": "Write a haiku about routing tables."}]
COUNT: Any = [{"role": "user", "content": "Count to 300"}]
OPTIONS: Any = {"include_usage": True}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture
def client(upstream: Upstream) -> Iterator[OpenAI]:
    headers = {"X-Request-Id": "mine", "X-Pylo-Request-Id": "req_mine"}
    with OpenAI(base_url=f"{upstream.url}/v1", api_key="any", max_retries=0, default_headers=headers) as client:
        yield client


def stream(client: OpenAI, messages: Any = HAIKU, **values: Any) -> list[ChatCompletionChunk]:
    return list(client.chat.completions.create(model="kimi-k2.6", stream=True, messages=messages, **values))


def lines(upstream: Upstream, fault: dict[str, Any]) -> bytes:
    """Return the raw body of a streamed answer under `fault`."""
    asked = {"model": "kimi-k2.6", "stream": True, "messages": HAIKU}
    headers = {"Authorization": "Bearer any", "X-Sandbox-Fault": json.dumps(fault)}
    return httpx.post(f"{upstream.url}/v1/chat/completions", json=asked, headers=headers, trust_env=False).content


def test_the_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["kimi-k2.6"]


def test_a_stream_is_role_reasoning_content_and_a_finish_chunk_with_its_usage(client: OpenAI) -> None:
    chunks = stream(client)
    assert chunks[0].choices[0].delta.role == "assistant"
    kinds = [chunk.choices[0].delta.model_dump(exclude_none=True).keys() - {"role"} for chunk in chunks[1:-1]]
    reasoning = kinds.index({"content"})
    assert kinds == [{"reasoning_content"}] * reasoning + [{"content"}] * (len(kinds) - reasoning)
    usage = (chunks[-1].choices[0].model_extra or {})["usage"]
    assert usage["completion_tokens"] == len(kinds)
    assert usage["cached_tokens"] == usage["prompt_tokens_details"]["cached_tokens"]
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_standard_usage_chunk_comes_only_when_asked_for(client: OpenAI) -> None:
    assert all(chunk.usage is None for chunk in stream(client))
    last = stream(client, stream_options=OPTIONS)[-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


def test_an_answer_in_one_piece_says_the_same_as_its_stream(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="kimi-k2.6", messages=HAIKU)
    chunks = stream(client)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert whole.choices[0].message.content == streamed
    assert whole.usage is not None
    assert whole.usage.completion_tokens == len(chunks) - 2


def test_tool_calls_stream_with_one_opening_fragment_each(client: OpenAI) -> None:
    chunks = stream(client, [{"role": "user", "content": "How is the weather?"}], tools=[WEATHER])
    fragments = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert fragments[0].id == "functions.get_weather:0"
    assert all(fragment.id is None for fragment in fragments[1:])
    arguments = "".join(fragment.function.arguments or "" for fragment in fragments if fragment.function)
    assert json.loads(arguments) == {"city": "sandbox"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_a_long_prompt_said_twice_is_cached(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "a rather long prompt " * 100}]
    usages = [client.chat.completions.create(model="kimi-k2.6", messages=messages).usage for _ in range(2)]
    details = [usage.prompt_tokens_details.cached_tokens for usage in usages if usage and usage.prompt_tokens_details]
    assert details[0] == 0
    assert details[1] == 384  # 6 blocks of 64, of 402 tokens


def test_the_truth_has_every_token_and_no_word(client: OpenAI, upstream: Upstream) -> None:
    before = upstream.sums()
    chunks = stream(client, stream_options=OPTIONS)
    after = upstream.sums()
    usage = chunks[-1].usage
    assert usage is not None
    assert after.finished == before.finished + 1
    assert after.prompt_tokens == before.prompt_tokens + usage.prompt_tokens
    assert after.completion_tokens == before.completion_tokens + usage.completion_tokens
    call = upstream.calls()[-1]
    assert (call.uid, call.request_id, call.reason) == ("req_mine", "mine", "finish")
    assert (call.prompt_tokens, call.tokens) == (usage.prompt_tokens, usage.completion_tokens)


def test_a_client_who_leaves_is_noticed_at_once(client: OpenAI, upstream: Upstream) -> None:
    upstream.fail({"kind": "slow", "tokens_per_second": 50})
    with client.chat.completions.create(model="kimi-k2.6", stream=True, messages=COUNT) as chunks:
        for _ in range(5):
            next(chunks)
    # The next answer takes longer than the notice may, and its own log line comes after it.
    client.chat.completions.create(model="kimi-k2.6", messages=HAIKU)
    left, _ = upstream.calls()[-2:]
    assert left.reason == "client_gone"
    assert 3 <= left.tokens <= 20


def test_without_a_key_it_is_401_in_moonshots_form(upstream: Upstream) -> None:
    answer = httpx.post(f"{upstream.url}/v1/chat/completions", json={}, trust_env=False)
    assert answer.status_code == 401
    assert answer.json() == {"error": {"type": "invalid_authentication_error", "message": "Invalid Authentication"}}


def test_a_refused_request_is_an_exception_of_the_sdk(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="only 1 is allowed"):
        client.chat.completions.create(model="kimi-k2.6", messages=HAIKU, temperature=0)


def test_queued_faults_hit_the_next_requests_in_order(client: OpenAI, upstream: Upstream) -> None:
    upstream.fail({"status": 429, "retry_after": 3, "type": "engine_overloaded_error"}, {"status": 401})
    with pytest.raises(RateLimitError) as limited:
        stream(client)
    assert limited.value.response.headers["retry-after"] == "3"
    with pytest.raises(AuthenticationError):
        stream(client)
    assert stream(client)[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ({"kind": "empty"}, b""),
        ({"kind": "only_done"}, b"data: [DONE]\n\n"),
        ({"kind": "html"}, b"<!doctype html><title>Just a moment</title><p>Checking your browser."),
        ({"kind": "redirect"}, b""),
        ({"kind": "garbage"}, bytes(range(256)) * 8),
        (
            {"kind": "error_first", "type": "server_error", "message": "no"},
            b'data: {"error":{"type":"server_error","message":"no"}}\n\ndata: [DONE]\n\n',
        ),
    ],
)
def test_a_fault_in_the_header_replaces_the_answer(upstream: Upstream, fault: dict[str, Any], body: bytes) -> None:
    assert lines(upstream, fault) == body
    assert upstream.calls()[-1].reason == fault["kind"]


def test_an_unknown_fault_is_told_and_not_queued(upstream: Upstream) -> None:
    assert b"unknown kind" in lines(upstream, {"kind": "meteor"})


def test_events_can_be_spelled_without_a_space_and_with_crlf(upstream: Upstream) -> None:
    body = lines(upstream, {"kind": "spelling", "space": False, "crlf": True})
    assert body.startswith(b'data:{"id":')
    assert body.endswith(b"data:[DONE]\r\n\r\n")


def test_usage_and_the_finish_chunk_can_be_missing(upstream: Upstream) -> None:
    assert b"usage" not in lines(upstream, {"kind": "no_usage"})
    body = lines(upstream, {"kind": "no_finish"})
    assert b'"finish_reason":"' not in body
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_cut_stream_breaks_off_after_its_tokens(client: OpenAI, upstream: Upstream, how: str) -> None:
    upstream.fail({"kind": "cut", "after": 3, "how": how})
    got: list[ChatCompletionChunk] = []
    with pytest.raises((APIConnectionError, httpx.HTTPError)):
        got.extend(client.chat.completions.create(model="kimi-k2.6", stream=True, messages=HAIKU))
    call = upstream.calls()[-1]
    assert (call.tokens, call.reason) == (3, "cut")


def test_a_stream_can_end_well_and_too_early(upstream: Upstream) -> None:
    body = lines(upstream, {"kind": "cut", "after": 3, "how": "eof"})
    assert body.count(b"data: ") == 4  # the role and three tokens
    assert b"[DONE]" not in body


def test_an_error_can_come_after_tokens(client: OpenAI, upstream: Upstream) -> None:
    upstream.fail({"kind": "error", "after": 2, "message": "out of luck"})
    with pytest.raises(APIError, match="out of luck"):
        stream(client)


@pytest.mark.parametrize("kind", ["hang", "silence", "comments", "stall"])
def test_silence_lasts_until_the_client_leaves(client: OpenAI, upstream: Upstream, kind: str) -> None:
    upstream.fail({"kind": kind, "after": 1})
    assert heard_until_bored(upstream).count(b"data: ") == {"stall": 2}.get(kind, 0)
    client.models.list()
    assert upstream.calls()[-1].reason == "client_gone"


def heard_until_bored(upstream: Upstream) -> bytes:
    """Ask for a stream and leave after less than a comment's pause without a byte."""
    asked = {"model": "kimi-k2.6", "stream": True, "messages": HAIKU}
    key = {"Authorization": "Bearer any"}
    url = f"{upstream.url}/v1/chat/completions"
    heard = b""
    try:
        with httpx.stream("POST", url, json=asked, headers=key, timeout=0.2, trust_env=False) as answer:
            for part in answer.iter_bytes():
                heard += part
    except httpx.ReadTimeout:
        return heard
    raise AssertionError("the answer ended")


@pytest.mark.parametrize("dialect", ["moonshot", "vllm", "sglang", "together", "openai"])
def test_bytes_and_chunks_can_be_odd_in_every_dialect(upstream: Upstream, dialect: str) -> None:
    upstream.fail(
        {"kind": "spelling", "step": 100, "lines": True, "no_done": True},
        {"kind": "odd", "quirks": ["repeat_role", "empty_choices_first"]},
        {"kind": "finish", "reason": "abort"},
        {"kind": "usage_everywhere"},
    )
    asked = {"model": "kimi-k2.6", "stream": True, "messages": HAIKU}
    url, key = f"{upstream.url}/{dialect}/v1/chat/completions", {"Authorization": "Bearer any"}
    cut, odd, ended, told = (httpx.post(url, json=asked, headers=key, trust_env=False).content for _ in range(4))
    assert cut.startswith(b"data: {\ndata: ")
    assert b"[DONE]" not in cut
    assert b'"choices":[]' in odd
    assert b'"finish_reason":"abort"' in ended
    assert told.count(b'"completion_tokens":') > 10
    assert [call.reason for call in upstream.calls()[-4:]] == ["finish"] * 4
