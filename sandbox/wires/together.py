"""Together's wire: the role in every delta, reasoning as `reasoning`, `eos` for `stop`, usage with the finish."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from sandbox.wires import openly
from sandbox.wires.wire import Json, Usage, Wire

if TYPE_CHECKING:
    from sandbox.answers import Script, Token
    from sandbox.refusals import Refusal


class Together(Wire):
    name = "together"
    owner = "together"
    reasoning = "reasoning"
    limits = ("max_tokens",)

    def check(self, asked: Json) -> None:
        openly.check(asked)

    def thinks(self, asked: Json) -> bool:
        return (asked.get("reasoning") or {}).get("enabled") is not False

    def error(self, refusal: Refusal) -> Json:
        code = {400: "invalid_request", 404: "model_not_available"}.get(refusal.status, "server_error")
        return {"error": {"message": refusal.message, "type": refusal.kind, "param": refusal.param, "code": code}}

    def usage(self, usage: Usage) -> Json:
        return super().usage(usage) | {"cached_tokens": usage.cached}

    def call_id(self, given: str, salt: str) -> str:
        return f"call_{blake2b(f'{salt}{given}'.encode(), digest_size=12).hexdigest()}"

    def finish(self, script: Script, *, named: bool) -> str:  # noqa: ARG002
        return "eos" if script.finish == "stop" else script.finish

    def delta(self, token: Token, call_id: str) -> Json | None:
        return {"role": "assistant", "content": ""} | (super().delta(token, call_id) or {})

    def chunk(self, head: Json, delta: Json, finish: str | None = None) -> Json:
        return super().chunk(head, delta, finish) | {"usage": None}

    def tail(self, head: Json, finish: str, usage: Usage | None, *, include_usage: bool) -> list[Json]:  # noqa: ARG002
        told = self.usage(usage) if usage is not None else None
        return [self.chunk(head, {"role": "assistant", "content": ""}, finish) | {"usage": told}]
