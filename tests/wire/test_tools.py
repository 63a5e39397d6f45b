"""Tool calls, whichever dialect the upstream speaks, read by the official client's own helpers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.asking import MODEL, WEATHER, chunks, post

if TYPE_CHECKING:
    from openai import OpenAI

    from tests.fakes.stack import Member

TIME: Any = {
    "type": "function",
    "function": {
        "name": "get_time",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
ONE: Any = [{"role": "user", "content": "How is the weather?"}]
TWO: Any = [{"role": "user", "content": "How is the weather, and what time is it?"}]


@pytest.mark.conformance(94, 96)
def test_a_calls_first_piece_has_its_name_and_the_later_ones_only_arguments(base: str, member: Member) -> None:
    parts = chunks(post(base, member.key, messages=ONE, tools=[WEATHER], stream=True).content)
    pieces = [piece for part in parts for piece in part["choices"][0]["delta"].get("tool_calls", ())]
    first, *later = pieces
    assert first == {
        "index": 0,
        "id": first["id"],
        "type": "function",
        "function": {"name": "get_weather", "arguments": ""},
    }
    assert first["id"]
    assert all(piece == {"index": 0, "function": {"arguments": piece["function"]["arguments"]}} for piece in later)
    assert parts[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.conformance(95, 96, 97, 98, 151)
def test_two_calls_at_once_are_two_in_the_clients_helper(anywhere: OpenAI) -> None:
    with anywhere.chat.completions.stream(model=MODEL, messages=TWO, tools=[WEATHER, TIME]) as events:
        choice = events.get_final_completion().choices[0]
    calls = choice.message.tool_calls or []
    assert choice.finish_reason == "tool_calls"
    assert [(call.type, call.function.name) for call in calls] == [
        ("function", "get_weather"),
        ("function", "get_time"),
    ]
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "sandbox"}, {"zone": "sandbox"}]
    assert len({call.id for call in calls}) == 2


@pytest.mark.conformance(100)
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_time"}}])
def test_a_forced_call_is_made_with_thinking_at_its_default(anywhere: OpenAI, choice: Any) -> None:
    question: Any = [{"role": "user", "content": "Say hello."}]
    answer = anywhere.chat.completions.create(model=MODEL, messages=question, tools=[TIME], tool_choice=choice)
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == ["get_time"]
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.conformance(101, 103, 151)
@pytest.mark.parametrize("reasoning", [True, False])
def test_three_rounds_of_calls_go_through_with_and_without_their_reasoning(
    anywhere: OpenAI, *, reasoning: bool
) -> None:
    history = list(ONE)
    ids = []
    for _ in range(3):
        message = anywhere.chat.completions.create(model=MODEL, messages=history, tools=[WEATHER]).choices[0].message
        (call,) = message.tool_calls or []
        ids.append(call.id)
        said = message.model_dump(exclude_none=True)
        if not reasoning:
            said.pop("reasoning_content", None)
        history += [said, {"role": "tool", "tool_call_id": call.id, "content": "Fine."}]
        final = anywhere.chat.completions.create(model=MODEL, messages=history, tools=[WEATHER]).choices[0]
        assert "tool has answered" in (final.message.content or "")
        history += [{"role": "assistant", "content": final.message.content}, *ONE]
    assert len(set(ids)) == 3
