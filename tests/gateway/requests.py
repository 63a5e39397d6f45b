"""Bodies of chat requests for the tests of validation, and how one is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import InvalidRequest
from gateway.validation import parse

if TYPE_CHECKING:
    from gateway.schema import Chat

HI = {"role": "user", "content": "hi"}
CHAT = {"model": "m", "messages": [HI]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}


def tool(name: str, **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}


def body(**values: Any) -> bytes:
    """Return a good request with some of its values replaced."""
    return json.dumps({**CHAT, **values}).encode()


def accepted(**values: Any) -> Chat:
    return parse(body(**values))


def refused(**values: Any) -> tuple[str, str | None]:
    """Return the code and the parameter that the request is refused with."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body(**values))
    return caught.value.code, caught.value.param


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"items": [value]} if levels % 2 else {"x": value}
    return value
