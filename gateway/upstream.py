"""One call of one upstream, on a bare httpx transport: no redirects, no cookies, no proxies out of the environment.

Each failure of the wire becomes an `UpstreamFault`. No header of a client goes up, none of an upstream comes down.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

from gateway.faults import FaultKind, UpstreamFault, of_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.config import Upstream
    from gateway.deadlines import Deadlines
    from gateway.uids import RequestIds

OK = 200
EVENT_STREAM = "text/event-stream"
READ_OF_AN_ERROR = 16_384
DRAIN_SECONDS = 0.02


class Stream:
    """The body of an upstream's answer."""

    def __init__(self, response: httpx.Response, close_seconds: float) -> None:
        self._response = response
        self._close_seconds = close_seconds
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError(response.stream)
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
        """Close the connection; the upstream sees it and stops generating."""
        with suppress(httpx.TransportError, TimeoutError):
            async with asyncio.timeout(self._close_seconds):
                await self._response.aclose()


class Client:
    def __init__(self, transport: httpx.AsyncBaseTransport, deadlines: Deadlines) -> None:
        self._transport = transport
        self._deadlines = deadlines
        # One clock decides how long a first token may take: attempt.py's. The transport's own only bounds the dial:
        # `pool` is all of it, with the name's look-up, and `connect` each address of the name.
        dial = deadlines.connect
        self._extensions = {"timeout": {"connect": dial, "pool": dial, "read": None, "write": None}}
        self._urls: dict[str, httpx.URL] = {}  # to parse one takes longer than all else here

    async def open(self, upstream: Upstream, body: bytes, ids: RequestIds) -> Stream:
        """Ask; return the answer's stream, or raise `UpstreamFault` for anything that is no event stream."""
        url = self._url(upstream.base_url)
        request = httpx.Request(
            "POST",
            url,
            headers=[
                ("Host", url.netloc.decode("ascii")),
                ("Authorization", f"Bearer {upstream.key}"),
                ("Content-Type", "application/json"),
                ("Accept", EVENT_STREAM),
                ("Accept-Encoding", "identity"),
                ("X-Request-Id", ids.request_id),
                ("X-Pylo-Request-Id", ids.own_id),
                ("Content-Length", str(len(body))),
            ],
            stream=httpx.ByteStream(body),
            extensions=self._extensions,
        )
        request.read()  # it is all here; to await it would cost more than to have it
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError:
            raise UpstreamFault(FaultKind.CONNECT) from None
        stream = Stream(response, self._deadlines.close)
        try:
            await self._judge(response, stream)
        except BaseException:
            await stream.close()
            raise
        return stream

    def _url(self, base_url: str) -> httpx.URL:
        url = self._urls.get(base_url)
        if url is None:
            url = self._urls[base_url] = httpx.URL(f"{base_url}/chat/completions")
        return url

    async def _judge(self, response: httpx.Response, stream: Stream) -> None:
        if response.status_code != OK:
            retry_after = response.headers.get("retry-after", "").encode("latin-1")
            raise of_status(response.status_code, retry_after, await self._beginning(stream))
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() != EVENT_STREAM:
            raise UpstreamFault(FaultKind.NOT_A_STREAM)

    async def _beginning(self, stream: Stream) -> bytes:
        body = b""
        with suppress(UpstreamFault, TimeoutError):
            async with asyncio.timeout(self._deadlines.close):
                while len(body) < READ_OF_AN_ERROR and (chunk := await stream.read()):
                    body += chunk
        return body

    async def close(self) -> None:
        await self._transport.aclose()
