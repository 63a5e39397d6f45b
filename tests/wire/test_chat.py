from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.wire.asking import HAIKU, MODEL, OPTIONS, WEATHER, named

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletionChunk

    from tests.fakes.stack import Member, Stack

SAFE_STREAM = re.compile(rb"(: [^\n]*\n\n|data: [^\n]+\n\n)*")


def stream(client: OpenAI, **values: Any) -> list[ChatCompletionChunk]:
    return list(client.chat.completions.create(model=MODEL, stream=True, **({"messages": HAIKU} | values)))


def test_an_answer_in_one_piece_has_all_that_openais_schema_asks_for(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HAIKU)
    assert (answer.object, answer.model) == ("chat.completion", MODEL)
    assert answer.id.startswith("chatcmpl-")
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert len((choice.message.content or "").splitlines()) == 3
    assert (choice.message.model_extra or {})["reasoning_content"]
    usage = answer.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details is not None
    assert "cached_tokens" not in (usage.model_extra or {})


def test_a_stream_says_the_same_as_the_answer_in_one_piece(client: OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=HAIKU).choices[0].message
    deltas = [chunk.choices[0].delta for chunk in stream(client) if chunk.choices]
    reasoning = [(delta.model_extra or {}).get("reasoning_content") or "" for delta in deltas]
    assert "".join(delta.content or "" for delta in deltas) == whole.content
    assert "".join(reasoning) == (whole.model_extra or {})["reasoning_content"]


def test_a_streams_chunks_are_one_answer(client: OpenAI) -> None:
    chunks = stream(client)
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices[0].delta.role] == ["assistant"]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert chunks[0].choices[0].delta.role == "assistant"


def test_usage_is_in_the_last_chunk_and_only_when_asked_for(client: OpenAI) -> None:
    assert all(chunk.usage is None and chunk.choices for chunk in stream(client))
    *others, last = stream(client, stream_options=OPTIONS)
    assert all(chunk.usage is None for chunk in others)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens
    assert last.usage.completion_tokens_details is not None
    assert 0 < (last.usage.completion_tokens_details.reasoning_tokens or 0) < last.usage.completion_tokens


def test_the_bytes_of_a_stream_are_those_every_client_can_read(stack: Stack, member: Member) -> None:
    asked = {"model": MODEL, "stream": True, "messages": HAIKU}
    key = {"Authorization": f"Bearer {member.key}"}
    answer = httpx.post(f"{stack.api_base}/chat/completions", json=asked, headers=key, trust_env=False)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert SAFE_STREAM.fullmatch(answer.content)
    assert answer.content.count(b"data: [DONE]\n\n") == 1
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert b'"usage":{' not in answer.content


def test_every_answer_carries_its_request_id(client: OpenAI, stack: Stack) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=HAIKU)
    assert re.fullmatch(r"req_[0-9a-f-]{32,36}", whole._request_id or "")
    mine = named()
    with client.chat.completions.create(
        model=MODEL, messages=HAIKU, stream=True, extra_headers={"X-Request-Id": mine}
    ) as chunks:
        assert chunks.response.headers["x-request-id"] == mine
        list(chunks)
    assert [call.reason for call in stack.upstream.calls(mine)] == ["finish"]


@pytest.mark.conformance(95)
def test_tools_are_called_in_fragments_that_the_client_can_put_together(client: OpenAI) -> None:
    question: Any = [{"role": "user", "content": "How is the weather?"}]
    with client.chat.completions.stream(model=MODEL, messages=question, tools=[WEATHER]) as events:
        final = events.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls is not None
    (call,) = final.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "sandbox"}


def test_a_tools_answer_leads_to_an_answer_in_words(client: OpenAI) -> None:
    question: Any = [{"role": "user", "content": "How is the weather?"}]
    message = client.chat.completions.create(model=MODEL, messages=question, tools=[WEATHER]).choices[0].message
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    history = [*question, message.model_dump(exclude_none=True)]
    history.append({"role": "tool", "tool_call_id": call.id, "content": "Fine."})
    final = client.chat.completions.create(model=MODEL, messages=history, tools=[WEATHER]).choices[0]
    assert final.finish_reason == "stop"
    assert "tool has answered" in (final.message.content or "")


@pytest.mark.conformance(68)
def test_an_answer_cut_by_its_limit_says_length(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HAIKU, max_completion_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
