from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chunks import Chunks
from gateway.deltas import Delta, ToolFragment
from gateway.errors import UpstreamTruncated
from gateway.usage import Tokens

CHUNKS = Chunks("chatcmpl-1", 1_795_382_400, "moonshotai/kimi-k2.6")
HEAD = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795382400,"model":"moonshotai/kimi-k2.6",'
    '"choices":['
)
DETAILS = '"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}'
WORDS = st.text(min_size=1)
FRAGMENTS = st.builds(ToolFragment, st.integers(0, 9), st.none(), st.none(), WORDS)
SAID = st.tuples(*[st.none() | WORDS] * 3, st.tuples() | st.tuples(FRAGMENTS))


def choice(delta: str, reason: str = "null") -> str:
    return f'{HEAD}{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}],"usage":null}}\n\n'


@pytest.mark.conformance(72, 80, 94)
@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        (CHUNKS.role(), choice('{"role":"assistant","content":""}')),
        (CHUNKS.delta(Delta(content="路由\n\t\x00🌍")), choice('{"content":"路由\\n\\t\\u0000🌍"}')),
        (CHUNKS.delta(Delta(reasoning="hm")), choice('{"reasoning_content":"hm"}')),
        (CHUNKS.delta(Delta(content="a", reasoning="b")), choice('{"content":"a","reasoning_content":"b"}')),
        (CHUNKS.delta(Delta(refusal="no")), choice('{"refusal":"no"}')),
        (
            CHUNKS.delta(Delta(tools=(ToolFragment(1, "f:1", "f", ""),))),
            choice('{"tool_calls":[{"index":1,"function":{"arguments":"","name":"f"},"id":"f:1","type":"function"}]}'),
        ),
        (
            CHUNKS.delta(Delta(tools=(ToolFragment(1, arguments="{}"),))),
            choice('{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}'),
        ),
        (CHUNKS.finish("stop"), choice("{}", '"stop"')),
        (
            CHUNKS.usage(Tokens(prompt=10, cached=4, completion=8, reasoning=3), 37_320),
            f'{HEAD}],"usage":{{"prompt_tokens":10,"completion_tokens":8,"total_tokens":18,{DETAILS},"cost":0.00003732}}}}\n\n',
        ),
    ],
)
def test_each_event_is_spelled_to_the_byte(spelled: bytes, text: str) -> None:
    assert spelled.decode() == text


@pytest.mark.conformance(74, 75)
def test_a_failure_is_read_as_one_by_every_client() -> None:
    failure = json.loads(CHUNKS.failure(UpstreamTruncated("early"))[6:])
    assert failure == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_795_382_400,
        "model": "moonshotai/kimi-k2.6",
        "choices": [{"index": 0, "delta": {"content": ""}, "logprobs": None, "finish_reason": "error"}],
        "error": {"message": "early", "type": "upstream_error", "param": None, "code": "upstream_truncated"},
    }


@given(SAID.map(lambda said: Delta(*said)))
def test_a_delta_is_one_line_that_says_all_it_has_and_no_nulls(delta: Delta) -> None:
    event = CHUNKS.delta(delta)
    assert (event.count(b"\n"), event[-2:]) == (2, b"\n\n")
    said: dict[str, Any] = json.loads(event[6:])["choices"][0]["delta"]
    assert (said.get("content"), said.get("reasoning_content")) == (delta.content, delta.reasoning)
    assert said.get("refusal") == delta.refusal
    pieces = [tool["function"]["arguments"] for tool in said.get("tool_calls", ())]
    assert pieces == [fragment.arguments for fragment in delta.tools]
    assert None not in said.values()
