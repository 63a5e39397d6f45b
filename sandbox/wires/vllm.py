"""vLLM's wire: reasoning as `reasoning`, fields of its own in each choice, no details of usage, numbers as codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.wires import openly
from sandbox.wires.wire import Json, Usage, Wire

if TYPE_CHECKING:
    from sandbox.answers import Script, Token
    from sandbox.refusals import Refusal


class VLLM(Wire):
    name = "vllm"
    owner = "vllm"
    reasoning = "reasoning"

    def check(self, asked: Json) -> None:
        openly.check(asked)

    def thinks(self, asked: Json) -> bool:
        return openly.template_thinks(asked)

    def error(self, refusal: Refusal) -> Json:
        kind = {400: "BadRequestError", 404: "NotFoundError"}.get(refusal.status, "InternalServerError")
        return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.status}}

    def usage(self, usage: Usage) -> Json:
        return super().usage(usage) | {"prompt_tokens_details": None}

    def finish(self, script: Script, *, named: bool) -> str:
        return "stop" if named and script.finish == "tool_calls" else script.finish

    def delta(self, token: Token, call_id: str) -> Json | None:
        delta = super().delta(token, call_id) or {}
        return {"tool_calls": []} | delta

    def choice(self, delta: Json, finish: str | None) -> Json:
        extras = {"logprobs": None, "stop_reason": None, "token_ids": None}
        return super().choice(delta, finish) | extras

    def chunk(self, head: Json, delta: Json, finish: str | None = None) -> Json:
        extras = {"prompt_token_ids": None} if delta.get("role") else {}
        return super().chunk(head, delta, finish) | extras
