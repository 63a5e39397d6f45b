"""The official client for Python, newest: every call of chat and models, in its own idiom."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
from checking import (
    ANSWERED,
    API_KEY,
    BASE_URL,
    HAIKU,
    MODEL,
    REASONING,
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

client = openai.OpenAI(base_url=BASE_URL, api_key=API_KEY)
ASK: Any = [{"role": "user", "content": HAIKU}]


class Weather(BaseModel):
    """Tell the weather of a city."""

    city: str


class Poem(BaseModel):
    title: str
    lines: list[str]


def create() -> str:
    answer = client.chat.completions.create(model=MODEL, messages=ASK)
    (choice,) = answer.choices
    same((answer.model, choice.finish_reason, choice.message.role), (MODEL, "stop", "assistant"))
    thought(getattr(choice.message, "reasoning_content", None))
    assert answer.usage is not None
    same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
    return poem(choice.message.content)


def create_from_asyncio() -> str:
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY) as aio:
            chunks = [
                chunk async for chunk in await aio.chat.completions.create(model=MODEL, messages=ASK, stream=True)
            ]
        return poem("".join(chunk.choices[0].delta.content or "" for chunk in chunks))

    return asyncio.run(ask())


def stream() -> str:
    options: Any = {"include_usage": True}
    *chunks, last = client.chat.completions.create(model=MODEL, messages=ASK, stream=True, stream_options=options)
    same([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason], ["stop"])
    same([chunk.choices[0].delta.role for chunk in chunks if chunk.choices[0].delta.role], ["assistant"])
    assert last.choices == []
    assert last.usage is not None
    return poem("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


def stream_helper() -> str:
    with client.chat.completions.stream(model=MODEL, messages=ASK) as events:
        kinds = {event.type for event in events}
        final = events.get_final_completion().choices[0].message
    assert {"content.delta", "content.done", "chunk"} <= kinds
    same(final.role, "assistant")
    thought(getattr(final, "reasoning_content", None))
    return poem(final.content)


def tools() -> str:
    messages: Any = [{"role": "user", "content": WEATHER}]
    return _loop(messages, keep_reasoning=True)


def tools_without_reasoning() -> str:
    messages: Any = [{"role": "user", "content": WEATHER}]
    return _loop(messages, keep_reasoning=False)


def _loop(messages: Any, *, keep_reasoning: bool) -> str:
    """Answer the model's calls until it uses words; half of the turns are streamed."""
    kit = [openai.pydantic_function_tool(Weather)]
    ids: list[str] = []
    for turn in range(ROUNDS):
        with client.chat.completions.stream(model=MODEL, messages=messages, tools=kit) as events:
            choice = events.get_final_completion().choices[0]
        same(choice.finish_reason, "tool_calls")
        (call,) = choice.message.tool_calls or ()
        same((call.type, call.function.name), ("function", "Weather"))
        same(Weather.model_validate_json(call.function.arguments), Weather(city="sandbox"))
        dumped = choice.message.model_dump(exclude_none=True)
        kept = dumped if keep_reasoning else {name: dumped[name] for name in ("role", "tool_calls")}
        same("reasoning_content" in kept, keep_reasoning and REASONING)
        messages += [kept, {"role": "tool", "tool_call_id": call.id, "content": f"Fine, {turn}."}]
        ids.append(call.id)
    same(len(set(ids)), ROUNDS)
    final = client.chat.completions.create(model=MODEL, messages=messages, tools=kit).choices[0]
    same(final.finish_reason, "stop")
    assert (final.message.content or "").startswith(ANSWERED)
    return f"{len(ids)} rounds"


def tool_demanded() -> str:
    kit = [openai.pydantic_function_tool(Weather)]
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=kit, tool_choice="required").choices[0]
    (call,) = answer.message.tool_calls or ()
    same((answer.finish_reason, json.loads(call.function.arguments)), ("tool_calls", {"city": "sandbox"}))
    return call.id


def structured() -> str:
    answer = client.chat.completions.parse(model=MODEL, messages=ASK, response_format=Poem)
    same(answer.choices[0].message.parsed, Poem(title="sandbox", lines=["sandbox"]))
    whole = client.chat.completions.create(model=MODEL, messages=ASK, response_format={"type": "json_object"})
    return str(sorted(json.loads(whole.choices[0].message.content or "")))


def structured_cut() -> str:
    ask = lambda: client.chat.completions.parse(  # noqa: E731
        model=MODEL, messages=ASK, response_format=Poem, max_completion_tokens=2
    )
    return str(raised(openai.LengthFinishReasonError, ask).completion.choices[0].finish_reason)


def models() -> str:
    same([model.id for model in client.models.list()], [MODEL])
    same((client.models.retrieve(MODEL).id, client.models.retrieve(MODEL).object), (MODEL, "model"))
    error = raised(openai.NotFoundError, lambda: client.models.retrieve("nobody/nothing"))
    return f"{MODEL}; {error.code}"


def bad_key() -> str:
    stranger = openai.OpenAI(base_url=BASE_URL, api_key=WRONG_KEY)
    error = raised(openai.AuthenticationError, lambda: stranger.chat.completions.create(model=MODEL, messages=ASK))
    same((error.code, error.type, error.param), ("invalid_api_key", "invalid_request_error", None))
    same(error.response.request.headers["x-stainless-retry-count"], "0")
    return error.message


def unknown_model() -> str:
    error = raised(openai.NotFoundError, lambda: client.chat.completions.create(model="gpt-4o", messages=ASK))
    same((error.code, error.type), ("model_not_found", "invalid_request_error"))
    return error.message


def bad_parameter() -> str:
    ask = lambda: client.chat.completions.create(model=MODEL, messages=ASK, temperature=2.5)  # noqa: E731
    error = raised(openai.BadRequestError, ask)
    same((error.code, error.param), ("decimal_above_max_value", "temperature"))
    return error.message


def other_endpoints() -> str:
    error = raised(openai.NotFoundError, lambda: client.responses.create(model=MODEL, input=HAIKU))
    same(error.code, "unknown_url")
    assert "/v1/chat/completions" in error.message
    return error.message


def request_ids() -> str:
    answer = client.chat.completions.create(model=MODEL, messages=ASK)
    assert (answer._request_id or "").startswith("req_")
    error = raised(openai.NotFoundError, lambda: client.chat.completions.create(model="gpt-4o", messages=ASK))
    assert (error.request_id or "").startswith("req_")
    with client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as chunks:
        assert chunks.response.headers["x-request-id"].startswith("req_")
    return str(answer._request_id)


run(
    "openai",
    *(create, create_from_asyncio, stream, stream_helper),
    *(tools, tools_without_reasoning, tool_demanded, structured, structured_cut),
    *(models, bad_key, unknown_model, bad_parameter, other_endpoints, request_ids),
)
