"""Moonshot's wire: chunks, their spelling as server-sent events, and the whole answer when nothing is streamed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.answers import Call, Script, Token

DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Usage:
    prompt: int
    cached: int
    completion: int

    def as_json(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "cached_tokens": self.cached,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


@dataclass(frozen=True, slots=True)
class Spelling:
    """How events are written. Moonshot has been seen to leave the space out; others end lines with CRLF."""

    space: bool = True
    crlf: bool = False

    def event(self, data: str) -> bytes:
        end = "\r\n" if self.crlf else "\n"
        return f"data:{' ' if self.space else ''}{data}{end}{end}".encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every chunk of one answer repeats."""

    id: str
    created: int
    model: str

    def role(self) -> str:
        return self._chunk({"role": "assistant", "content": ""})

    def token(self, token: Token) -> str:
        return self._chunk(_delta(token))

    def last(self, finish: str, usage: Usage | None) -> str:
        return self._chunk({}, finish, usage)

    def usage(self, usage: Usage) -> str:
        return _text(self._head("chat.completion.chunk") | {"choices": [], "usage": usage.as_json()})

    def whole(self, script: Script, usage: Usage | None) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": script.text("content")}
        if script.reasoning_tokens:
            message["reasoning_content"] = script.text("reasoning")
        if calls := script.calls():
            message["tool_calls"] = [_call(call, call.arguments) for call in calls]
        answer = self._head("chat.completion") | {
            "choices": [{"index": 0, "message": message, "finish_reason": script.finish}]
        }
        if usage is not None:
            answer["usage"] = usage.as_json()
        return _text(answer).encode("utf-8", "replace")

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, usage: Usage | None = None) -> str:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        if usage is not None:
            choice["usage"] = usage.as_json()
        return _text(self._head("chat.completion.chunk") | {"choices": [choice]})


def _delta(token: Token) -> dict[str, Any]:
    if token.kind == "reasoning":
        return {"reasoning_content": token.text}
    if token.kind == "content":
        return {"content": token.text}
    if token.opens is not None:
        return {"tool_calls": [{"index": token.index} | _call(token.opens, "")]}
    return {"tool_calls": [{"index": token.index, "function": {"arguments": token.text}}]}


def _call(call: Call, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def error(kind: str, message: str) -> str:
    return _text({"error": {"type": kind, "message": message}})


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
