"""ASGI in our words: a request whose body is bounded, a reply that always carries its ids, and word of a hang-up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gateway import cors
from gateway.errors import COST, BrokenOff, ClientGone, InvalidRequest, RequestTooLarge, UnsupportedMediaType
from gateway.tries import Tries

if TYPE_CHECKING:
    from gateway.errors import ApiError, Headers
    from gateway.uids import RequestIds

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_LENGTH = 20  # digits; Python refuses to read a number of thousands
JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
NO_CONTENT = 204
NOSNIFF = (b"x-content-type-options", b"nosniff")
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def _uncounted(size: int) -> None:
    """Take a body of any size."""


class Request:
    """An inbound HTTP request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._receive = receive

    def headers(self, name: bytes) -> list[bytes]:
        """Return every value of a header; names come in lower case."""
        return [value for key, value in self._headers if key == name]

    def header(self, name: bytes) -> bytes:
        return next(iter(self.headers(name)), b"")

    async def json(self, limit: int, count: Callable[[int], None]) -> bytes:
        """Read a body that says it is JSON; no content type is taken for that too. `count` may refuse its bytes."""
        kind = self.header(b"content-type").partition(b";")[0].strip().lower()
        if kind not in (b"", b"application/json") or self.header(b"content-encoding") not in (b"", b"identity"):
            raise UnsupportedMediaType("The body has to be application/json, without a content encoding.")
        return await self.body(limit, count)

    async def body(self, limit: int, count: Callable[[int], None] = _uncounted) -> bytes:
        """Read the whole body; more than `limit` bytes is refused unread when declared, else as soon as it shows."""
        too_large = RequestTooLarge(f"The request body is larger than {limit} bytes.")
        length = self.header(b"content-length") or b"0"
        if not length.isdigit():
            raise InvalidRequest("Content-Length is not a number.", code="invalid_header")
        if len(length) > LONGEST_LENGTH or int(length) > limit:
            raise too_large
        declared = int(length)
        count(declared)
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise too_large
            if size > declared:  # it comes in chunks, its length is not told
                count(size)
            more = message.get("more_body", False)
        return b"".join(parts)

    @asynccontextmanager
    async def connected(self, *beside: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run the block, and `beside` it what ends with it; a hang-up cancels the block, which then raises ClientGone.

        receive() is always awaited here: where nothing is sent, servers tell of a hang-up in no other way.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._hang_up()), *(group.create_task(work) for work in beside)]
                try:
                    yield
                finally:
                    for task in tasks:
                        task.cancel()
        except BaseExceptionGroup as raised:
            raise _foremost(raised) from None

    async def _hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientGone


def _foremost(raised: BaseExceptionGroup[BaseException]) -> BaseException:
    return next((error for error in raised.exceptions if isinstance(error, ClientGone)), raised.exceptions[0])


def on_every_answer(*, secure: bool) -> Headers:
    """Return the headers of all answers, errors too; `secure` says that the public URL is https."""
    return [*cors.ANY_ORIGIN, NOSNIFF, *([HSTS] if secure else [])]


class Reply:
    """The answer to one request: whatever is sent, the request's ids are on it."""

    def __init__(self, send: Send, ids: RequestIds, stamp: Callable[[], Headers], *, bodiless: bool) -> None:
        self._send = send
        self._stamp = stamp  # the headers that every answer has, as they are when it starts
        self._ids = [
            (b"x-request-id", ids.request_id.encode("ascii")),
            (b"x-pylo-request-id", ids.own_id.encode("ascii")),
        ]
        self._carried: Headers = []
        self._bodiless = bodiless  # HEAD: the headers of GET and no more
        self.streams = False
        self.status = 0
        self.tries = Tries()  # to have an answer

    @property
    def started(self) -> bool:
        return self.status != 0

    def carry(self, headers: Headers) -> None:
        """Put headers on the answer, whatever it will be."""
        self._carried = headers

    async def start(self, status: int, headers: Headers) -> None:
        self.status = status
        self.streams = EVENT_STREAM in headers
        sent = [*headers, *self._carried, *self._stamp(), *self._ids]
        await self._give({"type": "http.response.start", "status": status, "headers": sent})

    async def write(self, body: bytes, *, last: bool = False) -> None:
        await self._give({"type": "http.response.body", "body": body, "more_body": not last})

    async def _give(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # ASGI 2.4: nobody takes the answer any more
            raise ClientGone from None

    async def json(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        await self.whole(status, body, [JSON, *(headers or [])])

    async def whole(self, status: int, body: bytes, headers: Headers) -> None:
        await self.start(status, [(b"content-length", b"%d" % len(body)), *headers])
        await self.write(b"" if self._bodiless else body, last=True)

    async def empty(self, headers: Headers) -> None:
        await self.start(NO_CONTENT, headers)
        await self.write(b"", last=True)

    async def error(self, error: ApiError) -> None:
        """Tell of an error: as the answer, as the last event of a stream, or as a document that visibly has no end."""
        if not self.started:
            free = [] if any(name == COST for name, _ in self._carried) else [(COST, b"0")]
            await self.json(error.status, error.json(), [*error.headers, *free])
        elif self.streams:
            await self.write(b"data: " + error.json() + b"\n\n", last=True)
        else:
            raise BrokenOff
