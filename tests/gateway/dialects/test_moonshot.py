from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.dialects.dialogue import TOOL, ask, certain, read, reader

NAMED = {"type": "function", "function": {"name": "look_up"}}

ANSWER = {"role": "tool", "tool_call_id": "a", "content": "ok"}


@pytest.mark.conformance(50)
def test_sampling_that_moonshot_fixes_is_left_out_and_so_is_what_it_does_not_know() -> None:
    sampling: dict[str, Any] = {
        "temperature": 0,
        "top_p": 1,
        "presence_penalty": 1,
        "frequency_penalty": 1,
        "top_k": 1,
        "min_p": 0.1,
    }
    others: dict[str, Any] = {
        "n": 1,
        "seed": 5,
        "repetition_penalty": 1.1,
        "ignore_eos": True,
        "parallel_tool_calls": False,
    }
    asked = ask("moonshot", max_tokens=5, **sampling, **others, metadata={"a": "b"}, store=True, service_tier="auto")
    assert set(asked) == {"model", "messages", "stream", "stream_options", "max_completion_tokens"}


@pytest.mark.parametrize(("body", "limit"), [({"max_tokens": 5}, 5), ({"max_completion_tokens": 6}, 6)])
def test_the_limit_is_spelled_the_new_way(body: dict[str, Any], limit: int) -> None:
    asked = ask("moonshot", **body)
    assert asked["max_completion_tokens"] == limit
    assert "max_tokens" not in asked


@pytest.mark.conformance(101)
@pytest.mark.parametrize(
    ("given_reasoning", "sent"),
    [({}, " "), ({"reasoning_content": "hm"}, "hm"), ({"reasoning": "hm"}, "hm"), ({"reasoning_content": ""}, " ")],
)
def test_a_history_of_tool_calls_always_has_reasoning(given_reasoning: dict[str, str], sent: str) -> None:
    call = {"id": "call_1", "function": {"name": "look_up", "arguments": "{}"}}
    history = [{"role": "assistant", "tool_calls": [call], **given_reasoning}, {**ANSWER, "tool_call_id": "call_1"}]
    message, _ = ask("moonshot", messages=history)["messages"]
    assert message["reasoning_content"] == sent
    assert message["tool_calls"] == [{**call, "id": "functions.look_up:0", "type": "function"}]


def test_without_thinking_no_reasoning_is_made_up() -> None:
    message = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "look_up"}}]}
    asked = ask("moonshot", messages=[message, ANSWER], reasoning_effort="none")
    assert "reasoning_content" not in asked["messages"][0]
    assert asked["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("said", [{"content": ""}, {"content": None, "refusal": "No."}])
def test_an_assistant_who_said_nothing_is_not_sent_empty(said: dict[str, Any]) -> None:
    (message,) = ask("moonshot", messages=[{"role": "assistant", **said}])["messages"]
    assert message == {"role": "assistant", "content": said.get("refusal", " ")}


@pytest.mark.parametrize("role", ["system", "developer", "user", "tool"])
@pytest.mark.parametrize("content", ["", [{"type": "text", "text": ""}]])
def test_nobody_is_sent_empty(role: str, content: Any) -> None:
    call = {"id": "a", "function": {"name": "look_up", "arguments": "{}"}}
    called = [{"role": "assistant", "tool_calls": [call]}] if role == "tool" else []
    said = {"role": role, "content": content} | ({"tool_call_id": "a"} if called else {})
    assert ask("moonshot", messages=[*called, said])["messages"][-1]["content"] == " "


@pytest.mark.conformance(106)
@pytest.mark.parametrize(("given", "sent"), [({}, False), ({"strict": True}, True), ({"strict": False}, False)])
def test_tools_and_formats_get_openais_default_not_moonshots(given: dict[str, bool], sent: bool) -> None:  # noqa: FBT001
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "look_up", "parameters": schema, **given}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **given}}
    asked = ask("moonshot", tools=[tool], response_format=form)
    assert asked["tools"][0]["function"] == {"name": "look_up", "parameters": schema, "strict": sent}
    assert asked["response_format"]["json_schema"] == {"name": "n", "schema": schema, "strict": sent}


@pytest.mark.conformance(114)
def test_a_schema_with_words_that_moonshot_refuses_is_rewritten_and_no_longer_strict() -> None:
    schema = {"$schema": "x", "type": "object", "properties": {"a": {"type": "string", "pattern": "^x"}}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    sent = ask("moonshot", response_format=form)["response_format"]["json_schema"]
    properties = {"a": {"type": "string", "description": "(pattern: ^x)"}}
    assert sent == {"name": "n", "schema": {"type": "object", "properties": properties}, "strict": False}


@pytest.mark.conformance(105)
@pytest.mark.parametrize("name", ["f", "ab", "7up", "-x-", "9" * 64])
def test_a_tool_name_that_moonshot_refuses_is_adapted_on_the_way_up_and_restored_on_the_way_down(name: str) -> None:
    tools = [{"type": "function", "function": {"name": name}}]
    call = {"id": "call_1", "function": {"name": name, "arguments": "{}"}}
    history = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": "1"}]
    choice = {"type": "function", "function": {"name": name}}
    body: dict[str, Any] = {"tools": tools, "messages": history, "tool_choice": choice}
    asked = ask("moonshot", **body)
    sent = asked["tools"][0]["function"]["name"]
    assert sent != name
    assert 3 <= len(sent) <= 64
    assert asked["tool_choice"]["function"]["name"] == sent
    assert asked["messages"][0]["tool_calls"][0]["function"]["name"] == sent
    assert asked["messages"][1]["tool_call_id"] == asked["messages"][0]["tool_calls"][0]["id"] == f"functions.{sent}:0"
    piece = {"index": 0, "id": f"functions.{sent}:1", "function": {"name": sent, "arguments": "{}"}}
    delta = certain(read(reader("moonshot", **body), {"tool_calls": [piece]}))
    assert delta.tools[0].name == name


def test_two_names_never_become_one() -> None:
    names = ["f", "tool_f", "-f", "9" * 63, "8" * 63]
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    sent = [tool["function"]["name"] for tool in ask("moonshot", tools=tools)["tools"]]
    assert len(set(sent)) == len(names)
    assert sent[1] == "tool_f"


def test_a_tool_without_parameters_is_sent_some() -> None:
    (tool,) = ask("moonshot", tools=[TOOL])["tools"]
    assert tool["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.conformance(111)
def test_keep_is_passed_while_thinking() -> None:
    kept = {"type": "enabled", "keep": "all"}
    assert ask("moonshot", thinking=kept | {"budget": 5})["thinking"] == kept
    assert ask("moonshot", thinking=kept, tools=[TOOL], tool_choice=NAMED)["thinking"] == {"type": "disabled"}


def test_a_tag_in_the_content_is_the_answers_own() -> None:
    assert certain(read(reader("moonshot"), {"content": "<think>"})).content == "<think>"
