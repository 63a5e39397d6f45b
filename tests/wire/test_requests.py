"""What clients send is served: the running product takes it, and it reaches the upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.asking import COUNT, HAIKU, MODEL, WEATHER

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

CALL = {"id": "call_abc", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Lund"}'}}
QUESTION = {"role": "user", "content": "How is the weather in Lund?"}
ANSWER = {"role": "tool", "tool_call_id": "call_abc", "content": "Fine."}


def ask(client: OpenAI, *, messages: Any = HAIKU, **values: Any) -> ChatCompletion:
    """Ask with keys that the client's own signature may not know."""
    answer: ChatCompletion = client.chat.completions.create(model=MODEL, messages=messages, extra_body=values)
    return answer


@pytest.mark.conformance(50)
@pytest.mark.parametrize("temperature", [0, 0.7, 1, 2])
def test_every_temperature_of_the_api_is_served(client: OpenAI, temperature: float) -> None:
    assert ask(client, temperature=temperature).choices[0].finish_reason == "stop"


@pytest.mark.conformance(44, 45)
def test_parts_and_a_string_are_answered_alike_whatever_the_role(client: OpenAI) -> None:
    parts = [{"type": "text", "text": HAIKU[0]["content"]}]
    history = [{"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be kind."}]
    plain = ask(client, messages=[*history, *HAIKU]).choices[0].message.content
    assert ask(client, messages=[*history, {"role": "user", "content": parts}]).choices[0].message.content == plain


@pytest.mark.conformance(48, 49, 57, 59)
@pytest.mark.parametrize(
    "values",
    [
        {"user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "seed": 5, "parallel_tool_calls": True},
        {"metadata": {"a": "b"}, "store": False, "service_tier": "auto", "verbosity": "low"},
        {"ignore_eos": True, "continuous_usage_stats": True, "provider_specific_fields": {"x": 1}, "top_k": 5},
        {"stream_options": {"include_usage": True}},
        {"temperature": None, "tools": None, "stop": None, "response_format": None, "max_tokens": None, "n": None},
        {"logprobs": False, "logit_bias": {}, "modalities": ["text"], "n": 1, "tool_choice": "auto"},
    ],
)
def test_what_changes_nothing_is_served(client: OpenAI, values: dict[str, Any]) -> None:
    answer = ask(client, **values)
    assert len((answer.choices[0].message.content or "").splitlines()) == 3


@pytest.mark.conformance(47, 101)
@pytest.mark.parametrize("extra", [{}, {"content": None}, {"content": "", "reasoning_content": "hm"}])
def test_a_history_of_calls_is_served_with_and_without_content(client: OpenAI, extra: dict[str, Any]) -> None:
    history = [QUESTION, {"role": "assistant", "tool_calls": [CALL], **extra}, ANSWER]
    answer = ask(client, messages=history, tools=[WEATHER])
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.conformance(52)
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_either_name_of_the_limit_cuts_the_answer(client: OpenAI, name: str) -> None:
    answer = ask(client, messages=COUNT, **{name: 7})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7


def test_a_choice_among_some_of_the_tools_is_served(client: OpenAI) -> None:
    other = {"type": "function", "function": {"name": "get_time"}}
    among = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_weather"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": among}
    answer = ask(client, messages=[QUESTION], tools=[other, WEATHER], tool_choice=choice)
    assert [call.function.name for call in answer.choices[0].message.tool_calls or [] if call.type == "function"] == [
        "get_weather"
    ]


@pytest.mark.conformance(55)
def test_an_answer_ends_before_its_stop_sequence(client: OpenAI) -> None:
    whole = ask(client, messages=COUNT).choices[0].message.content or ""
    cut = ask(client, messages=COUNT, stop=["42", "zzz"]).choices[0]
    assert (cut.finish_reason, cut.message.content) == ("stop", whole.partition("42")[0])
