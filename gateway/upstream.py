"""One call of one upstream, on a bare httpx transport: no redirects, no cookies, no proxies out of the environment.

Each failure of the wire becomes an `UpstreamFault`. No header of a client goes up, none of an upstream comes down.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from gateway.faults import FaultKind, UpstreamFault, of_status
from gateway.http.connection import Stale

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.config import Upstream
    from gateway.deadlines import Deadlines
    from gateway.ports import Clock
    from gateway.uids import RequestIds

OK = 200
EVENT_STREAM = "text/event-stream"
READ_OF_AN_ERROR = 16_384
DRAIN_SECONDS = 0.02
KINDS: tuple[tuple[type[httpx.TransportError], FaultKind], ...] = (  # before the head of an answer is here
    (Stale, FaultKind.RESET),
    (httpx.ConnectError, FaultKind.CONNECT),
    (httpx.RemoteProtocolError, FaultKind.MALFORMED),
    (httpx.NetworkError, FaultKind.CUT),
    (httpx.TransportError, FaultKind.CONNECT),
)


class Stream:
    """The body of an upstream's answer."""

    def __init__(self, response: httpx.Response) -> None:
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError(response.stream)
        self._body = response.stream
        self._chunks: AsyncIterator[bytes] = aiter(response.stream)

    async def read(self) -> bytes:
        """Return the next bytes, none at the end."""
        try:
            return await anext(self._chunks, b"")
        except httpx.TransportError:
            raise UpstreamFault(FaultKind.CUT) from None

    async def drain(self) -> None:
        """Read the end that follows a last event at once, so that the connection can be used again."""
        with suppress(UpstreamFault, TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while await self.read():
                    pass

    async def close(self) -> None:
        """Close the connection, at once; the upstream sees it and stops generating."""
        with suppress(httpx.TransportError):
            await self._body.aclose()


@dataclass(frozen=True, slots=True)
class _Target:
    """What every request to an upstream has in common."""

    url: httpx.URL
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)

    @classmethod
    def of(cls, upstream: Upstream) -> _Target:
        url = httpx.URL(f"{upstream.base_url}/chat/completions")
        headers = (
            (b"Host", url.netloc),
            (b"Authorization", f"Bearer {upstream.key}".encode()),
            (b"Content-Type", b"application/json"),
            (b"Accept", EVENT_STREAM.encode("ascii")),
            (b"Accept-Encoding", b"identity"),
        )
        return cls(url, headers)


class Client:
    def __init__(self, transport: httpx.AsyncBaseTransport, deadlines: Deadlines, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._deadlines = deadlines
        # One clock decides how long a first token may take: attempt.py's. The transport's own bounds the dial only.
        self._extensions = {"timeout": {"connect": deadlines.connect}}
        self._targets: dict[tuple[str, str], _Target] = {}  # to parse a URL takes longer than all else here

    async def open(self, upstream: Upstream, body: bytes, ids: RequestIds) -> Stream:
        """Ask; return the answer's stream, or raise `UpstreamFault` for anything that is no event stream."""
        target = self._target(upstream)
        request = httpx.Request(
            "POST",
            target.url,
            headers=[
                *target.headers,
                (b"X-Request-Id", ids.request_id.encode("ascii")),
                (b"X-Pylo-Request-Id", ids.own_id.encode("ascii")),
                (b"Content-Length", b"%d" % len(body)),
            ],
            stream=httpx.ByteStream(body),
            extensions=self._extensions,
        )
        request.read()  # it is all here; to await it would cost more than to have it
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise UpstreamFault(_kind_of(error)) from None
        stream = Stream(response)
        try:
            await self._judge(response, stream)
        except BaseException:
            await stream.close()
            raise
        return stream

    def _target(self, upstream: Upstream) -> _Target:
        key = upstream.base_url, upstream.key
        target = self._targets.get(key)
        if target is None:
            target = self._targets[key] = _Target.of(upstream)
        return target

    async def _judge(self, response: httpx.Response, stream: Stream) -> None:
        if response.status_code != OK:
            retry_after = response.headers.get("retry-after", "").encode("latin-1")
            beginning = await self._beginning(stream)
            raise of_status(response.status_code, retry_after, beginning, self._clock.ms())
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() != EVENT_STREAM:
            raise UpstreamFault(FaultKind.NOT_A_STREAM, status=OK)

    async def _beginning(self, stream: Stream) -> bytes:
        body = b""
        with suppress(UpstreamFault, TimeoutError):
            async with asyncio.timeout(self._deadlines.close):
                while len(body) < READ_OF_AN_ERROR and (chunk := await stream.read()):
                    body += chunk
        return body

    async def close(self) -> None:
        await self._transport.aclose()


def _kind_of(error: httpx.TransportError) -> FaultKind:
    return next(kind for failure, kind in KINDS if isinstance(error, failure))
