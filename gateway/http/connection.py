"""One connection to an upstream, on asyncio: a request goes out, its response comes in, and then the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

import httpx

from gateway.http.http1 import ResponseReader

if TYPE_CHECKING:
    from typing import Self

    from gateway.http.dial import Origin

MOST_UNREAD_BYTES = 131_072  # with more unread, the upstream is not read from until the client has caught up
PIECE_BYTES = 262_144  # what is given to the socket before it is asked whether it keeps up


class Unanswered(httpx.ReadError):
    """The connection ended without a byte of a response."""


class Stale(Unanswered):
    """So ended one that was used before, and too many requests have been sent again lately to send this one."""


class Owner(Protocol):
    """Who is told that a connection has opened, can be used again, or is lost."""

    def opened(self, connection: Connection) -> None: ...

    def idle(self, connection: Connection) -> None: ...

    def lost(self, connection: Connection) -> None: ...


class Incoming(httpx.AsyncByteStream):
    """The body of a response while it comes: one item is all that has come since the last.

    Closed before its end it closes the connection, at once and without a word. What came before a break is still read.
    """

    def __init__(self, connection: Connection, reader: ResponseReader) -> None:
        self.connection: Connection | None = connection  # none when all of it is here, or nothing more will be
        self.reader = reader
        self.failure: type[httpx.TransportError] | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> httpx.Response:
        while not self.reader.status:
            await self.news()
        response = httpx.Response(self.reader.status, headers=self.reader.headers, stream=self)
        response.headers.encoding = "iso-8859-1"  # or httpx tries which one fits all of them
        return response

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        reader = self.reader
        while not reader.unread:
            if reader.complete:
                raise StopAsyncIteration
            await self.news()
        data = reader.take()
        if self.connection is not None:
            self.connection.read_on()
        return data

    async def aclose(self) -> None:
        self.drop()

    def drop(self) -> None:
        if self.connection is not None:
            self.connection.abort()

    async def news(self) -> None:
        """Return when something has happened on the connection; raise what became of it if nothing more can."""
        if self.failure is not None:
            raise self.failure(self.failure.__qualname__)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """Carries one request at a time; whoever has it from the pool is the only one to use it."""

    def __init__(self, origin: Origin, owner: Owner) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._incoming: Incoming | None = None
        self._sending = False
        self._full = False

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, head: bytes, body: bytes, *, bodiless: bool = False) -> httpx.Response:
        """Send a request; return its response when the head is here. On any failure the connection is closed."""
        incoming = self._incoming = Incoming(self, ResponseReader(bodiless=bodiless))
        try:
            await self._send(head, body, incoming)
            return await incoming.head()
        except BaseException:
            incoming.drop()
            raise

    def read_on(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close it now: to close in order is to send what is left of a request, and over TLS to shake hands."""
        if self._transport is not None:
            self._transport.abort()

    async def _send(self, head: bytes, body: bytes, incoming: Incoming) -> None:
        """Send all; but not the rest of a body once the answer comes, for then nobody waits for it."""
        transport = self._transport
        if transport is None:
            raise Unanswered(Unanswered.__qualname__)
        transport.write(head + body[:PIECE_BYTES])
        if len(body) <= PIECE_BYTES:
            return
        self._sending = True
        view = memoryview(body)
        for start in range(PIECE_BYTES, len(body), PIECE_BYTES):
            while self._full and not incoming.reader.status:
                await incoming.news()
            if incoming.reader.status:
                return
            transport.write(view[start : start + PIECE_BYTES])
        self._sending = False

    # -- asyncio's events ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in deed, not in name
        self._owner.opened(self)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._incoming is not None:
            self._incoming.wake()

    def data_received(self, data: bytes) -> None:
        incoming = self._incoming
        if incoming is None:  # nobody asked
            self.abort()
            return
        reader = incoming.reader
        reader.feed(data)
        if reader.broken:
            self._settle(incoming, httpx.RemoteProtocolError)
        elif reader.complete:
            self._settle(incoming, None)
        elif reader.unread > MOST_UNREAD_BYTES and self._transport is not None:
            self._transport.pause_reading()
        incoming.wake()

    def eof_received(self) -> None:
        self._ended(cut=False)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(cut=exc is not None)
        self._transport = None
        self._owner.lost(self)

    def _ended(self, *, cut: bool) -> None:
        incoming = self._incoming
        if incoming is None:
            return
        reader = incoming.reader
        if not cut:
            reader.end()
        failure = httpx.ReadError if reader.begun else Unanswered
        self._settle(incoming, None if reader.complete else failure)
        incoming.wake()

    def _settle(self, incoming: Incoming, failure: type[httpx.TransportError] | None) -> None:
        """Let go of a response of which nothing more will come; keep the connection if both sides have said all."""
        incoming.failure = failure
        incoming.connection = self._incoming = None
        transport = self._transport
        if transport is None:
            return
        if not incoming.reader.reusable or self._sending or transport.is_closing() or transport.get_write_buffer_size():
            transport.abort()
            return
        transport.resume_reading()
        self._owner.idle(self)
