from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.answers import Script, script
from sandbox.chat import Chat, parse
from sandbox.wires import WIRES

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": PARAMETERS}}
HAIKU = "Write a haiku about routing tables."


def chat(question: str, **values: Any) -> Chat:
    asked = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": question}]} | values
    return parse(json.dumps(asked).encode(), "kimi-k2.6", WIRES["moonshot"])


def ask(question: str, **values: Any) -> Script:
    return script(chat(question, **values))


def test_the_quickstarts_prompt_gets_a_haiku() -> None:
    answer = ask(HAIKU).text("content")
    assert len(answer.splitlines()) == 3
    assert "sandbox" not in answer


@given(st.text(min_size=1))
def test_every_prompt_is_answered_and_always_alike(question: str) -> None:
    answer = ask(question)
    assert answer.text("content")
    assert answer == ask(question)


def test_other_prompts_are_told_that_this_is_a_sandbox() -> None:
    for question in ("What is the capital of France?", "Explain BGP.", "Hello"):
        assert "sandbox" in ask(question).text("content")


def test_reasoning_comes_before_content_and_can_be_switched_off() -> None:
    kinds = [token.kind for token in ask(HAIKU).tokens]
    assert kinds == sorted(kinds, reverse=True)
    assert kinds[0] == "reasoning"
    assert ask(HAIKU, thinking={"type": "disabled"}).reasoning_tokens == 0


def test_counting_gives_an_answer_of_the_length_asked_for() -> None:
    assert ask("Please count to 5").text("content") == "1, 2, 3, 4, 5."


def test_what_is_to_be_repeated_is_repeated() -> None:
    assert ask("Repeat: 路由表 🌍").text("content") == "路由表 🌍"


def test_the_token_limit_cuts_and_says_length_and_reasoning_counts() -> None:
    cut = ask(HAIKU, max_completion_tokens=5)
    assert (len(cut.tokens), cut.reasoning_tokens, cut.finish) == (5, 5, "length")


def test_an_answer_as_long_as_the_limit_is_whole() -> None:
    whole = ask(HAIKU)
    assert ask(HAIKU, max_tokens=len(whole.tokens)) == whole


def test_a_stop_string_ends_the_content_before_it() -> None:
    stopped = ask("Count to 9", stop=["4", "7"])
    assert (stopped.text("content"), stopped.finish) == ("1, 2, 3, ", "stop")


def test_a_question_that_names_a_tool_calls_it_with_arguments_of_its_schema() -> None:
    answer = ask("How is the weather?", tools=[WEATHER, CLOCK])
    (call,) = answer.calls()
    assert (call.id, call.name, answer.finish) == ("functions.get_weather:0", "get_weather", "tool_calls")
    assert json.loads(call.arguments) == {"city": "sandbox"}
    assert answer.text("content") == ""


def test_two_tools_named_are_called_side_by_side() -> None:
    calls = ask("The weather and the time, please.", tools=[WEATHER, CLOCK]).calls()
    assert [call.id for call in calls] == ["functions.get_weather:0", "functions.get_time:1"]


def test_no_tool_is_called_when_none_is_wanted() -> None:
    assert ask("How is the weather?", tools=[WEATHER], tool_choice="none").calls() == ()
    assert ask("Hello", tools=[WEATHER]).calls() == ()


def test_a_demanded_tool_is_called_whatever_was_asked() -> None:
    off = {"type": "disabled"}
    assert ask("Hello", tools=[CLOCK, WEATHER], tool_choice="required", thinking=off).calls()[0].name == "get_time"
    named = {"type": "function", "function": {"name": "get_weather"}}
    assert ask("Hello", tools=[CLOCK, WEATHER], tool_choice=named, thinking=off).calls()[0].name == "get_weather"


def test_tool_ids_count_on_through_a_conversation() -> None:
    call = {"id": "functions.get_weather:0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "How is the weather?"},
        {"role": "assistant", "content": "", "reasoning_content": "I call it.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "Fine."},
    ]
    assert ask("", messages=history, tools=[WEATHER]).finish == "stop"
    again = [*history, {"role": "user", "content": "And the weather tomorrow?"}]
    assert ask("", messages=again, tools=[WEATHER]).calls()[0].id == "functions.get_weather:1"


def test_structured_output_is_a_document_of_the_schema() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "place", "schema": PARAMETERS}}
    assert json.loads(ask(HAIKU, response_format=schema).text("content")) == {"city": "sandbox"}
    assert isinstance(json.loads(ask(HAIKU, response_format={"type": "json_object"}).text("content")), dict)


def test_three_rounds_call_a_tool_each_and_then_answer() -> None:
    question = {"role": "user", "content": "Use the tools in three rounds, please."}
    messages: list[dict[str, Any]] = [question]
    called = []
    for round_ in range(3):
        answer = ask("", tools=[WEATHER, CLOCK], messages=messages)
        (call,) = answer.calls()
        assert answer.finish == "tool_calls"
        called.append(call.id)
        function = {"name": call.name, "arguments": call.arguments}
        said = {"role": "assistant", "reasoning_content": "r", "tool_calls": [{"id": call.id, "function": function}]}
        messages += [said, {"role": "tool", "tool_call_id": call.id, "content": str(round_)}]
    assert called == ["functions.get_weather:0", "functions.get_time:1", "functions.get_weather:2"]
    last = ask("", tools=[WEATHER, CLOCK], messages=messages)
    assert (last.calls(), last.finish) == ((), "stop")
    assert "tool has answered" in last.text("content")


def test_rounds_are_counted_anew_from_each_question() -> None:
    call = {"id": "a", "function": {"name": "get_time", "arguments": "{}"}}
    before = [{"role": "assistant", "reasoning_content": "r", "tool_calls": [call]}]
    again = {"role": "user", "content": "And two rounds more."}
    assert ask("", tools=[CLOCK], messages=[*before, again]).calls()
    assert not ask("", tools=[CLOCK], messages=[again, *before, *before]).calls()
    assert not ask("three rounds", tools=[CLOCK], tool_choice="none").calls()
