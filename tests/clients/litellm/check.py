"""LiteLLM's own calls: it replays an assistant's message as it came, reasoning and provider's fields included."""

from __future__ import annotations

import asyncio
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches a list of prices when it is imported

import litellm
from checking import (
    ANSWERED,
    API_KEY,
    BASE_URL,
    HAIKU,
    MODEL,
    ROUNDS,
    WEATHER,
    WRONG_KEY,
    poem,
    raised,
    run,
    same,
    thought,
)
from pydantic import BaseModel

ASK = [{"role": "user", "content": HAIKU}]
OURS: Any = {"model": f"openai/{MODEL}", "api_base": BASE_URL, "api_key": API_KEY}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Poem(BaseModel):
    title: str
    lines: list[str]


def create() -> str:
    answer = litellm.completion(**OURS, messages=ASK)
    (choice,) = answer.choices
    same((choice.finish_reason, choice.message.role), ("stop", "assistant"))
    thought(choice.message.get("reasoning_content"))
    same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    return poem(choice.message.content)


def create_from_asyncio() -> str:
    answer = asyncio.run(litellm.acompletion(**OURS, messages=ASK))
    return poem(answer.choices[0].message.content)


def stream() -> str:
    chunks = list(litellm.completion(**OURS, messages=ASK, stream=True, stream_options={"include_usage": True}))
    whole = litellm.stream_chunk_builder(chunks, messages=ASK)
    once = litellm.completion(**OURS, messages=ASK)
    whole_thought, once_thought = (one.choices[0].message.get("reasoning_content") for one in (whole, once))
    same(whole_thought, once_thought)
    same(whole.usage.completion_tokens, once.usage.completion_tokens)
    same([one.choices[0].finish_reason for one in chunks if one.choices and one.choices[0].finish_reason], ["stop"])
    return poem(whole.choices[0].message.content)


def tools() -> str:
    messages: list[Any] = [{"role": "user", "content": WEATHER}]
    for turn in range(ROUNDS):
        answer = litellm.completion(**OURS, messages=messages, tools=[TOOL], stream=turn % 2 == 1)
        if turn % 2 == 1:
            answer = litellm.stream_chunk_builder(list(answer), messages=messages)
        choice = answer.choices[0]
        same(choice.finish_reason, "tool_calls")
        (call,) = choice.message.tool_calls
        same((call.function.name, call.function.arguments), ("get_weather", '{"city": "sandbox"}'))
        thought(choice.message.get("reasoning_content"))
        messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": f"Fine, {turn}."}]
    final = litellm.completion(**OURS, messages=messages, tools=[TOOL]).choices[0]
    same(final.finish_reason, "stop")
    assert final.message.content.startswith(ANSWERED)
    return f"{len(messages) // 2} rounds"


def tool_demanded() -> str:
    answer = litellm.completion(**OURS, messages=ASK, tools=[TOOL], tool_choice="required")
    (call,) = answer.choices[0].message.tool_calls
    return str(call.id)


def structured() -> str:
    answer = litellm.completion(**OURS, messages=ASK, response_format=Poem)
    same(Poem.model_validate_json(answer.choices[0].message.content), Poem(title="sandbox", lines=["sandbox"]))
    return "a Poem"


def temperature_zero() -> str:
    return poem(litellm.completion(**OURS, messages=ASK, temperature=0).choices[0].message.content)


def bad_key() -> str:
    ask = lambda: litellm.completion(**OURS | {"api_key": WRONG_KEY}, messages=ASK)  # noqa: E731
    error = raised(litellm.AuthenticationError, ask)
    assert "Incorrect API key provided" in error.message
    return error.message


def unknown_model() -> str:
    ask = lambda: litellm.completion(**OURS | {"model": "openai/gpt-nobody"}, messages=ASK)  # noqa: E731
    return raised(litellm.NotFoundError, ask).message


def bad_parameter() -> str:
    error = raised(litellm.BadRequestError, lambda: litellm.completion(**OURS, messages=ASK, temperature=2.5))
    assert "'temperature'" in error.message
    return error.message


def request_ids() -> str:
    answer = litellm.completion(**OURS, messages=ASK)
    found = answer._hidden_params["additional_headers"]["llm_provider-x-request-id"]
    assert found.startswith("req_")
    return found


run(
    "litellm",
    *(create, create_from_asyncio, stream, tools, tool_demanded, structured, temperature_zero),
    *(bad_key, unknown_model, bad_parameter, request_ids),
)
