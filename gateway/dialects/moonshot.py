"""Moonshot's spelling of the chat API for Kimi K2.6, both ways. Pure.

Asked: sampling is fixed there, so it is left out; `developer` is `system`; a forced tool call and a history of tool
calls without reasoning are refused while thinking is on, so the one turns thinking off, the other is given a blank.
Answered: usage comes in the finish chunk's choice, and reasoning as `reasoning_content`; how many tokens of it there
were is not said, so the deltas with it are counted: each is a token at least.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.deltas import FINISH_REASONS, Delta, ToolFragment
from gateway.dialects.exchanges import Exchange
from gateway.faults import FaultKind, UpstreamFault
from gateway.schema import (
    CONTEXT_TOKENS,
    Chat,
    Message,
    NamedFunction,
    Quiet,
    ResponseFormat,
    StreamOptions,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.usage import Tokens

DONE = b"[DONE]"
USUAL_LIMIT = 32_768  # Moonshot stops after about a thousand tokens when no limit is given
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
BLANK = " "


class Ask(Quiet, frozen=True, omit_defaults=True):
    model: str
    messages: list[Message]
    stream: bool
    stream_options: StreamOptions
    max_completion_tokens: int | None = None
    stop: list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    response_format: ResponseFormat | None = None
    thinking: Thinking | None = None


class Details(Quiet, frozen=True, omit_defaults=True):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class Usage(Quiet, frozen=True, omit_defaults=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None

    def tokens(self, reasoned: int) -> Tokens | None:
        """Return the counts, None where no request can have them; `reasoned` stands in for a count that is missing."""
        prompt, completion = self.prompt_tokens, self.completion_tokens
        if not (0 <= prompt <= CONTEXT_TOKENS and 0 <= completion <= CONTEXT_TOKENS):
            return None
        cached = self.cached_tokens or (self.prompt_tokens_details or Details()).cached_tokens or 0
        details = self.completion_tokens_details or Details()
        given = details.reasoning_tokens if self.reasoning_tokens is None else self.reasoning_tokens
        reasoning = reasoned if given is None else given
        return Tokens(
            prompt=prompt,
            cached=min(max(cached, 0), prompt),
            completion=completion,
            reasoning=min(max(reasoning, 0), completion),
        )


class FunctionPiece(Quiet, frozen=True, omit_defaults=True):
    name: str | None = None
    arguments: str | None = None


class ToolPiece(Quiet, frozen=True, omit_defaults=True):
    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class Piece(Quiet, frozen=True, omit_defaults=True):
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolPiece] | None = None


class Choice(Quiet, frozen=True, omit_defaults=True):
    index: int = 0
    delta: Piece | None = None
    finish_reason: str | None = None
    usage: Usage | None = None


class Chunk(Quiet, frozen=True, omit_defaults=True):
    object: str = ""
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: msgspec.Raw | None = None


_chunk = msgspec.json.Decoder(Chunk)


def exchange(chat: Chat, model: str, tenant: str) -> Exchange:  # noqa: ARG001
    """Spell `chat` for the upstream; always streamed and with usage, or neither time nor cost can be seen."""
    forced = isinstance(chat.tool_choice, ToolChoice) or chat.tool_choice == "required"
    thinks = chat.thinks and not forced
    keep = "all" if chat.keeps_thoughts else None
    ask = Ask(
        model=model,
        messages=[_message(message, thinks=thinks) for message in chat.messages or []],
        stream=True,
        stream_options=StreamOptions(include_usage=True),
        max_completion_tokens=chat.limit or _usual_limit(chat),
        stop=chat.stops or None,
        tools=[_tool(tool) for tool in chat.tools or []] or None,
        tool_choice=_choice(chat.tool_choice) if chat.tools else None,
        response_format=chat.response_format,
        thinking=(Thinking(type="enabled", keep=keep) if keep else None) if thinks else Thinking(type="disabled"),
    )
    return Exchange(msgspec.json.encode(ask), Reader())


def _usual_limit(chat: Chat) -> int | None:
    room = CONTEXT_TOKENS - chat.text_bytes()  # a token has at least one byte
    return USUAL_LIMIT if room >= 2 * USUAL_LIMIT else None


def _message(message: Message, *, thinks: bool) -> Message:
    reasoning: str | None = message.thoughts or None
    if message.tool_calls and thinks:
        reasoning = reasoning or BLANK
    calls = [msgspec.structs.replace(call, type="function") for call in message.tool_calls or []]
    return msgspec.structs.replace(
        message,
        role="system" if message.role == "developer" else message.role,
        reasoning_content=reasoning,
        reasoning=None,
        reasoning_details=None,
        refusal=None,
        tool_calls=calls or None,
    )


def _tool(tool: Tool) -> Tool:
    if tool.function is None:
        return tool
    function = msgspec.structs.replace(
        tool.function, parameters=tool.function.parameters or NO_PARAMETERS, strict=tool.function.strict or False
    )
    return msgspec.structs.replace(tool, function=function)


def _choice(choice: str | ToolChoice | None) -> str | ToolChoice | None:
    if isinstance(choice, ToolChoice) and choice.function is not None:
        return ToolChoice(type="function", function=NamedFunction(name=choice.function.name))
    return choice


class Reader:
    """Reads one answer's events; it remembers which tool calls were begun, and counts deltas that only reason."""

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._reasoned = 0
        self.done = False

    def read(self, name: bytes, data: bytes) -> Delta | None:
        """Return what the event says, None when that is nothing; raise `UpstreamFault` at an error or nonsense."""
        if data.strip() == DONE:
            self.done = True
            return None
        try:
            chunk = _chunk.decode(data)
        except (ValueError, RecursionError):
            raise UpstreamFault(FaultKind.MALFORMED) from None
        if chunk.error is not None or chunk.object == "error" or name == b"error":
            raise UpstreamFault(FaultKind.ERROR_EVENT)
        choice = next((choice for choice in chunk.choices or () if choice.index == 0), Choice())
        usage = chunk.usage or choice.usage
        piece = choice.delta or Piece()
        self._reasoned += bool(piece.reasoning_content and not piece.content)
        delta = Delta(
            content=piece.content or None,
            reasoning=piece.reasoning_content or None,
            refusal=piece.refusal or None,
            tools=tuple(self._tool(tool) for tool in piece.tool_calls or ()),
            finish_reason=self._finish(choice.finish_reason),
            usage=usage.tokens(self._reasoned) if usage is not None else None,
        )
        return delta if delta.is_token or delta.finish_reason or delta.usage else None

    def _tool(self, piece: ToolPiece) -> ToolFragment:
        latest = max(self._begun, default=-1)
        index = piece.index if piece.index is not None else latest + 1 if piece.id else max(latest, 0)
        function = piece.function or FunctionPiece()
        if index in self._begun:
            return ToolFragment(index=index, arguments=function.arguments or "")
        self._begun.add(index)
        identity = piece.id or f"functions.{function.name}:{index}"
        return ToolFragment(index=index, id=identity, name=function.name or "", arguments=function.arguments or "")

    def _finish(self, reason: str | None) -> str | None:
        if reason is None:
            return None
        if reason not in FINISH_REASONS:  # "abort", "unexpected_state", "error": never an invented stop
            raise UpstreamFault(FaultKind.ERROR_EVENT)
        return "tool_calls" if reason == "stop" and self._begun else reason
