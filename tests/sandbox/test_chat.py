from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.chat import parse
from sandbox.refusals import Refusal
from sandbox.wires import WIRES

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALL = {"id": "functions.get_weather:0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}


def body(**values: Any) -> bytes:
    return json.dumps({"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}]} | values).encode()


def refusal(**values: Any) -> Refusal:
    with pytest.raises(Refusal) as raised:
        parse(body(**values), "kimi-k2.6", WIRES["moonshot"])
    return raised.value


def test_a_plain_request_thinks_and_is_not_streamed() -> None:
    chat = parse(body(), "kimi-k2.6", WIRES["moonshot"])
    assert (chat.question, chat.thinking, chat.stream, chat.choice, chat.tools) == ("Hi", True, False, "auto", ())


def test_nulls_are_as_if_they_were_not_there() -> None:
    nulls = dict.fromkeys(("stream", "stop", "tools", "tool_choice", "temperature", "max_tokens", "response_format"))
    assert parse(body(**nulls), "kimi-k2.6", WIRES["moonshot"]) == parse(body(), "kimi-k2.6", WIRES["moonshot"])


def test_text_parts_count_as_one_text() -> None:
    parts = [{"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}]
    assert (
        parse(body(messages=[{"role": "user", "content": parts}]), "kimi-k2.6", WIRES["moonshot"]).question
        == "Hello there"
    )


def test_no_repr_shows_a_word_of_the_prompt() -> None:
    chat = parse(
        body(messages=[{"role": "user", "content": "top-secret"}], stop=["top-secret"]), "kimi-k2.6", WIRES["moonshot"]
    )
    assert "secret" not in repr(chat)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as raised:
        parse(raw, "kimi-k2.6", WIRES["moonshot"])
    assert raised.value.status == 400


def test_an_unknown_model_is_not_found() -> None:
    refused = refusal(model="kimi-k9")
    assert (refused.status, refused.kind) == (404, "resource_not_found_error")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"messages": []}, "messages must not be empty"),
        ({"messages": [{"role": "user", "content": ""}]}, "position 0 with role 'user' must not be empty"),
        ({"messages": [{"role": "system", "content": ""}]}, "position 0 with role 'system' must not be empty"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalid role"),
        ({"temperature": 0}, "only 1 is allowed for this model"),
        ({"temperature": 1, "thinking": {"type": "disabled"}}, "only 0.6 is allowed for this model"),
        ({"top_p": 0.5}, "invalid top_p: only 0.95"),
        ({"n": 2}, "invalid n: only 1"),
        ({"thinking": {"type": "on"}}, "invalid thinking"),
        ({"thinking": {"type": "enabled", "depth": 3}}, "invalid thinking"),
        ({"max_completion_tokens": 0}, "must be a positive integer"),
        ({"max_tokens": True}, "must be a positive integer"),
        ({"stop": ["a"] * 6}, "at most 5"),
        ({"stop": "x" * 33}, "at most 32 bytes"),
        ({"tools": [{"function": {"name": "ab", "parameters": {}}}]}, "function name is invalid"),
        ({"tools": [{"function": {"name": "abc"}}]}, "has no parameters"),
        ({"tools": [TOOL], "tool_choice": "required"}, "'required' is incompatible with thinking enabled"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            "'specified' is incompatible with thinking enabled",
        ),
        ({"tools": [TOOL], "tool_choice": {"function": {"name": "other"}}}, "not in tools"),
        ({"response_format": {"type": "xml"}}, "invalid response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "needs a name and a schema"),
    ],
)
def test_what_moonshot_refuses_is_refused_in_its_words(values: dict[str, Any], says: str) -> None:
    refused = refusal(**values)
    assert (refused.status, refused.kind) == (400, "invalid_request_error")
    assert says in refused.message


def test_a_tool_call_in_the_history_without_its_reasoning_is_refused_while_thinking() -> None:
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}]
    assert "reasoning_content is missing in assistant tool call message at index 1" in refusal(messages=history).message
    assert (
        parse(body(messages=history, thinking={"type": "disabled"}), "kimi-k2.6", WIRES["moonshot"]).calls_before == 1
    )


def test_a_refusal_is_spelled_without_code_and_param() -> None:
    assert WIRES["moonshot"].error(refusal(n=3)) == {
        "error": {"type": "invalid_request_error", "message": "invalid n: only 1 is allowed for this model"}
    }
