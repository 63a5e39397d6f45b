"""The one stream every client can read: `data: <json>` events of one id, role, finish reason and usage. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.schema import Quiet

if TYPE_CHECKING:
    from gateway.deltas import Delta, ToolFragment
    from gateway.errors import ApiError, ErrorBody
    from gateway.usage import Tokens

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


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


def usage_of(tokens: Tokens) -> Usage:
    return Usage(
        prompt_tokens=tokens.prompt,
        completion_tokens=tokens.completion,
        total_tokens=tokens.prompt + tokens.completion,
        prompt_tokens_details=Cached(tokens.cached),
        completion_tokens_details=Reasoned(tokens.reasoning),
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
    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Tool] | None = None


class _Choice(Quiet, frozen=True):
    index: int
    delta: _Delta
    logprobs: None
    finish_reason: str | None


class _Chunk(Quiet, frozen=True):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: Usage | None


class _Failure(Quiet, frozen=True):
    """Read as an error by every SDK, and by aggregators as a chunk that finished with one."""

    error: ErrorBody
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]


@dataclass(frozen=True, slots=True)
class Chunks:
    """Spells the events of one answer."""

    id: str
    created: int
    model: str

    def role(self) -> bytes:
        return self._choice(_Delta(role="assistant", content=""))

    def delta(self, delta: Delta) -> bytes:
        tools = [_tool(fragment) for fragment in delta.tools]
        return self._choice(
            _Delta(
                content=delta.content,
                reasoning_content=delta.reasoning,
                refusal=delta.refusal,
                tool_calls=tools or None,
            )
        )

    def finish(self, reason: str) -> bytes:
        return self._choice(_Delta(), reason)

    def usage(self, tokens: Tokens) -> bytes:
        return self._chunk([], usage_of(tokens))

    def failure(self, error: ApiError) -> bytes:
        choice = _Choice(index=0, delta=_Delta(content=""), logprobs=None, finish_reason="error")
        return _event(
            _Failure(
                error=error.body,
                id=self.id,
                object="chat.completion.chunk",
                created=self.created,
                model=self.model,
                choices=[choice],
            )
        )

    def _choice(self, delta: _Delta, finish_reason: str | None = None) -> bytes:
        return self._chunk([_Choice(index=0, delta=delta, logprobs=None, finish_reason=finish_reason)], None)

    def _chunk(self, choices: list[_Choice], usage: Usage | None) -> bytes:
        return _event(
            _Chunk(
                id=self.id,
                object="chat.completion.chunk",
                created=self.created,
                model=self.model,
                choices=choices,
                usage=usage,
            )
        )


def _tool(fragment: ToolFragment) -> _Tool:
    first = fragment.id is not None
    return _Tool(
        index=fragment.index,
        id=fragment.id,
        type="function" if first else None,
        function=_Function(name=fragment.name if first else None, arguments=fragment.arguments),
    )


def _event(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
