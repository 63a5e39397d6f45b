"""The dialects against the sandbox's wires, without a socket: each takes what is asked, and is read in any spelling."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import sse
from sandbox.answers import script
from sandbox.chat import parse
from sandbox.chunks import Chunks, text
from sandbox.quirks import QUIRKS, Quirks
from sandbox.spelling import Spelling
from sandbox.wires import WIRES
from sandbox.wires.wire import Usage
from tests.gateway.dialects.dialogue import NAMES, calls_of, exchange

if TYPE_CHECKING:
    from gateway.deltas import Delta
    from gateway.dialects.exchanges import Reader
    from gateway.usage import Tokens
    from sandbox.answers import Script

PARAMETERS = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}, "day": {"type": ["string", "null"], "format": "date"}},
    "required": ["city"],
}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("get_weather", "get_time")
]
QUESTIONS: dict[str, dict[str, Any]] = {
    "a haiku": {"messages": [{"role": "user", "content": "Write a haiku about the heron 🪶"}]},
    "two tools": {"messages": [{"role": "user", "content": "The weather, and the time?"}], "tools": TOOLS},
}
SPELLINGS = {
    "as most": Spelling(),
    "no space": Spelling(space=False),
    "crlf": Spelling(crlf=True),
    "comments": Spelling(comments=True),
    "ids and names": Spelling(ids=True, named=True),
    "a retry": Spelling(retry=True),
    "several lines": Spelling(lines=True),
    "a padded end": Spelling(padded=True),
    "a big event": Spelling(size=200_000),
}
RENAMING = {"no_ids", "same_ids"}
# Moonshot always has a field for its reasoning; a tag in its content is content.
ODDITIES = [(name, quirk) for name in NAMES for quirk in sorted(QUIRKS) if (name, quirk) != ("moonshot", "think_tags")]


@dataclass(frozen=True)
class Heard:
    """What a client is told by an answer."""

    content: str
    reasoning: str
    calls: list[tuple[str, str, str]]
    finish: list[str]
    usage: Tokens | None
    done: bool


def sent(dialect: str, question: dict[str, Any], spelling: Spelling, *quirks: str) -> tuple[bytes, Reader, Script]:
    """Return the bytes of the sandbox's answer to what the gateway asks, and the reader for them."""
    asked = exchange(dialect, **question)
    wire = WIRES[dialect]
    chat = parse(asked.body, "the-model", wire)
    said = script(chat)
    chunks = Chunks(wire, "chatcmpl-1", 0, "kimi-k2.6")
    usage = Usage(50, 10, len(said.tokens), said.reasoning_tokens)
    good = [chunks.role(), *filter(None, map(chunks.token, said.tokens))]
    good += chunks.tail(wire.finish(said, named=False), usage, include_usage=chat.include_usage)
    bent = Quirks(quirks)
    data = [text(one) for chunk in good for one in bent.bent(chunk)]
    data[1] = spelling.blown_up(data[1])
    return spelling.start() + b"".join(map(spelling.event, data)) + spelling.last(), asked.reader, said


def heard(data: bytes, reader: Reader, cuts: list[int] | None = None) -> Heard:
    parser = sse.Parser()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    events = [event for begin, end in pairwise(edges) for event in parser.feed(data[begin:end])]
    deltas: list[Delta] = [delta for event in events if (delta := reader.read(event.name, event.data))]
    usages = [delta.usage for delta in deltas if delta.usage]
    return Heard(
        content="".join(delta.content or "" for delta in deltas),
        reasoning="".join(delta.reasoning or "" for delta in deltas),
        calls=calls_of([*deltas]),
        finish=[delta.finish_reason for delta in deltas if delta.finish_reason],
        usage=usages[-1] if usages else None,
        done=reader.done,
    )


@pytest.mark.conformance(64, 65, 66, 81, 97, 151)
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("dialect", NAMES)
def test_every_dialect_says_what_the_model_said(dialect: str, question: str) -> None:
    data, reader, said = sent(dialect, QUESTIONS[question], Spelling())
    told = heard(data, reader)
    assert told.content == said.text("content")
    assert told.reasoning == ("" if dialect == "openai" else said.text("reasoning"))
    assert [(name, json.loads(arguments)) for _, name, arguments in told.calls] == [
        (call.name, json.loads(call.arguments)) for call in said.calls()
    ]
    assert told.finish == [said.finish]
    assert told.done
    assert told.usage is not None
    assert (told.usage.prompt, told.usage.completion) == (50, len(said.tokens))
    assert told.usage.reasoning == said.reasoning_tokens


@pytest.mark.conformance(87)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("dialect", NAMES)
def test_every_spelling_of_the_bytes_is_read_alike(dialect: str, spelling: str) -> None:
    plain = sent(dialect, QUESTIONS["a haiku"], Spelling())
    other = sent(dialect, QUESTIONS["a haiku"], SPELLINGS[spelling])
    assert heard(*other[:2]) == heard(*plain[:2])


@pytest.mark.conformance(87)
@given(st.sampled_from(NAMES), st.sampled_from(sorted(SPELLINGS)), st.lists(st.integers(0, 30_000), max_size=20))
def test_any_cut_of_the_bytes_is_read_alike(dialect: str, spelling: str, cuts: list[int]) -> None:
    data, reader, _ = sent(dialect, QUESTIONS["a haiku"], SPELLINGS[spelling])
    whole = sent(dialect, QUESTIONS["a haiku"], SPELLINGS[spelling])
    assert heard(data, reader, cuts) == heard(*whole[:2])


@pytest.mark.conformance(85, 94, 97, 112)
@pytest.mark.parametrize(("dialect", "quirk"), ODDITIES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_quirk_of_the_chunks_is_read_alike(dialect: str, question: str, quirk: str) -> None:
    plain = heard(*sent(dialect, QUESTIONS[question], Spelling())[:2])
    bent = heard(*sent(dialect, QUESTIONS[question], Spelling(), quirk)[:2])
    if quirk in RENAMING:
        assert [call[1:] for call in bent.calls] == [call[1:] for call in plain.calls]
        assert len({identity for identity, _, _ in bent.calls}) == len(bent.calls)
        assert (bent.content, bent.reasoning, bent.finish) == (plain.content, plain.reasoning, plain.finish)
    else:
        assert bent == plain
