from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.validation import parse

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"items": [value]} if levels % 2 else {"x": value}
    return value


def refused(**body: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        parse(json.dumps({**CHAT, **body}).encode())
    return caught.value.code, caught.value.param


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}x",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"ignored": "\\udc00"}',
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b'{"ignored": ' + b"[" * 100_000,
        b'{"tools": [{"function": {"parameters": {"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}}}]}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages": [' + b",".join([b"{}"] * 262_144) + b"]}",
        b'{"tools": [{"function": {"parameters": {"x": [' + b",".join([b"[]"] * 262_144) + b"]}}}]}",
        b'{"ignored": [' + b",".join([b"[]"] * 262_144) + b"]}",
        b'{"model": "m", "messages": [' + b",".join([b'{"role":"user","content":""}'] * 65_537) + b"]}",
    ],
    ids=["messages", "schema", "ignored", "short messages"],
)
def test_what_cannot_fit_the_context_is_refused_before_it_costs_the_loop_its_time(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


@given(st.binary())
def test_any_bytes_are_refused_or_read_and_nothing_else(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(body)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"model": None}, "missing_required_parameter", "model"),
        ({"model": 1}, "invalid_type", "model"),
        ({"messages": None}, "missing_required_parameter", "messages"),
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing_required_parameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid_type", "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "unsupported_value",
            "messages[0].content[0]",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "missing_required_parameter",
            "messages[0].content[0].text",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "missing_required_parameter", "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
            "missing_required_parameter",
            "messages[0].tool_calls[0].function.name",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]},
            "missing_required_parameter",
            "messages[0].tool_calls[0].id",
        ),
        ({"max_tokens": True}, "invalid_type", "max_tokens"),
        ({"max_tokens": 1.5}, "invalid_type", "max_tokens"),
        ({"max_tokens": "5"}, "invalid_type", "max_tokens"),
        ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ({"max_completion_tokens": -1}, "integer_below_min_value", "max_completion_tokens"),
        ({"max_completion_tokens": 262_145}, "integer_above_max_value", "max_completion_tokens"),
        ({"temperature": -0.1}, "decimal_below_min_value", "temperature"),
        ({"temperature": 2.1}, "decimal_above_max_value", "temperature"),
        ({"temperature": "0"}, "invalid_type", "temperature"),
        ({"top_p": 1.1}, "decimal_above_max_value", "top_p"),
        ({"presence_penalty": -3}, "decimal_below_min_value", "presence_penalty"),
        ({"n": 2}, "unsupported_value", "n"),
        ({"n": 0}, "unsupported_value", "n"),
        ({"stop": ["a"] * 5}, "invalid_value", "stop"),
        ({"stop": "é" * 17}, "invalid_value", "stop"),
        ({"stop": ""}, "invalid_value", "stop"),
        ({"stop": {}}, "invalid_type", "stop"),
        ({"stream": "true"}, "invalid_type", "stream"),
        ({"stream_options": {"include_usage": 1}}, "invalid_type", "stream_options.include_usage"),
        ({"tools": [{"type": "custom"}]}, "unsupported_parameter", "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "invalid_value", "tools[0].function.name"),
        ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
        ({"tool_choice": "maybe"}, "invalid_value", "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "invalid_value", "tool_choice"),
        ({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "missing_required_parameter", "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "invalid_value",
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "missing_required_parameter",
            "response_format.json_schema.schema",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": nested(101)}}]},
            "invalid_value",
            "tools[0].function.parameters",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": nested(101)}}},
            "invalid_value",
            "response_format.json_schema.schema",
        ),
        ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
        ({"logprobs": True}, "unsupported_parameter", "logprobs"),
        ({"logit_bias": {"5": 1}}, "unsupported_parameter", "logit_bias"),
        ({"modalities": ["text", "audio"]}, "unsupported_parameter", "modalities"),
        ({"audio": {}}, "unsupported_parameter", "audio"),
        ({"web_search_options": {}}, "unsupported_parameter", "web_search_options"),
        ({"functions": [{"name": "f"}]}, "unsupported_parameter", "functions"),
    ],
)
def test_a_wrong_value_is_refused_by_its_path(body: dict[str, Any], code: str, param: str) -> None:
    assert refused(**body) == (code, param)


NULLABLE = (
    *("max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop", "stream", "stream_options", "tools"),
    *("tool_choice", "response_format", "logprobs", "logit_bias", "modalities", "audio", "functions", "thinking"),
)


@pytest.mark.parametrize("name", NULLABLE)
def test_null_is_absent(name: str) -> None:
    assert parse(json.dumps({**CHAT, name: None}).encode()) == parse(json.dumps(CHAT).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"ignore_eos": True, "provider_specific_fields": {"x": [1]}, "seed": 5, "user": "u", "metadata": {"a": "b"}},
        {"stream_options": {"include_usage": True, "continuous_usage_stats": True}},
        {"messages": [{"role": "user", "content": "hi", "weight": 1}]},
        {"temperature": 0},
        {"temperature": 2},
        {"logprobs": False, "modalities": ["text"], "n": 1},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "f"}}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}]},
        {"messages": [{"role": role, "content": "x"} for role in ("developer", "system", "user", "assistant")]},
        {"stop": ["a", "b", "c", "d"]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
    ],
)
def test_what_clients_send_is_accepted(body: dict[str, Any]) -> None:
    assert parse(json.dumps({**CHAT, **body}).encode()).model == "m"


def test_text_parts_and_a_string_have_the_same_text() -> None:
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "né"}, {"type": "text", "text": "x"}]}]}
    assert parse(json.dumps({**CHAT, **parts}).encode()).text_bytes() == 4


def test_the_newer_name_of_the_limit_wins() -> None:
    assert parse(json.dumps({**CHAT, "max_tokens": 5, "max_completion_tokens": 7}).encode()).limit == 7


@pytest.mark.parametrize(
    "switch",
    [
        {"reasoning_effort": "none"},
        {"thinking": {"type": "disabled"}},
        {"reasoning": {"enabled": False}},
        {"chat_template_kwargs": {"thinking": False}},
    ],
)
def test_each_dialects_switch_turns_thinking_off(switch: dict[str, Any]) -> None:
    assert not parse(json.dumps({**CHAT, **switch}).encode()).thinks
    assert parse(json.dumps(CHAT).encode()).thinks


def test_words_show_in_no_repr_and_no_refusal() -> None:
    canary = "CANARY"
    chat = parse(json.dumps({**CHAT, "messages": [{"role": "user", "content": canary}]}).encode())
    assert canary not in f"{chat!r} {chat.messages!r} {chat}"
    for body in ({"stop": canary * 9}, {"response_format": {"type": canary}}, {"messages": [{"role": canary}]}):
        with pytest.raises(InvalidRequest) as caught:
            parse(json.dumps({**CHAT, **body}).encode())
        assert canary not in caught.value.message
