"""What the dialects differ in: what they refuse, how they spell chunks, usage, errors. OpenAI's is the usual way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.answers import Script, Token
    from sandbox.refusals import Refusal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    prompt: int
    cached: int
    completion: int
    reasoning: int


class Wire(ABC):
    name = ""
    owner = "sandbox"
    reasoning = "reasoning_content"  # its field, in answers and in the history; empty where none is told
    limits: tuple[str, ...] = ("max_completion_tokens", "max_tokens")

    def check(self, asked: Json) -> None:  # noqa: B027 - an upstream may take everything
        """Raise the refusal of a request that the upstream does not take."""

    @abstractmethod
    def thinks(self, asked: Json) -> bool:
        """Whether the model reasons; it does unless told otherwise."""

    @abstractmethod
    def error(self, refusal: Refusal) -> Json:
        """Spell an error: the body of a refusal, and an event amid a stream."""

    def usage(self, usage: Usage) -> Json:
        return {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion,
        }

    def call_id(self, given: str, salt: str) -> str:  # noqa: ARG002
        """Return the id of a tool call: `given` is the model's own, `salt` differs from answer to answer."""
        return given

    def finish(self, script: Script, *, named: bool) -> str:  # noqa: ARG002
        """Return the reason an answer ends; `named` when the client chose the tool."""
        return script.finish

    def role(self) -> Json:
        return {"role": "assistant", "content": ""}

    def delta(self, token: Token, call_id: str) -> Json | None:
        """Spell a token, None where the upstream keeps it to itself."""
        if token.kind == "reasoning":
            return {self.reasoning: token.text} if self.reasoning else None
        if token.kind == "content":
            return {"content": token.text}
        if token.opens is None:
            return {"tool_calls": [{"index": token.index, "function": {"arguments": token.text}}]}
        function = {"name": token.opens.name, "arguments": ""}
        return {"tool_calls": [{"index": token.index, "id": call_id, "type": "function", "function": function}]}

    def choice(self, delta: Json, finish: str | None) -> Json:
        return {"index": 0, "delta": delta, "finish_reason": finish}

    def chunk(self, head: Json, delta: Json, finish: str | None = None) -> Json:
        return head | {"choices": [self.choice(delta, finish)]}

    def tail(self, head: Json, finish: str, usage: Usage | None, *, include_usage: bool) -> list[Json]:
        """Return the chunks that end an answer."""
        chunks = [self.chunk(head, {}, finish)]
        if include_usage and usage is not None:
            chunks.append(head | {"choices": [], "usage": self.usage(usage)})
        return chunks
