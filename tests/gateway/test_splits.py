"""The whole way from an upstream's bytes to the client's: however they are cut, and whatever is strewn among them."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import skipping
from tests.fakes.upstream import COMMENT, DONE, ROLE, Act, Turn, content, event, finish, reasoning
from tests.gateway.conftest import make_world

if TYPE_CHECKING:
    from tests.fakes.asgi import Answer
    from tests.fakes.upstream import Step

ASKED: dict[str, Any] = {"stream_options": {"include_usage": True}}
NAMED: dict[str, Any] = {"index": 0, "id": "f:0", "type": "function", "function": {"name": "f", "arguments": ""}}
CALLED = (
    event({"tool_calls": [NAMED]}),
    event({"tool_calls": [{"index": 0, "id": None, "function": {"name": None, "arguments": '{"城": "'}}]}),
    event({"tool_calls": [{"index": 0, "function": {"arguments": '🌍"}'}}]}),
)
SAID = (ROLE, COMMENT, reasoning("考え"), content("Hello 🌍"), content("\n\ndata: 路由"), *CALLED)
SPELLED = {
    "lf": b"".join([*SAID, finish("tool_calls"), DONE]),
    "crlf": b"".join([*SAID, finish("tool_calls"), DONE]).replace(b"\n", b"\r\n"),
    "cr": b"".join([*SAID, finish("tool_calls"), DONE]).replace(b"\n", b"\r"),
    "no space": b"".join([*SAID, finish("tool_calls"), DONE]).replace(b"data: {", b"data:{"),
    "named": b"".join([*SAID, finish("tool_calls"), DONE]).replace(b"data: {", b"id: 1\nevent: message\ndata: {"),
    "in lines": b"".join([*SAID, finish("tool_calls"), DONE]).replace(b'"choices": ', b'"choices":\ndata: '),
}


def served(*steps: Step, stream: bool = True) -> Answer:
    return skipping(make_world(Turn(steps)).chat(stream=stream, **(ASKED if stream else {})))


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % len(stream) for edge in at), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges) if start != end]


@pytest.mark.conformance(80, 82, 87)
@pytest.mark.parametrize("spelling", SPELLED)
@settings(max_examples=40)
@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_a_clients_bytes_are_the_same_wherever_the_upstreams_are_cut(spelling: str, at: list[int]) -> None:
    assert served(*cut(SPELLED[spelling], at)).body == served(SPELLED["lf"]).body


@pytest.mark.conformance(87)
@pytest.mark.parametrize("spelling", SPELLED)
def test_a_clients_bytes_are_the_same_when_the_upstreams_come_one_by_one(spelling: str) -> None:
    assert served(*(bytes([byte]) for byte in SPELLED[spelling])).body == served(SPELLED["lf"]).body


@pytest.mark.conformance(87)
def test_a_last_event_without_its_blank_line_is_read_where_the_stream_ends() -> None:
    assert served(*SAID, finish("tool_calls")[:-2]).body == served(SPELLED["lf"]).body


@pytest.mark.conformance(87)
def test_an_event_of_a_mebibyte_is_passed_on() -> None:
    large = content("路" * ((2**20 - 200) // 6))  # spelled \\u8def, as many bytes as an event may have
    answer = served(*cut(large, list(range(0, len(large), 65_536))), finish(), DONE)
    assert answer.text() == "路" * ((2**20 - 200) // 6)


WORDS = st.text(min_size=1, max_size=6)
EVENTS = st.one_of(WORDS.map(content), WORDS.map(reasoning), st.sampled_from(CALLED[1:]), st.just(COMMENT))


@pytest.mark.conformance(82)
@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=10))
def test_the_deltas_of_a_stream_are_the_answer_in_one_piece(events: list[bytes]) -> None:
    steps: list[Step] = [CALLED[0], *events, finish("tool_calls"), DONE]
    message = served(*steps, stream=False).json()["choices"][0]["message"]
    deltas = [chunk["choices"][0]["delta"] for chunk in served(*steps).events()[:-1] if chunk["choices"]]
    for key in ("content", "reasoning_content"):
        assert (message.get(key) or "") == "".join(delta.get(key) or "" for delta in deltas)
    arguments = [tool["function"]["arguments"] for delta in deltas for tool in delta.get("tool_calls", ())]
    assert message["tool_calls"][0]["function"]["arguments"] == "".join(arguments)


GARBAGE = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([COMMENT, b"\n", b"\r\n\r\n", b"data:\n\n", b"id: 1\n\n", b"retry: 1\n\n", b"event: x\n\n"]),
    st.sampled_from([b'data: {"error":{}}\n\n', b'data: {"object":"error"}\n\n', b"data: {}\n\n", b"data: null\n\n"]),
    st.sampled_from(
        [content("a"), reasoning("b"), ROLE, DONE, b'data: {"choices":[]}\n\n', b'data: {"choices":null}\n\n']
    ),
    st.just(event({}, finish_reason="abort")),
)


@pytest.mark.conformance(65, 69, 73, 74, 76)
@settings(max_examples=150)
@given(st.lists(GARBAGE, max_size=8), st.sampled_from([[], [Act.CUT], [DONE]]))
def test_no_garbage_makes_a_finish_that_the_upstream_did_not_give(pieces: list[bytes], end: list[Step]) -> None:
    answer = served(*pieces, *end)
    assert b"[DONE]" not in answer.body
    assert not any(f'"finish_reason":"{reason}"'.encode() in answer.body for reason in ("stop", "length", "tool_calls"))
    if answer.status == 200:
        assert answer.events()[-1]["error"]["code"]
    else:
        assert (answer.status, set(json.loads(answer.body))) == (502, {"error"})


FINISHES = st.sampled_from([event({}, finish_reason="stop"), content("late"), finish("stop"), ROLE, COMMENT])


@pytest.mark.conformance(80, 81, 83, 86)
@settings(max_examples=60)
@given(st.lists(FINISHES, max_size=6))
def test_whatever_follows_a_finish_reason_a_client_gets_one_and_last(after: list[bytes]) -> None:
    steps: list[Step] = [content("a"), event({}, finish_reason="stop"), *after, finish("stop"), DONE]
    *chunks, usage, done = served(*steps).events()
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert (reasons[-1], reasons[:-1]) == ("stop", [None] * (len(chunks) - 1))
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [chunk["usage"] for chunk in chunks] == [None] * len(chunks)
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 13, "[DONE]")
