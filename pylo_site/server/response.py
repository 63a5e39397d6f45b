"""The bytes of one answer: ASGI's messages in, HTTP/1.1 out, with its length or in chunks. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
LINES = {each.value: b"HTTP/1.1 %d %b\r\n" % (each.value, each.phrase.encode()) for each in HTTPStatus if each >= 200}  # noqa: PLR2004 - 1xx is no answer
NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
WEIGHED = frozenset({b"connection", b"transfer-encoding", b"keep-alive", b"content-length"})  # they frame the answer
LAST_CHUNK = b"0\r\n\r\n"


class Unsendable(RuntimeError):  # noqa: N818 - it cannot be sent
    """The application broke the rules of ASGI or of HTTP; nothing of this message was sent."""


class Response:
    """One answer on its way. `sent` says whether its head is out, `complete` whether all of it is."""

    __slots__ = (
        "_chunked",
        "_http11",
        "_left",
        "_lines",
        "bodiless",
        "complete",
        "keep_alive",
        "names",
        "sent",
        "status",
    )

    def __init__(self, *, head_only: bool, http11: bool, keep_alive: bool) -> None:
        self.bodiless = head_only
        self.keep_alive = keep_alive
        self.status = 0
        self.sent = self.complete = False
        self._http11 = http11
        self._chunked = False
        self._left: int | None = None  # bytes of the body that the head promised
        self._lines: list[bytes] = []
        self.names: set[bytes] = set()

    @property
    def delimited(self) -> bool:
        """Whether a client can see that an answer was cut off, without a reset of the connection."""
        return self._chunked or self._left is not None or self.bodiless

    def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self.status:
            raise Unsendable("the answer has begun already")
        if status not in LINES:
            raise Unsendable(f"{status} is no status of an answer")
        lines, names = [LINES[status]], set()
        for name, value in headers:
            lower = _checked(name)
            if lower not in WEIGHED or self._passes(lower, value, status):
                names.add(lower)
                lines.append(b"%b: %b\r\n" % (name, value))
        block = b"".join(lines)
        if block.count(b"\r") != len(lines) or block.count(b"\n") != len(lines) or b"\0" in block:
            raise Unsendable("a header has a line break in it")
        self.status, self._lines, self.names = status, lines, names
        self.bodiless = self.bodiless or status in NO_BODY

    def add(self, name: bytes, value: bytes) -> None:
        """Add a header of the server's own."""
        self.names.add(name)
        self._lines.append(b"%b: %b\r\n" % (name, value))

    def _passes(self, name: bytes, value: bytes, status: int) -> bool:
        """Take from a header what is the server's to decide; say whether it is sent on."""
        if name == b"connection" and value.lower() == b"close":
            self.keep_alive = False
        if name != b"content-length" or status in NO_BODY:
            return False
        self._left = int(value)
        return True

    def body(self, data: bytes, *, more: bool, stamp: bytes) -> bytes:
        """Return what goes onto the wire now; the head goes with the first of it. `stamp`: headers of every answer."""
        if not self.status or self.complete:
            raise Unsendable("the answer is over" if self.complete else "the answer has not begun")
        head = b"" if self.sent else self._head(len(data), more=more, stamp=stamp)
        framed = b"" if self.bodiless else self._framed(data, more=more)
        self.sent, self.complete = True, not more
        return head + framed if head else framed

    def _head(self, size: int, *, more: bool, stamp: bytes) -> bytes:
        if self._left is None and not self.bodiless:
            if not more:
                self._left = size
                self._lines.append(b"content-length: %d\r\n" % size)
            elif self._http11:
                self._chunked = True
                self._lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.keep_alive = False
        if not self.keep_alive:
            self._lines.append(b"connection: close\r\n")
        elif not self._http11:
            self._lines.append(b"connection: keep-alive\r\n")
        if b"server" not in self.names and b"date" not in self.names:
            self._lines.append(stamp)
        return b"".join(self._lines) + b"\r\n"

    def _framed(self, data: bytes, *, more: bool) -> bytes:
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            return chunk if more else chunk + LAST_CHUNK
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise Unsendable("the body is not as long as the head promised")
        return data


@lru_cache(maxsize=512)
def _checked(name: bytes) -> bytes:
    """Return a header's name in lower case."""
    if TOKEN.fullmatch(name) is None:
        raise Unsendable("a header's name is none")
    return name.lower()
