"""An upstream's chunks → deltas, for every dialect: what they differ in is in the names of a few fields. Pure.

Only the fields named here are decoded; all that upstreams add beside them is dropped with the rest of the chunk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.deltas import FINISH_REASONS, Delta
from gateway.dialects.think_tags import ThinkTags
from gateway.dialects.tool_calls import ToolCalls, ToolPiece
from gateway.dialects.tool_names import ToolNames
from gateway.dialects.usage_fields import Usage  # noqa: TC001 - the decoder reads the annotations
from gateway.faults import FaultKind, UpstreamFault
from gateway.schema import Quiet, ReasoningDetail
from gateway.usage import Tokens

DONE = b"[DONE]"
CALLED = frozenset({"stop", "function_call"})  # what some say where they mean `tool_calls`


class Piece(Quiet, frozen=True, omit_defaults=True, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    refusal: str | None = None
    tool_calls: list[ToolPiece] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is content and nothing else, as in nearly every chunk."""
        return bool(self.content) and self == Piece(content=self.content)

    @property
    def thoughts(self) -> str:
        """The reasoning, under whichever name; a server that mirrors it says it once."""
        if self.reasoning_content or self.reasoning:
            return self.reasoning_content or self.reasoning or ""
        return "".join(detail.text or "" for detail in self.reasoning_details or ())


class Choice(Quiet, frozen=True, omit_defaults=True, gc=False):
    index: int | None = 0
    delta: Piece | None = None
    finish_reason: str | None = None
    usage: Usage | None = None


class Chunk(Quiet, frozen=True, omit_defaults=True, gc=False):
    object: str | None = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None


class UncountedChoice(Quiet, frozen=True, omit_defaults=True, gc=False):
    index: int | None = 0
    delta: Piece | None = None
    finish_reason: str | None = None


class Uncounted(Quiet, frozen=True, omit_defaults=True, gc=False):
    """A chunk, whatever is said in it of usage."""

    object: str | None = None
    choices: list[UncountedChoice] | None = None
    error: Any = None

    def chunk(self) -> Chunk:
        choices = [Choice(each.index, each.delta, each.finish_reason) for each in self.choices or ()]
        return Chunk(self.object, choices, None, self.error)


NO_PIECE = Piece()
NO_CHOICE = Choice()
_chunk = msgspec.json.Decoder(Chunk)
_uncounted = msgspec.json.Decoder(Uncounted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader knows of the request."""

    names: ToolNames = field(default_factory=lambda: ToolNames(()))
    calls_before: int = 0  # in the history
    thinks: bool = True  # whether the client wants reasoning: where not, none is shown
    tags: bool = False  # whether the server may leave its reasoning in the content
    ends: frozenset[str] = frozenset()  # its own words for `stop`


class ChunkReader:
    """Reads one answer's events."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._calls = ToolCalls(asked.names, asked.calls_before)
        self._tags: ThinkTags | None = ThinkTags() if asked.tags else None
        self._reasoned = 0  # deltas that only reason: each is a token at least
        self.done = False

    def read(self, name: bytes, data: bytes) -> Delta | None:
        """Return what the event says, None when that is nothing; raise `UpstreamFault` at an error or nonsense."""
        if data[:1] != b"{" and data.strip() == DONE:
            self.done = True
            return None
        chunk = _decoded(data)
        if chunk.error is not None or chunk.object == "error" or name == b"error":
            raise UpstreamFault(FaultKind.ERROR_EVENT)
        choice = _first(chunk.choices) if chunk.choices else NO_CHOICE
        usage = chunk.usage or choice.usage
        piece = choice.delta or NO_PIECE
        if usage is None and self._tags is None and choice.finish_reason is None and piece.is_plain:
            return Delta(content=piece.content)
        delta = self._delta(piece, choice.finish_reason, usage)
        return delta if delta.is_token or delta.finish_reason or delta.usage else None

    def _delta(self, piece: Piece, finish_reason: str | None, usage: Usage | None) -> Delta:
        ends = finish_reason is not None
        reasoning, content = self._texts(piece, ends=ends)
        self._reasoned += bool(reasoning and not content)
        tools = self._calls.read(piece.tool_calls) if piece.tool_calls else ()
        return Delta(
            content=content or None,
            reasoning=reasoning if reasoning and self._asked.thinks else None,
            refusal=piece.refusal or None,
            tools=(*tools, *self._calls.flush()) if ends else tools,
            finish_reason=self._finish(finish_reason) if ends else None,
            usage=self._tokens(usage) if usage is not None else None,
        )

    def _texts(self, piece: Piece, *, ends: bool) -> tuple[str, str]:
        """Return (reasoning, content)."""
        reasoning, content = piece.thoughts, piece.content or ""
        if self._tags is None:
            return reasoning, content
        if reasoning:  # a server with a field for it: tags in its content are the answer's
            tags, self._tags = self._tags, None
            held = tags.flush()[1]
            return reasoning, held + content
        split, content = self._tags.feed(content)
        if ends or piece.tool_calls:
            more, held = self._tags.flush()
            split, content = split + more, content + held
        if self._tags.settled:
            self._tags = None
        return split, content

    def _finish(self, reason: str | None) -> str:
        if reason in self._asked.ends:
            reason = "stop"
        if reason is None or reason not in FINISH_REASONS:  # "abort", "unexpected_state": never an invented stop
            raise UpstreamFault(FaultKind.ERROR_EVENT)
        return "tool_calls" if reason in CALLED and self._calls.begun else reason

    def _tokens(self, usage: Usage) -> Tokens | None:
        tokens = usage.tokens(self._reasoned)
        if tokens is None or self._asked.thinks:
            return tokens
        return Tokens(prompt=tokens.prompt, cached=tokens.cached, completion=tokens.completion)


def _first(choices: list[Choice]) -> Choice:
    return next((choice for choice in choices if not choice.index), NO_CHOICE)


def _decoded(data: bytes) -> Chunk:
    """Read a chunk; a usage that is no usage, such as counts that are texts, is none, and the words are kept."""
    try:
        return _chunk.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        return _uncounted.decode(data).chunk()
    except (ValueError, RecursionError):
        raise UpstreamFault(FaultKind.MALFORMED) from None
