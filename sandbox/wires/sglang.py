"""SGLang's wire: nulls for all a delta has not, `matched_stop`, reasoning tokens beside the counts, errors bare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.wires import openly
from sandbox.wires.wire import Json, Usage, Wire

if TYPE_CHECKING:
    from sandbox.answers import Token
    from sandbox.refusals import Refusal

END_OF_TURN = 163_586  # the number of Kimi's token for it


class SGLang(Wire):
    name = "sglang"
    owner = "sglang"

    def check(self, asked: Json) -> None:
        openly.check(asked)

    def thinks(self, asked: Json) -> bool:
        return openly.template_thinks(asked)

    def error(self, refusal: Refusal) -> Json:
        kind = {400: "BadRequestError", 404: "NotFoundError"}.get(refusal.status, "InternalServerError")
        about = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.status}
        return {"object": "error"} | about

    def usage(self, usage: Usage) -> Json:
        details = {"cached_tokens": usage.cached} if usage.cached else None
        return super().usage(usage) | {"prompt_tokens_details": details, "reasoning_tokens": usage.reasoning}

    def delta(self, token: Token, call_id: str) -> Json | None:
        delta = dict.fromkeys(("role", "content", "reasoning_content", "tool_calls")) | (
            super().delta(token, call_id) or {}
        )
        if token.kind == "tool" and token.opens is None:
            function = {"name": None, "arguments": token.text}
            delta["tool_calls"] = [{"id": None, "index": token.index, "type": "function", "function": function}]
        return delta

    def choice(self, delta: Json, finish: str | None) -> Json:
        matched = END_OF_TURN if finish == "stop" else None
        return super().choice(delta, finish) | {"logprobs": None, "matched_stop": matched}

    def chunk(self, head: Json, delta: Json, finish: str | None = None) -> Json:
        return super().chunk(head, delta, finish) | {"usage": None}
