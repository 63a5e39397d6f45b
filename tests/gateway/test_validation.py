from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.schema import CONTEXT_TOKENS, Chat
from gateway.validation import parse
from tests.gateway.requests import HI, accepted, body, nested, refused, tool

PARAMETERS = sorted(set(Chat.__struct_fields__) - {"model", "messages"})
SCHEMA: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


def with_schema(**values: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, **values}}}


@pytest.mark.conformance(11)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}x",
        b"{}{}",
        b"{}\x00",
        b"\xff",
        b'{"ignored": "\xff"}',
        b'{"\xff": 1}',
        b'\xef\xbb\xbf{"model": "m"}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"ignored": "\\udc00"}',
        b'{"model": "\x01"}',
        b"{'model': 'm'}",
        b"[]",
        b"1",
        b'"text"',
        b"null",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


@pytest.mark.conformance(12)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000,
        b'{"ignored": ' + b"[" * 100_000,
        b'{"ignored": ' + b'{"x":' * 10_000 + b"1" + b"}" * 10_001,
        b'{"tools": [{"function": {"parameters": {"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}}}]}",
    ],
)
def test_json_that_is_nested_too_deep_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


@pytest.mark.conformance(13)
def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    chat = parse(b'{"model": "a", "messages": [], "messages": [{"role": "user", "content": "hi"}], "model": "b"}')
    assert (chat.model, len(chat.messages or ())) == ("b", 1)


@pytest.mark.conformance(53)
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


@pytest.mark.conformance(53)
def test_a_limit_that_leaves_no_room_for_the_messages_is_refused_with_the_numbers() -> None:
    assert accepted(max_tokens=CONTEXT_TOKENS - 4).limit == 262_140
    with pytest.raises(InvalidRequest) as caught:
        parse(body(max_tokens=CONTEXT_TOKENS - 3))
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")
    assert "maximum context length is 262144 tokens" in caught.value.message
    assert "at least 262145 (4 in the messages, 262141 in the completion)" in caught.value.message


@pytest.mark.conformance(41)
@pytest.mark.parametrize("values", [{"model": None}, {}])
def test_a_request_names_its_model(values: dict[str, Any]) -> None:
    without = {"messages": [HI], **values}
    with pytest.raises(InvalidRequest) as caught:
        parse(json.dumps(without).encode())
    assert (caught.value.code, caught.value.param) == ("missing_required_parameter", "model")


@pytest.mark.conformance(43)
@pytest.mark.parametrize(
    ("messages", "code"),
    [(None, "missing_required_parameter"), ([], "invalid_value"), ({}, "invalid_type"), ("hi", "invalid_type")],
)
def test_a_request_has_messages(messages: object, code: str) -> None:
    assert refused(messages=messages) == (code, "messages")


@pytest.mark.conformance(50, 51, 52)
@pytest.mark.parametrize(
    ("param", "least", "most", "step"),
    [
        ("temperature", 0, 2, 0.1),
        ("top_p", 0, 1, 0.1),
        ("frequency_penalty", -2, 2, 0.1),
        ("presence_penalty", -2, 2, 0.1),
        ("min_p", 0, 1, 0.1),
        ("repetition_penalty", 0, 2, 0.1),
        ("max_tokens", 1, 262_140, 262_144),
        ("max_completion_tokens", 1, 262_140, 262_144),
        ("seed", -(2**63), 2**63 - 1, 1),
        ("top_k", -1, 2**31 - 1, 1),
    ],
)
def test_a_number_has_its_range(param: str, least: float, most: float, step: float) -> None:
    assert [getattr(accepted(**{param: value}), param) for value in (least, most)] == [least, most]
    kind = "decimal" if isinstance(step, float) else "integer"
    assert refused(**{param: least - step}) == (f"{kind}_below_min_value", param)
    assert refused(**{param: most + step}) == (f"{kind}_above_max_value", param)


@pytest.mark.conformance(50, 52, 57, 60)
@pytest.mark.parametrize(
    "values",
    [
        {"max_tokens": True},
        {"max_tokens": 1.5},
        {"max_completion_tokens": 5.0},
        {"max_tokens": "5"},
        {"n": True},
        {"seed": True},
        {"seed": 1.5},
        {"temperature": "0"},
        {"temperature": True},
        {"stream": "true"},
        {"stream": 1},
        {"model": 1},
        {"parallel_tool_calls": "yes"},
        {"stop": {}},
        {"tools": {}},
        {"user": 5},
        {"response_format": "json"},
        {"stream_options": True},
    ],
)
def test_a_value_of_another_type_is_refused_by_its_name(values: dict[str, Any]) -> None:
    (param,) = values
    assert refused(**values) == ("invalid_type", param)


def test_a_value_inside_another_is_refused_by_its_path() -> None:
    assert refused(stream_options={"include_usage": 1}) == ("invalid_type", "stream_options.include_usage")
    assert refused(messages=[{"role": "user", "content": 5}]) == ("invalid_type", "messages[0].content")


@pytest.mark.conformance(54)
@pytest.mark.parametrize("number", [0, 2, -1, 128])
def test_one_choice_is_offered(number: int) -> None:
    assert refused(n=number) == ("unsupported_value", "n")
    assert accepted(n=1).n == 1


@pytest.mark.conformance(55, 56)
@pytest.mark.parametrize("stop", [["a"] * 5, "é" * 17, "", ["a", ""], ["x" * 33]])
def test_stop_sequences_are_few_and_short(stop: object) -> None:
    assert refused(stop=stop) == ("invalid_value", "stop")


@pytest.mark.conformance(55)
def test_stop_is_a_text_or_up_to_four() -> None:
    assert accepted(stop="é" * 16).stops == ["é" * 16]
    assert accepted(stop=["a", "b", "c", "d"]).stops == ["a", "b", "c", "d"]
    assert accepted(stop=[]).stops == []


@pytest.mark.conformance(58)
@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 5}, "top_logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
    ],
)
def test_what_is_not_offered_is_refused_by_its_name(values: dict[str, Any], param: str) -> None:
    assert refused(**values) == ("unsupported_parameter", param)


@pytest.mark.parametrize("number", [-1, 21])
def test_more_log_probabilities_than_there_are_is_a_wrong_value(number: int) -> None:
    assert refused(top_logprobs=number)[0].startswith("integer_")


@pytest.mark.conformance(108)
@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_effort_of_the_api_is_taken(effort: str) -> None:
    assert accepted(reasoning_effort=effort).thinks is (effort != "none")
    assert accepted(reasoning={"effort": effort}).thinks is (effort != "none")


@pytest.mark.conformance(108, 111)
@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_effort": ""}, "reasoning_effort"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"thinking": {"type": "adaptive"}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "keep": "some"}}, "thinking.keep"),
    ],
)
def test_another_switch_for_reasoning_is_refused(values: dict[str, Any], param: str) -> None:
    assert refused(**values) == ("invalid_value", param)


@pytest.mark.conformance(111)
def test_keys_beside_a_switch_are_ignored() -> None:
    assert accepted(thinking={"type": "enabled", "keep": "all", "budget_tokens": 9}).keeps_thoughts
    assert accepted(thinking={}, reasoning={"max_tokens": 100, "summary": "auto"}).thinks


@pytest.mark.conformance(115)
@pytest.mark.parametrize(
    ("values", "code", "param"),
    [
        ({"response_format": {}}, "missing_required_parameter", "type"),
        ({"response_format": {"type": "xml"}}, "invalid_value", "type"),
        ({"response_format": {"type": 5}}, "invalid_type", "type"),
        ({"response_format": {"type": "json_schema"}}, "missing_required_parameter", "json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "missing_required_parameter",
            "json_schema.name",
        ),
        (with_schema(name="a b"), "invalid_value", "json_schema.name"),
        (with_schema(name="x" * 65), "invalid_value", "json_schema.name"),
        (with_schema(schema=None), "missing_required_parameter", "json_schema.schema"),
        (with_schema(schema=[]), "invalid_type", "json_schema.schema"),
        (with_schema(schema=nested(101)), "invalid_value", "json_schema.schema"),
        (with_schema(strict="yes"), "invalid_type", "json_schema.strict"),
        (with_schema(strict=1), "invalid_type", "json_schema.strict"),
    ],
)
def test_a_format_that_cannot_be_kept_is_refused(values: dict[str, Any], code: str, param: str) -> None:
    assert refused(**values) == (code, f"response_format.{param}")


@pytest.mark.conformance(115)
@pytest.mark.parametrize("form", [{"type": "text"}, {"type": "json_object"}, SCHEMA])
def test_every_format_of_the_api_is_taken(form: dict[str, Any]) -> None:
    given = accepted(response_format=form).response_format
    assert given is not None
    assert given.type == form["type"]


@pytest.mark.conformance(49)
@pytest.mark.parametrize("name", PARAMETERS)
def test_null_is_absent(name: str) -> None:
    assert accepted(**{name: None}) == accepted()


@pytest.mark.conformance(48, 57, 59)
@pytest.mark.parametrize(
    "values",
    [
        {"ignore_eos": True, "provider_specific_fields": {"x": [1]}, "continuous_usage_stats": True},
        {"stream_options": {"include_usage": True, "continuous_usage_stats": True, "include_obfuscation": False}},
        {"stream": False, "stream_options": {"include_usage": True}},
        {"stream_options": {}},
        {"seed": 5, "user": "u", "safety_identifier": "s" * 128, "prompt_cache_key": "k", "parallel_tool_calls": False},
        {"metadata": {"a": "b"}, "store": True, "service_tier": "auto", "verbosity": "low"},
        {"metadata": {"a": 1, "b": {"c": []}}},
        {"prompt_cache_retention": "24h", "prompt_cache_options": {"mode": "auto"}, "moderation": {}},
        {"logprobs": False, "top_logprobs": 0, "logit_bias": {}, "modalities": ["text"], "n": 1},
        {"response_format": SCHEMA | {"x": 1}, "tools": [tool("f") | {"x": 1}]},
    ],
)
def test_what_changes_nothing_is_ignored(values: dict[str, Any]) -> None:
    assert accepted(**values).messages == accepted().messages


def test_a_safety_identifier_is_short() -> None:
    assert refused(safety_identifier="s" * 129) == ("string_above_max_length", "safety_identifier")


def test_text_parts_and_a_string_have_the_same_text() -> None:
    parts = [{"type": "text", "text": "né"}, {"type": "text", "text": "x"}]
    assert accepted(messages=[{"role": "user", "content": parts}]).text_bytes() == 4


@pytest.mark.conformance(52)
def test_the_newer_name_of_the_limit_wins() -> None:
    assert accepted(max_tokens=5, max_completion_tokens=7).limit == 7
    assert accepted(max_tokens=5).limit == 5


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
    assert not accepted(**switch).thinks
    assert accepted().thinks


def test_words_show_in_no_repr_and_no_refusal() -> None:
    canary = "CANARY"
    chat = accepted(messages=[{"role": "user", "content": canary}])
    assert canary not in f"{chat!r} {chat.messages!r} {chat}"
    cases: list[dict[str, Any]] = [
        {"stop": canary * 9},
        {"response_format": {"type": canary}},
        {"messages": [{"role": canary}]},
        {"tools": [tool(f"{canary} {canary}")]},
        {"tool_choice": canary},
        {"reasoning_effort": canary},
        {canary: 5, "seed": canary},
    ]
    for values in cases:
        with pytest.raises(InvalidRequest) as caught:
            parse(body(**values))
        assert canary not in caught.value.message
