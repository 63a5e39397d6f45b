"""httpx over aiohttp's connections: httpx's own pool costs milliseconds a request once many run at once.

docs/decisions/0009 has figures and traps: no cookie is kept, no redirect followed, nothing decompressed, and nothing is
read out of the environment. A request that met a connection which the upstream had closed meanwhile is sent once more.
"""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

import aiohttp
import httpx

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

MOST_CONNECTIONS = 10_000  # far above what admission lets in: nobody waits for a connection
KEPT_SECONDS = 30.0
READ_BUFFER_BYTES = 65_536  # twice that unread, and the upstream is not read from until the client has caught up
LONGEST_HEADER_BYTES = 16_384
MOST_HEADERS = 128
LARGEST_IN_ONE_PIECE = 2**20  # above it aiohttp warns of bytes, and takes a stream
CLOSED_UNASKED = "Server disconnected"  # aiohttp's text where not a byte of an answer had come

_reused: ContextVar[bool] = ContextVar("reused", default=False)


class Transport(httpx.AsyncBaseTransport):
    """What `gateway.upstream` calls. An answer that is closed before its end closes its connection.

    Every failure is an `httpx.TransportError`. Bodies of requests are bytes, of answers a stream.
    """

    def __init__(self) -> None:
        self._verify = ssl.create_default_context()
        self._pooled: aiohttp.ClientSession | None = None
        self._unpooled: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._pooled is None:  # aiohttp wants the running loop
            self._pooled = _session(self._verify)
        _reused.set(False)
        try:
            return await _ask(self._pooled, request)
        except httpx.TransportError as error:
            if not (_reused.get() and _went_away(error.__cause__)):
                raise
        if self._unpooled is None:
            self._unpooled = _session(self._verify, force_close=True)
        return await _ask(self._unpooled, request)

    async def aclose(self) -> None:
        for session in (self._pooled, self._unpooled):
            if session is not None:
                await session.close()


class _Connector(aiohttp.TCPConnector):
    """Tells the task that asks for a connection whether the one it is given has been used before."""

    def __init__(self, *, verify: ssl.SSLContext, force_close: bool) -> None:
        kept = None if force_close else KEPT_SECONDS
        super().__init__(ssl=verify, limit=MOST_CONNECTIONS, force_close=force_close, keepalive_timeout=kept)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        if protocol in self._known:
            _reused.set(True)
        elif protocol is not None:
            self._known.add(protocol)
            if protocol.closed is not None:
                protocol.closed.add_done_callback(_seen)
        return connection


class _Body(httpx.AsyncByteStream):
    """The body of an answer: one item is all that has come since the last."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        connection = response.connection  # None, and back in the pool, when all of the body has come
        self._protocol = connection.protocol if connection is not None else None
        self._closed = self._protocol.closed if self._protocol is not None else None
        if self._closed is not None:
            self._closed.add_done_callback(self._lost)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while chunk := await content.readany():
                yield chunk
        except (aiohttp.ClientError, RuntimeError) as error:  # the latter when it was lost between two reads
            raise httpx.ReadError(type(error).__qualname__) from error

    async def aclose(self) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._lost)
        if self._response.connection is not None and self._protocol is not None:
            self._protocol.abort()  # a close would first send what is left of the request, or shake hands over TLS
        self._response.close()

    def _lost(self, _: object) -> None:
        """Wake the reader: after a chunk that cannot be parsed aiohttp closes the connection and leaves it waiting."""
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("connection lost"))


def _session(verify: ssl.SSLContext, *, force_close: bool = False) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_Connector(verify=verify, force_close=force_close),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=READ_BUFFER_BYTES,
        max_line_size=LONGEST_HEADER_BYTES,
        max_field_size=LONGEST_HEADER_BYTES,
        max_headers=MOST_HEADERS,
    )


async def _ask(session: aiohttp.ClientSession, request: httpx.Request) -> httpx.Response:
    limits = request.extensions.get("timeout", {})
    body = await request.aread()
    try:
        response = await session.request(
            request.method,
            str(request.url),
            headers=[(name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw],
            data=body if len(body) <= LARGEST_IN_ONE_PIECE else _pieces(body),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
            ),
        )
    except aiohttp.ClientError as error:
        raise _failure(error) from error
    return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), LARGEST_IN_ONE_PIECE):
        yield body[start : start + LARGEST_IN_ONE_PIECE]


def _failure(error: aiohttp.ClientError) -> httpx.TransportError:
    """Return httpx's error for aiohttp's: its kind, and never its text, which may quote an answer."""
    name = type(error).__qualname__
    match error:
        case aiohttp.ServerTimeoutError():
            return httpx.ConnectTimeout(name)
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(name)
        case aiohttp.ClientConnectionError():
            return httpx.ReadError(name)
        case _:
            return httpx.RemoteProtocolError(name)


def _went_away(error: BaseException | None) -> bool:
    """Whether the connection ended without a byte of an answer: the upstream had closed it when the request came."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return error.message == CLOSED_UNASKED
    return isinstance(error, aiohttp.ClientOSError)


def _seen(closed: asyncio.Future[None]) -> None:
    """Look at how a connection ended, or asyncio complains that nobody did."""
    if not closed.cancelled():
        closed.exception()
