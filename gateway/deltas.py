"""What every dialect is read into: one step of an answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.schema import Quiet

if TYPE_CHECKING:
    from gateway.usage import Tokens

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})


class ToolFragment(Quiet, frozen=True, omit_defaults=True):
    """A piece of a tool call: the first of an index has its id and name, the later ones only arguments."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Delta(Quiet, frozen=True, omit_defaults=True):
    """What one upstream event says. Role chunks, empty deltas and comments say nothing, and make none."""

    content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tools: tuple[ToolFragment, ...] = ()
    finish_reason: str | None = None
    usage: Tokens | None = None

    @property
    def is_token(self) -> bool:
        return bool(self.content or self.reasoning or self.refusal or self.tools)
