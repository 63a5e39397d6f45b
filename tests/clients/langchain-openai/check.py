"""LangChain's ChatOpenAI: it drops reasoning, replays a call with `content` null, and demands tools by name."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from checking import ANSWERED, API_KEY, BASE_URL, HAIKU, MODEL, ROUNDS, WEATHER, WRONG_KEY, poem, raised, run, same
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

OURS: Any = {"model": MODEL, "base_url": BASE_URL, "api_key": SecretStr(API_KEY)}
chat = ChatOpenAI(**OURS)


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Fine in {city}."


class Poem(BaseModel):
    """A poem."""

    title: str
    lines: list[str]


def create() -> str:
    answer = chat.invoke(HAIKU)
    same((answer.response_metadata["finish_reason"], answer.response_metadata["model_name"]), ("stop", MODEL))
    usage = answer.usage_metadata or {}
    same(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])
    assert usage["output_token_details"]["reasoning"] > 0
    return poem(answer.text)


def create_from_asyncio() -> str:
    return poem(asyncio.run(chat.ainvoke(HAIKU)).text)


def stream() -> str:
    whole: Any = None
    for chunk in ChatOpenAI(**OURS, stream_usage=True).stream(HAIKU):
        whole = chunk if whole is None else whole + chunk
    assert isinstance(whole, AIMessageChunk)
    same(whole.usage_metadata["total_tokens"], (chat.invoke(HAIKU).usage_metadata or {})["total_tokens"])
    return poem(whole.text)


def tools() -> str:
    bound = chat.bind_tools([get_weather])
    messages: list[BaseMessage] = [HumanMessage(WEATHER)]
    for turn in range(ROUNDS):
        answer: Any = bound.invoke(messages)
        if turn % 2 == 1:
            answer = None
            for chunk in bound.stream(messages):
                answer = chunk if answer is None else answer + chunk
        (call,) = answer.tool_calls
        same((call["name"], call["args"]), ("get_weather", {"city": "sandbox"}))
        messages += [answer, get_weather.invoke(call)]
    final = bound.invoke(messages)
    same(final.tool_calls, [])
    assert final.text.startswith(ANSWERED)
    return f"{len(messages) // 2} rounds"


def tool_demanded() -> str:
    (call,) = chat.bind_tools([get_weather], tool_choice="get_weather").invoke(HAIKU).tool_calls
    (other,) = chat.bind_tools([get_weather], tool_choice="any").invoke(HAIKU).tool_calls
    same((call["args"], other["args"]), ({"city": "sandbox"}, {"city": "sandbox"}))
    return str(call["id"])


def structured() -> str:
    wanted = Poem(title="sandbox", lines=["sandbox"])
    methods: Any = ("json_schema", "function_calling")
    for method in methods:
        same(chat.with_structured_output(Poem, method=method).invoke(HAIKU), wanted)
    assert chat.bind(response_format={"type": "json_object"}).invoke(HAIKU).text.startswith("{")
    return ", ".join(methods)


def temperature_zero() -> str:
    return poem(ChatOpenAI(**OURS, temperature=0).invoke(HAIKU).text)


def bad_key() -> str:
    stranger = ChatOpenAI(**OURS | {"api_key": SecretStr(WRONG_KEY)})
    error = raised(openai.AuthenticationError, lambda: stranger.invoke(HAIKU))
    same(error.code, "invalid_api_key")
    return error.message


def unknown_model() -> str:
    error = raised(openai.NotFoundError, lambda: ChatOpenAI(**OURS | {"model": "gpt-nobody"}).invoke(HAIKU))
    same(error.code, "model_not_found")
    return error.message


def bad_parameter() -> str:
    error = raised(openai.BadRequestError, lambda: ChatOpenAI(**OURS, temperature=2.5).invoke(HAIKU))
    same((error.code, error.param), ("decimal_above_max_value", "temperature"))
    return error.message


def request_ids() -> str:
    answer = ChatOpenAI(**OURS, include_response_headers=True).invoke(HAIKU)
    found = answer.response_metadata["headers"]["x-request-id"]
    assert found.startswith("req_")
    return str(found)


run(
    "langchain-openai",
    *(create, create_from_asyncio, stream, tools, tool_demanded, structured, temperature_zero),
    *(bad_key, unknown_model, bad_parameter, request_ids),
)
