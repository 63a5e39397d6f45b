"""Judges the messages of a chat request: roles, text, and that every tool call is answered. Pure.

Lenient where clients differ and nothing is lost: an assistant's turn may have no content at all, an empty list is
empty text, a refusal is what the assistant said. Strict where an upstream would guess: what a tool answers has to be a
call of the turn before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.refusals import invalid, missing, unsupported
from gateway.schema import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.errors import InvalidRequest
    from gateway.schema import Message, ToolCall

ROLES = ("system", "developer", "user", "assistant", "tool")
TEXT_ONLY = "this model takes text parts only."


def judged(messages: Iterable[Message]) -> list[Message]:
    """Return the messages as dialects may rely on them; raise `InvalidRequest` at the first fault."""
    waiting: dict[str, str] = {}  # id of a call of the latest assistant's turn → its path, until it is answered
    done: list[Message] = []
    for index, message in enumerate(messages):
        _role(message, index)
        if message.role == "tool":
            _answer(message, index, waiting)
        elif waiting:
            raise _unanswered(waiting)
        elif message.tool_calls:
            waiting.update(_calls(message, index))
        done.append(_settled(message, index))
    if waiting:
        raise _unanswered(waiting)
    return done


def _role(message: Message, index: int) -> None:
    if message.role in ROLES:
        return
    param = f"messages[{index}].role"
    if message.role is None:
        raise missing(param)
    if message.role == "function":
        raise invalid(param, "functions have become tools; answer with the role 'tool' and a 'tool_call_id'.")
    raise invalid(param, f"roles are {', '.join(ROLES)}.")


def _answer(message: Message, index: int, waiting: dict[str, str]) -> None:
    param = f"messages[{index}].tool_call_id"
    if not message.tool_call_id:
        raise missing(param)
    if waiting.pop(message.tool_call_id, None) is None:
        raise invalid(param, "it answers no open call of the assistant's turn before it.")


def _unanswered(waiting: dict[str, str]) -> InvalidRequest:
    return invalid(next(iter(waiting.values())), "a message of role 'tool' has to answer it before the next turn.")


def _calls(message: Message, index: int) -> dict[str, str]:
    if message.role != "assistant":
        raise invalid(f"messages[{index}].tool_calls", "only an assistant's turn has calls.")
    found: dict[str, str] = {}
    for place, call in enumerate(message.tool_calls or ()):
        path = f"messages[{index}].tool_calls[{place}]"
        _call(call, path)
        if call.id in found:
            raise invalid(f"{path}.id", "another call of this turn has the same id.")
        found[call.id or ""] = path
    return found


def _call(call: ToolCall, path: str) -> None:
    if not call.id:
        raise missing(f"{path}.id")
    if call.type not in (None, "function"):
        raise unsupported(f"{path}.type", "Only function tools are offered.")
    if call.function is None or not call.function.name:
        raise missing(f"{path}.function.name")


def _settled(message: Message, index: int) -> Message:
    """Return the message with its text as a string, or as parts of text."""
    content = message.content
    if isinstance(content, str):
        return message
    if content:
        return _parts(message, content, f"messages[{index}].content")
    if message.role == "assistant":
        said = message.refusal or (None if message.tool_calls else "")
        return msgspec.structs.replace(message, content=said)
    if content is None:
        raise missing(f"messages[{index}].content")
    if message.role == "tool":
        return msgspec.structs.replace(message, content="")
    raise invalid(f"messages[{index}].content", "give a text, or at least one part.")


def _parts(message: Message, parts: list[Part], path: str) -> Message:
    refusals = False
    for index, part in enumerate(parts):
        refused = part.type == "refusal" and message.role == "assistant"
        if part.type != "text" and not refused:
            raise invalid(f"{path}[{index}]", TEXT_ONLY, "unsupported_value")
        if (part.refusal if refused else part.text) is None:
            raise missing(f"{path}[{index}].{part.type}")
        refusals |= refused
    if not refusals:
        return message
    plain = [Part(type="text", text=part.refusal if part.type == "refusal" else part.text) for part in parts]
    return msgspec.structs.replace(message, content=plain)
