"""Server-sent events out of bytes, incrementally: any split of the bytes gives the same events. Pure.

Lines end in LF, CRLF or CR (WHATWG HTML, 9.2.5). Comments, ids and retries are dropped.
"""

from __future__ import annotations

from gateway.schema import Quiet

LONGEST_EVENT = 2**20


class EventTooLong(Exception):  # noqa: N818 - names what happened
    """A peer that never ends its line would fill the memory."""


class Event(Quiet, frozen=True):
    name: bytes
    data: bytes


class Parser:
    """Feed it bytes as they come; it gives back the events they complete."""

    def __init__(self, longest: int = LONGEST_EVENT) -> None:
        self._longest = longest
        self._rest = bytearray()  # of a line that has not ended
        self._after_cr = False
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Event]:
        if b"\r" in chunk or self._after_cr:
            chunk = self._in_lf(chunk)
        *lines, rest = chunk.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        events = [event for line in lines if (event := self._line(line))]
        if rest:
            self._rest += rest
            self._bound(self._size + len(self._rest))
        return events

    def end(self) -> Event | None:
        """Return the event that the stream ended in, where only its blank line, or the end of its line, is missing."""
        if self._rest:
            self._line(bytes(self._rest))
            self._rest.clear()
        return self._dispatch()

    def _in_lf(self, chunk: bytes) -> bytes:
        """Make every end of a line LF; a CR and its LF may come in two chunks."""
        if chunk and self._after_cr:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" not in chunk:
            return chunk
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch() if self._data or self._name else None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value) + 1
            self._bound(self._size)
            self._data.append(value)
        elif field == b"event":
            self._name = value
        return None

    def _dispatch(self) -> Event | None:
        name, data, self._name, self._data, self._size = self._name, self._data, b"", [], 0
        return Event(name or b"message", b"\n".join(data)) if data else None

    def _bound(self, size: int) -> None:
        if size > self._longest:
            raise EventTooLong
