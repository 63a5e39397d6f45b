from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deltas import Delta, ToolFragment
from gateway.dialects.moonshot import Reader, exchange
from gateway.faults import FaultKind, UpstreamFault
from gateway.usage import Tokens
from gateway.validation import parse

CHAT = {"model": "moonshotai/kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}
TOOL = {"type": "function", "function": {"name": "look_up"}}


def asked(**body: Any) -> dict[str, Any]:
    chat = parse(json.dumps({**CHAT, **body}).encode())
    spelled: dict[str, Any] = json.loads(exchange(chat, "kimi-k2.6", "tenant").body)
    return spelled


def read(reader: Reader, delta: dict[str, Any], **choice: Any) -> Delta | None:
    return reader.read(b"message", json.dumps({"choices": [{"index": 0, "delta": delta, **choice}]}).encode())


def test_a_stream_with_usage_is_always_asked_for_under_the_upstreams_name() -> None:
    ask = asked(stream=False)
    assert (ask["model"], ask["stream"], ask["stream_options"]) == ("kimi-k2.6", True, {"include_usage": True})


def test_sampling_that_moonshot_fixes_is_left_out_and_so_is_what_it_does_not_know() -> None:
    body = {"temperature": 0, "top_p": 1, "presence_penalty": 1, "n": 1, "seed": 5, "user": "u", "ignore_eos": True}
    assert set(asked(**body)) == {"model", "messages", "stream", "stream_options", "max_completion_tokens"}


@pytest.mark.parametrize(
    ("body", "limit"),
    [({"max_tokens": 5}, 5), ({"max_completion_tokens": 6}, 6), ({}, 32_768)],
)
def test_the_limit_is_spelled_the_new_way_and_never_left_to_moonshot(body: dict[str, Any], limit: int) -> None:
    ask = asked(**body)
    assert ask["max_completion_tokens"] == limit
    assert "max_tokens" not in ask


def test_a_prompt_near_the_context_is_given_no_limit_that_could_overflow_it() -> None:
    assert "max_completion_tokens" not in asked(messages=[{"role": "user", "content": "x" * 200_000}])


def test_a_developer_is_a_system_and_extra_keys_are_gone() -> None:
    messages = [{"role": "developer", "content": [{"type": "text", "text": "be brief", "cache_control": {}}], "x": 1}]
    assert asked(messages=messages)["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "be brief"}]}
    ]


@pytest.mark.parametrize(
    ("given_reasoning", "sent"),
    [({}, " "), ({"reasoning_content": "hm"}, "hm"), ({"reasoning": "hm"}, "hm"), ({"reasoning_content": ""}, " ")],
)
def test_a_history_of_tool_calls_always_has_reasoning(given_reasoning: dict[str, str], sent: str) -> None:
    call = {"id": "call_1", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "tool_calls": [call], **given_reasoning}
    (asked_message,) = asked(messages=[message])["messages"]
    assert asked_message["reasoning_content"] == sent
    assert asked_message["tool_calls"] == [{**call, "type": "function"}]


def test_without_thinking_no_reasoning_is_made_up() -> None:
    message = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}
    ask = asked(messages=[message], reasoning_effort="none")
    assert "reasoning_content" not in ask["messages"][0]
    assert ask["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look_up"}}])
def test_a_forced_tool_call_turns_thinking_off(choice: str | dict[str, Any]) -> None:
    ask = asked(tools=[TOOL], tool_choice=choice)
    assert (ask["thinking"], ask["tool_choice"]) == ({"type": "disabled"}, choice)


def test_tools_get_openais_defaults_not_moonshots() -> None:
    (tool,) = asked(tools=[TOOL])["tools"]
    assert tool["function"] == {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {}},
        "strict": False,
    }


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in asked(tool_choice="auto")


def test_a_response_format_and_stops_pass() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    ask = asked(response_format=form, stop="END")
    assert (ask["response_format"], ask["stop"]) == (form, ["END"])


def test_keep_is_passed_while_thinking() -> None:
    assert asked(thinking={"type": "enabled", "keep": "all"})["thinking"] == {"type": "enabled", "keep": "all"}


def test_a_role_and_an_empty_delta_say_nothing() -> None:
    assert read(Reader(), {"role": "assistant", "content": ""}) is None
    assert read(Reader(), {}) is None
    assert Reader().read(b"message", b'{"choices":[]}') is None


def test_content_and_reasoning_are_read() -> None:
    assert read(Reader(), {"content": "a"}) == Delta(content="a")
    assert read(Reader(), {"reasoning_content": "b"}) == Delta(reasoning="b")


@pytest.mark.parametrize("inside", [True, False])
def test_usage_is_found_in_the_choice_and_beside_it(*, inside: bool) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 4}
    data = {"choices": [{"finish_reason": "stop", "usage": usage}]} if inside else {"choices": [], "usage": usage}
    delta = Reader().read(b"message", json.dumps(data).encode())
    assert delta is not None
    assert delta.usage == Tokens(prompt=10, cached=4, completion=5)


def test_reasoning_that_usage_leaves_out_is_what_was_counted_and_fits_the_completion() -> None:
    reader = Reader()
    for text in "abcde":
        read(reader, {"reasoning_content": text})
    read(reader, {"content": "f"})
    for completion, counted in ((9, 5), (3, 3)):
        delta = read(reader, {}, finish_reason="stop", usage={"prompt_tokens": 1, "completion_tokens": completion})
        assert delta is not None
        assert delta.usage == Tokens(prompt=1, completion=completion, reasoning=counted)


@pytest.mark.parametrize("inside", [True, False])
def test_reasoning_that_usage_tells_stands(*, inside: bool) -> None:
    reader = Reader()
    read(reader, {"reasoning_content": "a"})
    told = {"reasoning_tokens": 0}
    usage = {"prompt_tokens": 1, "completion_tokens": 9, **({"completion_tokens_details": told} if inside else told)}
    delta = read(reader, {}, finish_reason="stop", usage=usage)
    assert delta is not None
    assert delta.usage == Tokens(prompt=1, completion=9)


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("count", [-1, 262_145, 10**30])
def test_usage_that_no_request_can_have_is_none(name: str, count: int) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, name: count}
    delta = read(Reader(), {}, finish_reason="stop", usage=usage)
    assert delta is not None
    assert delta.usage is None


@given(st.integers(0, 50), st.integers(0, 50), st.integers(-5, 90), st.integers(-5, 90))
def test_whatever_usage_says_the_parts_fit_the_whole(prompt: int, completion: int, cached: int, reasoning: int) -> None:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    delta = read(Reader(), {}, finish_reason="stop", usage=usage)
    assert delta is not None
    assert delta.usage is not None
    tokens = delta.usage
    assert 0 <= tokens.cached <= tokens.prompt
    assert 0 <= tokens.reasoning <= tokens.completion


def test_a_tool_call_is_named_once_whatever_the_upstream_repeats() -> None:
    reader = Reader()
    piece = {"index": 0, "id": "id1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    first, second = read(reader, {"tool_calls": [piece]}), read(reader, {"tool_calls": [piece]})
    assert first == Delta(tools=(ToolFragment(0, "id1", "f", "{"),))
    assert second == Delta(tools=(ToolFragment(0, None, None, "{"),))


def test_a_missing_index_follows_the_ids() -> None:
    reader = Reader()
    pieces = [{"id": "a", "function": {"name": "f"}}, {"function": {"arguments": "1"}}, {"id": "b"}]
    deltas = [read(reader, {"tool_calls": [piece]}) for piece in pieces]
    assert [delta.tools[0].index for delta in deltas if delta] == [0, 0, 1]


def test_a_stop_after_tool_calls_is_tool_calls() -> None:
    reader = Reader()
    read(reader, {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]})
    delta = read(reader, {}, finish_reason="stop")
    assert delta is not None
    assert delta.finish_reason == "tool_calls"


@pytest.mark.parametrize("reason", ["abort", "unexpected_state", "error", "eos", ""])
def test_an_unknown_finish_is_a_fault_and_never_a_stop(reason: str) -> None:
    with pytest.raises(UpstreamFault) as caught:
        read(Reader(), {}, finish_reason=reason)
    assert caught.value.kind is FaultKind.ERROR_EVENT


@given(st.binary())
def test_any_bytes_are_read_or_a_fault(data: bytes) -> None:
    with suppress(UpstreamFault):
        Reader().read(b"message", data)


def test_done_is_remembered() -> None:
    reader = Reader()
    assert reader.read(b"message", b"[DONE] ") is None
    assert reader.done
