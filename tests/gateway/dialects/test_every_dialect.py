from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deltas import Delta
from gateway.faults import FaultKind, UpstreamFault
from gateway.usage import Tokens
from sandbox.wires import WIRES
from tests.gateway.dialects.dialogue import (
    NAMES,
    OF_KIMI,
    OPEN,
    REASONING_FIELD,
    TOOL,
    ask,
    certain,
    read,
    reader,
)

pytestmark = pytest.mark.parametrize("dialect", NAMES)
CALLED = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}]},
]
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Answer",
    "type": "object",
    "properties": {"a": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None}},
    "required": ["a"],
    "additionalProperties": False,
}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5}


def test_a_stream_with_usage_is_always_asked_for_under_the_upstreams_name(dialect: str) -> None:
    asked = ask(dialect, stream=False)
    assert (asked["model"], asked["stream"], asked["stream_options"]) == ("the-model", True, {"include_usage": True})


@pytest.mark.conformance(45)
def test_a_developer_is_a_system_and_parts_are_one_text(dialect: str) -> None:
    parts = [{"type": "text", "text": "be ", "cache_control": {}}, {"type": "text", "text": "brief"}]
    messages = [{"role": "developer", "content": parts, "provider_specific_fields": {}}]
    assert ask(dialect, messages=messages)["messages"] == [{"role": "system", "content": "be brief"}]


def test_what_only_the_client_means_never_leaves(dialect: str) -> None:
    body: dict[str, Any] = {
        "metadata": {"team": "CANARY"},
        "store": True,
        "service_tier": "auto",
        "verbosity": "low",
        "x": "CANARY",
    }
    sent = ask(dialect, **body, user="CANARY", safety_identifier="CANARY", prompt_cache_key="CANARY")
    assert "CANARY" not in json.dumps(sent)
    assert sent.keys().isdisjoint({"metadata", "store", "service_tier", "verbosity", "x", "user"})


def test_identifiers_are_each_tenants_own(dialect: str) -> None:
    names = {"safety_identifier", "prompt_cache_key"}
    body = {"user": "u", "prompt_cache_key": "k"}
    one, again, other = (ask(dialect, tenant=tenant, **body) for tenant in ("one", "one", "other"))
    assert one == again
    assert all(one[name] != other[name] for name in names & one.keys())


@pytest.mark.parametrize(
    ("given", "sent", "to_open_weights"),
    [
        ('{"a":1}', '{"a":1}', '{"a":1}'),
        ("", "{}", "{}"),
        (None, "{}", "{}"),
        ('{"a":', '{"a":', '{"arguments":"{\\"a\\":"}'),
        ("[1]", "[1]", '{"arguments":"[1]"}'),
    ],
)
def test_a_call_without_arguments_or_with_broken_ones_does_not_end_the_conversation(
    dialect: str, given: str | None, sent: str, to_open_weights: str
) -> None:
    call = {"id": "a", "function": {"name": "look_up", "arguments": given}}
    answer = {"role": "tool", "tool_call_id": "a", "content": "ok"}
    called, _ = ask(dialect, messages=[{"role": "assistant", "tool_calls": [call]}, answer])["messages"]
    expected = to_open_weights if dialect in OPEN else sent
    assert called["tool_calls"][0]["function"] == {"name": "look_up", "arguments": expected}


@pytest.mark.conformance(102)
@pytest.mark.parametrize(
    "given_as",
    [{"reasoning_content": "hm"}, {"reasoning": "hm"}, {"reasoning_details": [{"text": "h"}, {"text": "m"}]}],
)
def test_earlier_reasoning_arrives_under_the_upstreams_field(dialect: str, given_as: dict[str, Any]) -> None:
    (message,) = ask(dialect, messages=[{"role": "assistant", "content": "a", **given_as}])["messages"]
    field = REASONING_FIELD.get(dialect)
    assert message == {"role": "assistant", "content": "a"} | ({field: "hm"} if field else {})


@pytest.mark.conformance(107)
@pytest.mark.parametrize(
    "switch",
    [
        {"thinking": {"type": "disabled"}},
        {"reasoning_effort": "none"},
        {"reasoning": {"enabled": False}},
        {"chat_template_kwargs": {"thinking": False}},
    ],
)
def test_with_thinking_off_no_reasoning_shows_and_none_is_counted(dialect: str, switch: dict[str, Any]) -> None:
    asked = ask(dialect, **switch)
    spelled = {
        "moonshot": asked.get("thinking") == {"type": "disabled"},
        "together": asked.get("reasoning") == {"enabled": False},
        "openai": asked.get("reasoning_effort") == "none",
    }
    assert spelled.get(dialect, asked.get("chat_template_kwargs") == {"thinking": False})
    of = reader(dialect, **switch)
    assert read(of, {"reasoning_content": "a"}) is None
    assert read(of, {"reasoning": "b"}) is None
    assert read(of, {"content": "c", "reasoning": "d"}) == Delta(content="c")
    usage = USAGE | {"reasoning_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 2}}
    assert certain(read(of, {}, finish_reason="stop", usage=usage)).usage == Tokens(prompt=10, completion=5)


@pytest.mark.conformance(100)
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look_up"}}])
def test_a_forced_tool_call_is_passed_and_turns_kimis_thinking_off(dialect: str, choice: str | dict[str, Any]) -> None:
    asked = ask(dialect, tools=[TOOL], tool_choice=choice)
    assert asked["tool_choice"] == choice
    off = {"thinking": {"type": "disabled"}, "reasoning": {"enabled": False}}
    off |= {"chat_template_kwargs": {"thinking": False}}
    assert any(asked.get(name) == value for name, value in off.items()) == (dialect in OF_KIMI)


@pytest.mark.conformance(50, 100, 101, 105, 114)
@pytest.mark.parametrize(
    "body",
    [
        {"temperature": 0, "top_p": 0.1, "seed": 1234, "presence_penalty": 1, "n": 1, "top_k": 5, "min_p": 0.5},
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}], "tool_choice": "auto"},
        {"messages": [*CALLED, {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "1"}]}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}},
        {"user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "reasoning_effort": "high"},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}], "stop": ["a"] * 4},
    ],
)
def test_what_clients_send_is_taken_by_the_strictest_server_of_the_dialect(dialect: str, body: dict[str, Any]) -> None:
    WIRES[dialect].check(ask(dialect, **body))


def test_a_choice_without_tools_is_left_out(dialect: str) -> None:
    assert "tool_choice" not in ask(dialect, tool_choice="auto")


def test_stops_and_a_plain_response_format_pass(dialect: str) -> None:
    asked = ask(dialect, response_format={"type": "json_object"}, stop="END")
    assert (asked["response_format"], asked["stop"]) == ({"type": "json_object"}, ["END"])


def test_a_role_an_empty_delta_and_no_choice_say_nothing(dialect: str) -> None:
    of = reader(dialect)
    assert read(of, {"role": "assistant", "content": ""}) is None
    assert read(of, {"role": "assistant", "content": None, "reasoning": None, "tool_calls": None}) is None
    assert read(of, {"tool_calls": []}) is None
    assert of.read(b"message", b'{"choices":[]}') is None
    assert of.read(b"message", b'{"choices":null,"error":null,"usage":null,"object":null}') is None


@pytest.mark.conformance(64, 66)
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_content_and_reasoning_are_read_and_extras_are_not(dialect: str, field: str) -> None:
    of = reader(dialect)
    extras: dict[str, Any] = {"stop_reason": None, "token_ids": [1], "matched_stop": 2, "logprobs": {"content": []}}
    assert read(of, {field: "b", "role": "assistant"}, **extras) == Delta(reasoning="b")
    assert read(of, {"content": "a", "role": "assistant"}, **extras) == Delta(content="a")


@pytest.mark.conformance(112)
def test_reasoning_said_under_all_three_names_is_said_once(dialect: str) -> None:
    details = [{"type": "reasoning.text", "text": "b"}]
    mirrored = {"reasoning_content": "b", "reasoning": "b", "reasoning_details": details}
    assert read(reader(dialect), mirrored) == Delta(reasoning="b")
    assert read(reader(dialect), {"reasoning_details": details}) == Delta(reasoning="b")


@pytest.mark.conformance(85)
@pytest.mark.parametrize("inside", [True, False])
def test_usage_is_found_in_the_choice_and_beside_it(dialect: str, *, inside: bool) -> None:
    usage = USAGE | {"cached_tokens": 4}
    data = {"choices": [{"finish_reason": "stop", "usage": usage}]} if inside else {"choices": [], "usage": usage}
    delta = certain(reader(dialect).read(b"message", json.dumps(data).encode()))
    assert delta.usage == Tokens(prompt=10, cached=4, completion=5)


@pytest.mark.conformance(86)
def test_usage_of_every_chunk_is_told_each_time_and_not_summed(dialect: str) -> None:
    of = reader(dialect)
    chunks = [{"choices": [{"delta": {"content": "a"}}], "usage": USAGE | {"completion_tokens": n}} for n in (1, 2)]
    usages = [certain(of.read(b"message", json.dumps(chunk).encode())).usage for chunk in chunks]
    assert usages == [Tokens(prompt=10, completion=1), Tokens(prompt=10, completion=2)]


def test_reasoning_that_usage_leaves_out_is_what_was_counted_and_fits_the_completion(dialect: str) -> None:
    of = reader(dialect)
    for text in "abcde":
        read(of, {"reasoning": text})
    read(of, {"content": "f"})
    for completion, counted in ((9, 5), (3, 3)):
        usage = {"prompt_tokens": 1, "completion_tokens": completion}
        assert certain(read(of, {}, finish_reason="stop", usage=usage)).usage == Tokens(1, 0, completion, counted)


@pytest.mark.conformance(65, 96)
@pytest.mark.parametrize("reason", ["stop", "function_call", "tool_calls"])
def test_calls_finish_as_tool_calls(dialect: str, reason: str) -> None:
    of = reader(dialect)
    read(of, {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]})
    assert certain(read(of, {}, finish_reason=reason)).finish_reason == "tool_calls"


@pytest.mark.conformance(65)
@pytest.mark.parametrize("reason", ["abort", "unexpected_state", "error", "", "cancelled"])
def test_an_unknown_finish_is_a_fault_and_never_a_stop(dialect: str, reason: str) -> None:
    with pytest.raises(UpstreamFault) as caught:
        read(reader(dialect), {}, finish_reason=reason)
    assert caught.value.kind is FaultKind.ERROR_EVENT


@pytest.mark.conformance(152)
@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        (b"message", b'{"error":{"message":"x","type":"y","code":500}}', FaultKind.ERROR_EVENT),
        (b"message", b'{"error":"x"}', FaultKind.ERROR_EVENT),
        (b"message", b'{"object":"error","message":"x","code":400}', FaultKind.ERROR_EVENT),
        (b"error", b'{"message":"x"}', FaultKind.ERROR_EVENT),
        (b"message", b"<html><h1>502 Bad Gateway</h1>", FaultKind.MALFORMED),
        (b"message", b'{"choices":"no"}', FaultKind.MALFORMED),
    ],
)
def test_an_error_however_spelled_is_a_fault(dialect: str, name: bytes, data: bytes, kind: FaultKind) -> None:
    with pytest.raises(UpstreamFault) as caught:
        reader(dialect).read(name, data)
    assert caught.value.kind is kind


def test_done_is_remembered(dialect: str) -> None:
    of = reader(dialect)
    assert of.read(b"message", b"[DONE] ") is None
    assert of.done


@given(st.binary())
def test_any_bytes_are_read_or_a_fault(dialect: str, data: bytes) -> None:
    with suppress(UpstreamFault):
        reader(dialect).read(b"message", data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("content", "reasoning", "reasoning_content", "tool_calls", "refusal", "reasoning_details", "role")


@given(st.lists(st.tuples(st.dictionaries(st.sampled_from(KEYS), JSON), st.none() | st.text(max_size=6)), max_size=4))
def test_any_chunks_are_read_or_a_fault(dialect: str, chunks: list[tuple[dict[str, Any], str | None]]) -> None:
    of = reader(dialect)
    with suppress(UpstreamFault):
        for delta, finish in chunks:
            read(of, delta, finish_reason=finish)
