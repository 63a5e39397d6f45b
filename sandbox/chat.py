"""A chat request as an upstream reads it: what the answer depends on, or the refusal that the upstream would send."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.refusals import Refusal, invalid

if TYPE_CHECKING:
    from sandbox.wires.wire import Wire

DEFAULT_LIMIT = 32_768


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    parameters: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Format:
    """What the answer must be: `json_object`, or `json_schema` with the schema."""

    kind: str
    schema: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One request. The words in it have no repr, so no log or traceback shows them."""

    words: tuple[str, ...] = field(repr=False)  # everything that counts as prompt
    messages: int
    question: str = field(repr=False)  # the latest user message
    after_tool: bool  # the latest message is a tool's result
    calls_before: int  # tool calls in the history: their ids count on through a conversation
    rounds: int  # answers with tool calls since the latest user message
    stream: bool
    include_usage: bool
    thinking: bool
    limit: int
    stops: tuple[str, ...] = field(repr=False)
    tools: tuple[Tool, ...]
    choice: str  # auto, none, required, or the name of a tool
    format: Format | None


def parse(body: bytes, model: str, wire: Wire) -> Chat:
    """Read a request body as `wire` has it, or raise the refusal that answers it."""
    try:
        asked = json.loads(body)
    except ValueError:
        raise invalid("Invalid request: the body is not valid JSON") from None
    if not isinstance(asked, dict):
        raise invalid("Invalid request: the body is not an object")
    if asked.get("model") != model:
        raise Refusal(404, "resource_not_found_error", f"Not found the model {asked.get('model')!s:.80}")
    wire.check(asked)
    return _chat(asked, wire)


def _chat(asked: dict[str, Any], wire: Wire) -> Chat:
    messages: list[dict[str, Any]] = asked["messages"]
    users = [text_of(message.get("content")) for message in messages if message.get("role") == "user"]
    options = asked.get("stream_options") or {}
    stop = asked.get("stop") or ()
    return Chat(
        words=tuple(_words(asked, wire.reasoning)),
        messages=len(messages),
        question=users[-1] if users else "",
        after_tool=messages[-1].get("role") == "tool",
        calls_before=sum(len(message.get("tool_calls") or ()) for message in messages),
        rounds=_rounds(messages),
        stream=asked.get("stream") is True,
        include_usage=options.get("include_usage") is True,
        thinking=wire.thinks(asked),
        limit=next((asked[name] for name in wire.limits if asked.get(name)), DEFAULT_LIMIT),
        stops=(stop,) if isinstance(stop, str) else tuple(stop),
        tools=tuple(Tool(tool["function"]["name"], tool["function"].get("parameters")) for tool in _tools(asked)),
        choice=_choice(asked),
        format=_format(asked.get("response_format")),
    )


def _rounds(messages: list[dict[str, Any]]) -> int:
    rounds = 0
    for message in reversed(messages):
        if message.get("role") == "user":
            break
        rounds += bool(message.get("tool_calls"))
    return rounds


def text_of(content: object) -> str:
    """Return the text of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _words(asked: dict[str, Any], reasoning: str) -> list[str]:
    """Return all that counts as prompt; `reasoning` names the field of earlier reasoning that the upstream reads."""
    words = [json.dumps(tool, sort_keys=True) for tool in _tools(asked)]
    for message in asked["messages"]:
        words += [
            str(message.get("role")),
            str(message.get(reasoning) or ""),
            text_of(message.get("content")),
        ]
        for call in message.get("tool_calls") or ():
            words += [str(call["function"].get("name")), str(call["function"].get("arguments"))]
    return words


def _tools(asked: dict[str, Any]) -> list[dict[str, Any]]:
    return asked.get("tools") or []


def _choice(asked: dict[str, Any]) -> str:
    choice = asked.get("tool_choice") or "auto"
    return str(choice["function"]["name"]) if isinstance(choice, dict) else str(choice)


def _format(asked: dict[str, Any] | None) -> Format | None:
    if not asked or asked.get("type") == "text":
        return None
    return Format(str(asked["type"]), (asked.get("json_schema") or {}).get("schema"))
