from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.assemble import Assembly
from gateway.chunks import Chunks, usage_of
from gateway.deltas import Delta, ToolFragment
from gateway.usage import Tokens

CHUNKS = Chunks("chatcmpl-1", 1_795_382_400, "m")
EVENT = re.compile(rb"data: [^\n]+\n\n")
TEXT = st.text(min_size=1, max_size=8)
DELTAS = st.lists(
    st.one_of(
        TEXT.map(lambda text: Delta(content=text)),
        TEXT.map(lambda text: Delta(reasoning=text)),
        TEXT.map(lambda text: Delta(refusal=text)),
        TEXT.map(lambda text: Delta(tools=(ToolFragment(0, arguments=text),))),
    ),
    max_size=12,
)
CALL = Delta(tools=(ToolFragment(0, "call", "f", ""),))


def streamed(deltas: list[Delta]) -> list[dict[str, Any]]:
    events = [CHUNKS.delta(delta) for delta in deltas]
    assert all(EVENT.fullmatch(event) for event in events)
    return [json.loads(event[6:])["choices"][0]["delta"] for event in events]


@pytest.mark.conformance(82)
@given(DELTAS)
def test_the_whole_answer_says_what_the_stream_says(deltas: list[Delta]) -> None:
    assembly = Assembly()
    for delta in [CALL, *deltas]:
        assembly.add(delta)
    usage = usage_of(Tokens(prompt=1, completion=2), 1)
    body = assembly.json(id="chatcmpl-1", created=1, model="m", finish_reason="stop", usage=usage)
    message = json.loads(body)["choices"][0]["message"]
    seen = streamed([CALL, *deltas])
    for key in ("content", "reasoning_content", "refusal"):
        assert (message.get(key) or "") == "".join(delta.get(key, "") for delta in seen)
    pieces = [tool["function"]["arguments"] for delta in seen for tool in delta.get("tool_calls", ())]
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "".join(pieces)}


def test_calls_keep_their_order_and_ids() -> None:
    assembly = Assembly()
    assembly.add(Delta(tools=(ToolFragment(1, "b", "g", "1"), ToolFragment(0, "a", "f", "0"))))
    message = json.loads(assembly.json(id="i", created=1, model="m", finish_reason="tool_calls", usage=None))
    assert [call["id"] for call in message["choices"][0]["message"]["tool_calls"]] == ["a", "b"]
    assert "usage" not in message


@pytest.mark.conformance(119)
def test_usage_has_its_details_and_its_sum() -> None:
    usage = usage_of(Tokens(prompt=10, cached=4, completion=8, reasoning=3), 37_320)
    assert json.loads(msgspec.json.encode(usage)) == {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
        "cost": 0.00003732,
    }
