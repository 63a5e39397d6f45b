"""The gateway's httpx transport: HTTP/1.1 over connections of our own (docs/decisions/0009 has figures and traps).

No cookie is kept, no redirect followed, nothing decompressed, and nothing is read out of the environment. A request
that met a connection which the upstream had closed meanwhile is sent once more, but for more than a tenth of them.
"""

from __future__ import annotations

import ssl
from collections import defaultdict
from typing import TYPE_CHECKING

import httpx

from gateway.http.budget import Budget
from gateway.http.connection import Stale, Unanswered
from gateway.http.dial import Origin
from gateway.http.http1 import request_head
from gateway.http.pool import Pool

if TYPE_CHECKING:
    from gateway.http.connection import Connection

PORTS = {"http": 80, "https": 443}


class Transport(httpx.AsyncBaseTransport):
    """What `gateway.upstream` calls. An answer that is closed before its end closes its connection.

    Every failure is an `httpx.TransportError` without a word of an upstream's. Of the extensions it reads
    `timeout["connect"]`: seconds for the whole dial, with look-up and TLS. Other clocks are the caller's.
    """

    def __init__(self, verify: ssl.SSLContext | None = None) -> None:
        verify = verify or ssl.create_default_context()
        verify.set_alpn_protocols(["http/1.1"])
        self._pool = Pool(verify)
        self._budgets: defaultdict[Origin, Budget] = defaultdict(Budget)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        url = request.url
        scheme = url.scheme
        if scheme not in PORTS:
            raise httpx.UnsupportedProtocol("neither http nor https")
        try:
            head = request_head(request.method, url.raw_path, request.headers.raw, len(body))
        except ValueError as error:
            raise httpx.LocalProtocolError(str(error)) from None
        origin = Origin(scheme == "https", url.raw_host.decode("ascii"), url.port or PORTS[scheme])
        bodiless = request.method == "HEAD"
        budget = self._budgets[origin]
        budget.save()
        connection: Connection | None = self._pool.take(origin)
        if connection is not None:
            try:
                return await connection.ask(head, body, bodiless=bodiless)
            except Unanswered:  # closed in the moment of its reuse: nobody has read the request
                if not budget.spend():
                    raise Stale(Stale.__qualname__) from None
        connection = await self._pool.dial(origin, request.extensions.get("timeout", {}).get("connect"))
        return await connection.ask(head, body, bodiless=bodiless)

    async def aclose(self) -> None:
        await self._pool.aclose()
