"""Answers of upstreams that no sandbox would give, byte for byte; and what a client is sent when all is well."""

from __future__ import annotations

import gzip
import json
from typing import Any, Final

from tests.fakes.upstream import DONE, ROLE, USAGE, content, event
from tests.fakes.weather import Weather

EVENTS: Final = "text/event-stream"
HELLO: Final[Any] = [{"role": "user", "content": "Count to 12"}]


def http(body: bytes, kind: str = EVENTS, *, status: int = 200, extra: str = "", length: int | None = None) -> bytes:
    """Spell an HTTP/1.1 answer that ends with its connection, or with its declared length."""
    declared = "" if length is None else f"content-length: {length}\r\n"
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{declared}{extra}\r\n".encode() + body


def answered(*, usage: Any = None, after: bytes = b"", texts: int = 3) -> bytes:
    """Spell a whole stream of so many tokens; `usage` is in its last chunk, `after` comes behind that."""
    told = {} if usage is None else {"usage": usage}
    tokens = b"".join(content(f"word{number} ") for number in range(texts))
    return ROLE + tokens + event({}, finish_reason="stop", **told) + after + DONE


def usage_chunk(usage: Any) -> bytes:
    return b"data: " + json.dumps({"id": "x", "model": "kimi", "choices": [], "usage": usage}).encode() + b"\n\n"


def one_line(size: int) -> bytes:
    """Spell an event of one line of so many bytes."""
    return b'data: {"pad":"' + b"x" * size + b'"}\n\n'


def bomb(size: int) -> bytes:
    return gzip.compress(answered() + b":" + b" " * size, 9)


def canned() -> Weather:
    """Return the weather of a proxy that is a healthy upstream itself, at a fraction of what the sandbox costs."""
    stream = answered(usage=USAGE)
    return Weather(instead=http(stream, length=len(stream)))
