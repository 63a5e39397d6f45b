"""The answer of a client that does not stream, put together from the deltas a streaming one would get. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.chunks import Usage  # noqa: TC001 - msgspec reads the annotation
from gateway.schema import Quiet

if TYPE_CHECKING:
    from gateway.deltas import Delta, ToolFragment


class _Function(Quiet, frozen=True):
    name: str
    arguments: str


class _Call(Quiet, frozen=True):
    id: str
    type: str
    function: _Function


class _Message(Quiet, frozen=True, omit_defaults=True):
    role: str
    content: str | None
    refusal: str | None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Quiet, frozen=True):
    index: int
    message: _Message
    logprobs: None
    finish_reason: str


class _Completion(Quiet, frozen=True, omit_defaults=True):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: Usage | None = None


class Assembly:
    """Collects deltas; `json` spells the whole."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, list[ToolFragment]] = {}

    def add(self, delta: Delta) -> None:
        self._content.append(delta.content or "")
        self._reasoning.append(delta.reasoning or "")
        self._refusal.append(delta.refusal or "")
        for fragment in delta.tools:
            self._calls.setdefault(fragment.index, []).append(fragment)

    def json(self, *, id: str, created: int, model: str, finish_reason: str, usage: Usage | None) -> bytes:  # noqa: A002 - the field's name
        content, refusal = "".join(self._content), "".join(self._refusal)
        calls = [_call(fragments) for _, fragments in sorted(self._calls.items())]
        message = _Message(
            role="assistant",
            content=content or (None if calls or refusal else ""),
            refusal=refusal or None,
            reasoning_content="".join(self._reasoning) or None,
            tool_calls=calls or None,
        )
        return msgspec.json.encode(
            _Completion(
                id=id,
                object="chat.completion",
                created=created,
                model=model,
                choices=[_Choice(index=0, message=message, logprobs=None, finish_reason=finish_reason)],
                usage=usage,
            )
        )


def _call(fragments: list[ToolFragment]) -> _Call:
    first = fragments[0]
    function = _Function(name=first.name or "", arguments="".join(fragment.arguments for fragment in fragments))
    return _Call(id=first.id or "", type="function", function=function)
