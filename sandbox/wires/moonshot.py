"""Moonshot's wire: usage in the finish chunk's choice, errors of a type and a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import rules
from sandbox.wires.wire import Json, Usage, Wire

if TYPE_CHECKING:
    from sandbox.refusals import Refusal


class Moonshot(Wire):
    name = "moonshot"
    owner = "moonshot"

    def check(self, asked: Json) -> None:
        rules.check(asked)

    def thinks(self, asked: Json) -> bool:
        return rules.thinking_on(asked)

    def error(self, refusal: Refusal) -> Json:
        return {"error": {"type": refusal.kind, "message": refusal.message}}

    def usage(self, usage: Usage) -> Json:
        cached = {"cached_tokens": usage.cached}
        return super().usage(usage) | cached | {"prompt_tokens_details": cached}

    def tail(self, head: Json, finish: str, usage: Usage | None, *, include_usage: bool) -> list[Json]:
        last, *standard = super().tail(head, finish, usage, include_usage=include_usage)
        if usage is not None:
            last["choices"][0]["usage"] = self.usage(usage)
        return [last, *standard]
