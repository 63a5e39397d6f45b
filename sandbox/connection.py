"""One HTTP exchange on raw ASGI, with a client who may leave at any moment: then whoever waits or writes is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON: Headers = ((b"content-type", b"application/json; charset=utf-8"),)
HTML: Headers = ((b"content-type", b"text/html; charset=utf-8"),)
EVENTS: Headers = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))


class ClientGone(Exception):  # noqa: N818 - an event, not an error
    """The client closed the connection."""


class Socket(Protocol):
    """What the server lets a fault do to the socket below the exchange (`sandbox.server`)."""

    def reset(self) -> None: ...
    def close(self) -> None: ...


class Connection:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._gone = asyncio.Event()
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    def header(self, name: str) -> str:
        return str(self._headers.get(name, ""))

    async def body(self) -> bytes:
        parts = []
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        return b"".join(parts)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Listen for the client's leaving; the body must have been read."""
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._watch())
            try:
                yield
            finally:
                watch.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    async def wait(self, seconds: float) -> None:
        """Wait so long, or raise `ClientGone` the moment the client leaves."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._gone.wait()
        except TimeoutError:
            return
        raise ClientGone

    async def hang(self) -> NoReturn:
        """Do nothing until the client leaves."""
        await self._gone.wait()
        raise ClientGone

    async def start(self, status: int, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, data: bytes) -> None:
        if self._gone.is_set():
            raise ClientGone
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def answer(self, status: int, headers: Headers, data: bytes) -> None:
        """Send a whole response."""
        await self.start(status, (*headers, (b"content-length", str(len(data)).encode())))
        await self.finish(data)

    async def answer_json(self, status: int, value: object) -> None:
        await self.answer(status, JSON, json.dumps(value).encode())

    @property
    def socket(self) -> Socket:
        socket: Socket = self.scope["extensions"]["sandbox.socket"]
        return socket
