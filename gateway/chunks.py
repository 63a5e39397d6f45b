"""The one stream every client can read: `data: <json>` events of one id, role, finish reason and usage. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.amounts import dollars
from gateway.schema import Quiet

if TYPE_CHECKING:
    from gateway.deltas import Delta, ToolFragment
    from gateway.errors import ApiError
    from gateway.usage import Tokens

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
CLOSE = b',"logprobs":null,"finish_reason":null}],"usage":null}\n\n'

_encode = msgspec.json.Encoder().encode


class Cached(msgspec.Struct, frozen=True):
    cached_tokens: int


class Reasoned(msgspec.Struct, frozen=True):
    reasoning_tokens: int


class Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: Cached
    completion_tokens_details: Reasoned
    cost: msgspec.Raw  # in dollars, exactly: a float has not all of its digits


def usage_of(tokens: Tokens, cost_nanos: int) -> Usage:
    return Usage(
        prompt_tokens=tokens.prompt,
        completion_tokens=tokens.completion,
        total_tokens=tokens.prompt + tokens.completion,
        prompt_tokens_details=Cached(tokens.cached),
        completion_tokens_details=Reasoned(tokens.reasoning),
        cost=msgspec.Raw(dollars(cost_nanos).encode()),
    )


class _Function(Quiet, frozen=True, omit_defaults=True):
    arguments: str
    name: str | None = None


class _Tool(Quiet, frozen=True, omit_defaults=True):
    index: int
    function: _Function
    id: str | None = None
    type: str | None = None


class _Delta(Quiet, frozen=True, omit_defaults=True):
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Tool] | None = None


class _Head(Quiet, frozen=True):
    """What every event of an answer begins with."""

    id: str
    object: str
    created: int
    model: str


class Chunks:
    """Spells the events of one answer. What they have in common is spelled once: a chunk costs its delta only."""

    def __init__(self, id: str, created: int, model: str) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.created = created
        self.model = model
        head = _encode(_Head(id=id, object="chat.completion.chunk", created=created, model=model))
        self._begin = b"data: " + head.removesuffix(b"}")
        self._open = self._begin + b',"choices":[{"index":0,"delta":'

    def role(self) -> bytes:
        return self._open + b'{"role":"assistant","content":""}' + CLOSE

    def delta(self, delta: Delta) -> bytes:
        if delta.content is not None and delta.reasoning is None and delta.refusal is None and not delta.tools:
            return self._open + b'{"content":' + _encode(delta.content) + b"}" + CLOSE  # nearly every chunk is this
        tools = [_tool(fragment) for fragment in delta.tools]
        spelled = _Delta(
            content=delta.content, reasoning_content=delta.reasoning, refusal=delta.refusal, tool_calls=tools or None
        )
        return self._open + _encode(spelled) + CLOSE

    def finish(self, reason: str) -> bytes:
        return self._open + b'{},"logprobs":null,"finish_reason":' + _encode(reason) + b'}],"usage":null}\n\n'

    def usage(self, tokens: Tokens, cost_nanos: int) -> bytes:
        return self._begin + b',"choices":[],"usage":' + _encode(usage_of(tokens, cost_nanos)) + b"}\n\n"

    def failure(self, error: ApiError) -> bytes:
        """Spell an error that every SDK raises, and that aggregators read as a chunk that finished with one."""
        choice = b'{"content":""},"logprobs":null,"finish_reason":"error"}],"error":'
        return self._open + choice + _encode(error.body) + b"}\n\n"


def _tool(fragment: ToolFragment) -> _Tool:
    first = fragment.id is not None
    return _Tool(
        index=fragment.index,
        id=fragment.id,
        type="function" if first else None,
        function=_Function(name=fragment.name if first else None, arguments=fragment.arguments),
    )
