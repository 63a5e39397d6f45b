"""An answer as the chunks of a dialect, before they become bytes; and the whole answer when nothing is streamed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.answers import Script, Token
    from sandbox.wires.wire import Json, Usage, Wire

DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Chunks:
    """Spells one answer; every chunk of it repeats the head."""

    wire: Wire
    id: str
    created: int
    model: str

    def role(self) -> Json:
        return self.wire.chunk(self._head("chat.completion.chunk"), self.wire.role())

    def token(self, token: Token) -> Json | None:
        """Return the chunk of a token, None where the upstream keeps it to itself."""
        delta = self.wire.delta(token, self.wire.call_id(token.opens.id, self.id) if token.opens else "")
        return self.wire.chunk(self._head("chat.completion.chunk"), delta) if delta is not None else None

    def tail(self, finish: str, usage: Usage | None, *, include_usage: bool) -> list[Json]:
        return self.wire.tail(self._head("chat.completion.chunk"), finish, usage, include_usage=include_usage)

    def whole(self, script: Script, finish: str, usage: Usage | None) -> bytes:
        message: Json = {"role": "assistant", "content": script.text("content")}
        if script.reasoning_tokens and self.wire.reasoning:
            message[self.wire.reasoning] = script.text("reasoning")
        if calls := script.calls():
            message["tool_calls"] = [
                {
                    "id": self.wire.call_id(call.id, self.id),
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in calls
            ]
        answer = self._head("chat.completion") | {
            "choices": [{"index": 0, "message": message, "finish_reason": finish}]
        }
        if usage is not None:
            answer["usage"] = self.wire.usage(usage)
        return text(answer).encode("utf-8", "replace")

    def _head(self, kind: str) -> Json:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
