"""Instructor over the official client: by default it names the tool that must be called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import instructor
import openai
from checking import API_KEY, BASE_URL, HAIKU, MODEL, WRONG_KEY, raised, run, same
from instructor.core import InstructorRetryException
from pydantic import BaseModel

ASK: Any = [{"role": "user", "content": HAIKU}]


class Poem(BaseModel):
    title: str
    lines: list[str]


WANTED = {"title": "sandbox", "lines": ["sandbox"]}


def client(mode: instructor.Mode = instructor.Mode.TOOLS, key: str = API_KEY) -> instructor.Instructor:
    return instructor.from_openai(openai.OpenAI(base_url=BASE_URL, api_key=key), mode=mode)


def create() -> str:
    same(client().create(model=MODEL, messages=ASK, response_model=Poem).model_dump(), WANTED)
    return "TOOLS"


def structured() -> str:
    modes = (instructor.Mode.TOOLS_STRICT, instructor.Mode.JSON_SCHEMA)
    for mode in modes:
        same(client(mode).create(model=MODEL, messages=ASK, response_model=Poem).model_dump(), WANTED)
    return ", ".join(mode.name for mode in modes)


def stream() -> str:
    parts = list(client().create_partial(model=MODEL, messages=ASK, response_model=Poem))
    same(parts[-1].model_dump(), WANTED)
    return f"{len(parts)} parts"


def tools() -> str:
    found = list(client().create(model=MODEL, messages=ASK, response_model=Iterable[Poem], stream=True))
    assert found
    return f"{len(found)} of many"


def with_completion() -> str:
    poem, answer = client().create_with_completion(model=MODEL, messages=ASK, response_model=Poem)
    same((poem.model_dump(), answer.choices[0].finish_reason), (WANTED, "tool_calls"))
    return str(answer._request_id)


def bad_key() -> str:
    return _refused(client(key=WRONG_KEY), openai.AuthenticationError, {})


def unknown_model() -> str:
    return _refused(client(), openai.NotFoundError, {"model": "gpt-nobody"})


def bad_parameter() -> str:
    return _refused(client(), openai.BadRequestError, {"temperature": 2.5})


def _refused(asked: instructor.Instructor, kind: type[Exception], values: Any) -> str:
    ask = lambda: asked.create(**{"model": MODEL, "messages": ASK, "response_model": Poem} | values)  # noqa: E731
    error = raised(InstructorRetryException, ask)
    assert kind.__name__ in repr(error.__cause__) or isinstance(error.__cause__, kind)
    return str(error)


run(
    "instructor",
    *(create, structured, stream, tools, with_completion),
    *(bad_key, unknown_model, bad_parameter),
)
