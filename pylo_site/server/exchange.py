"""One request and its answer as the application sees them: ASGI's scope, receive and send (spec 2.4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from pylo_site.server.response import Response, Unsendable

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from pylo_site.server.head import Head

REQUEST_ID = b"x-request-id"
ASGI = {"version": "3.0", "spec_version": "2.4"}


class Disconnected(ConnectionError):  # noqa: N818 - an event
    """The client is gone, or takes nothing any more: what `send` raises then, as ASGI 2.4 asks."""


class Line(Protocol):
    """What an exchange needs of its connection."""

    @property
    def writable(self) -> bool: ...

    @property
    def last(self) -> bool: ...

    def stamp(self) -> bytes: ...

    def request_id(self, head: Head) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None: ...

    def consumed(self) -> None: ...

    def answered(self, exchange: Exchange) -> None: ...


class Exchange:
    """`complete`: all of the request is there. `gone`: the client, or the connection's interest in this answer, is."""

    __slots__ = (
        "_changed",
        "_expects",
        "_line",
        "_told_all",
        "complete",
        "gone",
        "head",
        "response",
        "scope",
        "unread",
    )

    def __init__(self, line: Line, head: Head, scope: dict[str, Any]) -> None:
        self._line = line
        self._expects = head.expects
        self._told_all = False
        self._changed: asyncio.Event | None = None
        self.head = head
        self.scope = scope
        self.unread = bytearray()
        self.complete = self.gone = False
        self.response = Response(
            head_only=head.method == "HEAD", http11=head.version == "1.1", keep_alive=head.keep_alive
        )

    def changed(self) -> None:
        """Wake the application where it waits for the body's next piece or for a hang-up."""
        if self._changed is not None:
            self._changed.set()

    def leave(self) -> None:
        self.gone = True
        self.unread.clear()
        self.changed()

    async def receive(self) -> MutableMapping[str, Any]:
        while True:
            if self.gone or self.response.complete:
                return {"type": "http.disconnect"}
            if not self._told_all and (self.unread or self.complete):
                return self._take()
            if self._expects and not self._told_all and not self.response.sent:
                self._expects = False
                self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self._changed is None:
                self._changed = asyncio.Event()
            self._changed.clear()
            await self._changed.wait()

    def _take(self) -> MutableMapping[str, Any]:
        body = bytes(self.unread)
        self.unread.clear()
        self._told_all = self.complete
        if not self.complete:
            self._line.consumed()
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Return when the client's side has room again; raise `Disconnected` when nobody takes the answer."""
        if self.gone:
            raise Disconnected
        if message["type"] == "http.response.body":
            line = self._line
            data = self.response.body(
                message.get("body", b""), more=message.get("more_body", False), stamp=line.stamp()
            )
            if data:
                line.write(data)
            if not line.writable:
                await self._drained()
            if self.response.complete:
                line.answered(self)
        elif message["type"] == "http.response.start":
            self._start(message)
        else:
            raise Unsendable(f"an HTTP answer has no {message['type']}")

    def _start(self, message: MutableMapping[str, Any]) -> None:
        response = self.response
        response.start(message["status"], message.get("headers", ()))
        if REQUEST_ID not in response.names:
            response.add(REQUEST_ID, self._line.request_id(self.head))
        if self._line.last or not self.complete:  # the rest of this request would stand before the next one
            response.keep_alive = False

    async def _drained(self) -> None:
        await self._line.drained()
        if self.gone:
            raise Disconnected
