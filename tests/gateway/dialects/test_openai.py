from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.dialects.dialogue import TOOL, ask


@pytest.mark.conformance(50)
def test_openais_own_sampling_reaches_it_and_no_other() -> None:
    own: dict[str, Any] = {"temperature": 0, "top_p": 0.5, "frequency_penalty": 0.2, "presence_penalty": 0.3, "seed": 7}
    asked = ask("openai", **own, top_k=20, min_p=0.1, repetition_penalty=1.1)
    assert {name: asked[name] for name in own} == own
    assert asked.keys().isdisjoint({"top_k", "min_p", "repetition_penalty", "chat_template_kwargs", "thinking"})


def test_an_effort_passes_and_thinking_off_is_one_of_them() -> None:
    assert ask("openai", reasoning_effort="low")["reasoning_effort"] == "low"
    assert ask("openai", thinking={"type": "disabled"})["reasoning_effort"] == "none"
    assert "reasoning_effort" not in ask("openai")


def test_the_reasoning_of_earlier_turns_has_no_field_and_stays_away() -> None:
    history = [{"role": "assistant", "content": "a", "reasoning_content": "r", "reasoning": "r"}]
    assert ask("openai", messages=history)["messages"] == [{"role": "assistant", "content": "a"}]


def test_ids_are_the_clients_own_unless_they_are_longer_than_openai_takes() -> None:
    long = f"functions.{'n' * 40}:0"
    calls = [{"id": identity, "function": {"name": "f", "arguments": "{}"}} for identity in ("call_1", long)]
    answers = [{"role": "tool", "tool_call_id": identity, "content": "1"} for identity in (long, "call_1")]
    messages = ask("openai", messages=[{"role": "assistant", "tool_calls": calls}, *answers])["messages"]
    first, second = (call["id"] for call in messages[0]["tool_calls"])
    assert first == "call_1"
    assert len(second) <= 40
    assert [message["tool_call_id"] for message in messages[1:]] == [second, first]


def test_a_forced_call_leaves_thinking_alone_and_a_tool_is_sent_as_it_came() -> None:
    asked = ask("openai", tools=[TOOL], tool_choice="required", parallel_tool_calls=False)
    assert (asked["tools"], asked["tool_choice"]) == ([TOOL], "required")
    assert asked["parallel_tool_calls"] is False
    assert "reasoning_effort" not in asked
