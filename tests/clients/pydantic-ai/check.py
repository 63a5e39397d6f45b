"""Pydantic AI's agents: typed output comes by a tool that is demanded (`required`) with a strict schema."""

from __future__ import annotations

import asyncio
from typing import Any

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
from pydantic_ai import Agent, ModelHTTPError, NativeOutput
from pydantic_ai.messages import ModelResponse, ThinkingPart, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings


class Poem(BaseModel):
    title: str
    lines: list[str]


def model(name: str = MODEL, key: str = API_KEY) -> OpenAIChatModel:
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=BASE_URL, api_key=key))


def create() -> str:
    done = Agent(model()).run_sync(HAIKU)
    response = done.response
    same((response.model_name, response.finish_reason), (MODEL, "stop"))
    thought("".join(part.content for part in response.parts if isinstance(part, ThinkingPart)))
    assert response.usage.output_tokens > response.usage.details["reasoning_tokens"] > 0
    return poem(done.output)


def stream() -> str:
    async def ask() -> str:
        async with Agent(model()).run_stream(HAIKU) as result:
            text = "".join([delta async for delta in result.stream_text(delta=True, debounce_by=None)])
            assert result.usage.output_tokens > 0
        return poem(text)

    return asyncio.run(ask())


def tools() -> str:
    return _tools(streamed=False)


def tools_streamed() -> str:
    return _tools(streamed=True)


def _tools(*, streamed: bool) -> str:
    agent = Agent(model())
    cities: list[str] = []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        cities.append(city)
        return f"Fine, {len(cities)}."

    async def ask() -> tuple[str, list[Any]]:
        if not streamed:
            done = await agent.run(WEATHER)
            return done.output, done.all_messages()
        async with agent.run_stream(WEATHER) as result:
            return await result.get_output(), result.all_messages()

    said, messages = asyncio.run(ask())
    same(cities, ["sandbox"] * ROUNDS)
    parts = [part for each in messages if isinstance(each, ModelResponse) for part in each.parts]
    same(len({part.tool_call_id for part in parts if isinstance(part, ToolCallPart)}), ROUNDS)
    same(len([part for part in parts if isinstance(part, ThinkingPart)]), (ROUNDS + 1) * REASONING)
    assert said.startswith(ANSWERED)
    return f"{len(cities)} rounds"


def structured() -> str:
    wanted = Poem(title="sandbox", lines=["sandbox"])
    kinds: list[Any] = [Poem, NativeOutput(Poem)]
    for kind in kinds:
        same(Agent(model(), output_type=kind).run_sync(HAIKU).output, wanted)
    return "tool, native"


def structured_streamed() -> str:
    async def ask() -> Poem:
        async with Agent(model(), output_type=Poem).run_stream(HAIKU) as result:
            return await result.get_output()

    same(asyncio.run(ask()), Poem(title="sandbox", lines=["sandbox"]))
    return "tool"


def temperature_zero() -> str:
    return poem(Agent(model(), model_settings=ModelSettings(temperature=0)).run_sync(HAIKU).output)


def bad_key() -> str:
    return _refused(Agent(model(key=WRONG_KEY)), 401, "invalid_api_key")


def unknown_model() -> str:
    return _refused(Agent(model("gpt-nobody")), 404, "model_not_found")


def bad_parameter() -> str:
    return _refused(Agent(model(), model_settings=ModelSettings(temperature=2.5)), 400, "decimal_above_max_value")


def responses_prefix() -> str:
    """`openai:` means the Responses API, which is told where to go."""
    from pydantic_ai.models.openai import OpenAIResponsesModel  # noqa: PLC0415

    provider = OpenAIProvider(base_url=BASE_URL, api_key=API_KEY)
    return _refused(Agent(OpenAIResponsesModel(MODEL, provider=provider)), 404, "unknown_url")


def _refused(agent: Agent[None, str], status: int, code: str) -> str:
    error = raised(ModelHTTPError, lambda: agent.run_sync(HAIKU))
    body: Any = error.body
    same((error.status_code, body["code"]), (status, code))
    return str(body["message"])


run(
    "pydantic-ai-slim",
    *(create, stream, tools, tools_streamed, structured, structured_streamed, temperature_zero),
    *(bad_key, unknown_model, bad_parameter, responses_prefix),
)
