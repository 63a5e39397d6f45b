"""Server-sent events out of bytes, incrementally: any split of the bytes gives the same events. Pure.

Lines end in LF or CRLF, as every inference server sends them. Comments, ids and retries are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_EVENT = 2**20


class EventTooLong(Exception):  # noqa: N818 - names what happened
    """A peer that never ends its line would fill the memory."""


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """One event. No repr: its data has words in it."""

    name: bytes
    data: bytes


class Parser:
    """Feed it bytes as they come; it gives back the events they complete."""

    def __init__(self, longest: int = LONGEST_EVENT) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Event]:
        self._rest += chunk
        if b"\n" not in chunk:
            self._bound(len(self._rest))
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        self._bound(len(rest))
        return [event for line in lines if (event := self._line(line.removesuffix(b"\r")))]

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
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
