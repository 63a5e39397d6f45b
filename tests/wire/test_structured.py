"""Structured output by the official client's own parser, whichever dialect the upstream speaks."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from openai import LengthFinishReasonError
from pydantic import BaseModel, Field

from tests.wire.asking import HAIKU, MODEL, WEATHER

if TYPE_CHECKING:
    from openai import OpenAI


class Mood(Enum):
    CALM = "calm"
    STORMY = "stormy"


class Line(BaseModel):
    text: str
    syllables: int = Field(ge=1, le=9)


class Poem(BaseModel):
    """A poem with what validators like to write into a schema: titles, defaults, references and nulls."""

    title: str | None
    mood: Mood
    lines: list[Line]
    language: str = "en"


ZOD: dict[str, Any] = {  # as the AI SDK writes it
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"title": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "rating": {"type": "integer"}},
    "required": ["title", "rating"],
    "additionalProperties": False,
}


@pytest.mark.conformance(113, 114, 151)
def test_a_model_is_parsed(anywhere: OpenAI) -> None:
    answer = anywhere.chat.completions.parse(model=MODEL, messages=HAIKU, response_format=Poem)
    poem = answer.choices[0].message.parsed
    assert poem is not None
    assert (poem.mood, len(poem.lines)) == (Mood.CALM, 1)


@pytest.mark.conformance(114)
def test_a_schema_as_the_ai_sdk_writes_it_is_kept(anywhere: OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "book", "schema": ZOD, "strict": True}}
    answer = anywhere.chat.completions.create(model=MODEL, messages=HAIKU, response_format=form)
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), ZOD)


@pytest.mark.conformance(116)
def test_a_json_object_is_one(anywhere: OpenAI) -> None:
    form: Any = {"type": "json_object"}
    answer = anywhere.chat.completions.create(model=MODEL, messages=HAIKU, response_format=form)
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


@pytest.mark.conformance(117)
def test_a_cut_document_is_told_and_not_repaired(anywhere: OpenAI) -> None:
    with pytest.raises(LengthFinishReasonError) as error:
        anywhere.chat.completions.parse(
            model=MODEL, messages=HAIKU, response_format=Poem, max_completion_tokens=8, reasoning_effort="none"
        )
    content = error.value.completion.choices[0].message.content or ""
    assert content.startswith("{")
    assert not content.endswith("}")


@pytest.mark.conformance(118)
def test_a_schema_tools_and_streaming_work_together(anywhere: OpenAI) -> None:
    asked: Any = {"model": MODEL, "tools": [WEATHER | {"function": WEATHER["function"] | {"strict": True}}]}
    with anywhere.chat.completions.stream(messages=HAIKU, response_format=Poem, **asked) as events:
        poem = events.get_final_completion().choices[0].message.parsed
    assert poem is not None
    assert poem.lines
    weather: Any = [{"role": "user", "content": "How is the weather?"}]
    with anywhere.chat.completions.stream(messages=weather, response_format=Poem, **asked) as events:
        choice = events.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
