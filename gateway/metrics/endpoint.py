"""/metrics: for who has the token. Whichever process of a host is asked tells of all of them."""

from __future__ import annotations

import asyncio
from hmac import compare_digest
from typing import TYPE_CHECKING

from gateway.errors import Unauthorized, UnknownUrl
from gateway.metrics import exposition

if TYPE_CHECKING:
    from gateway.asgi import Reply, Request
    from gateway.metrics.cells import Cells
    from gateway.metrics.gauges import Gauges


class Endpoint:
    """Without a token there is no such path, so that nothing is public by accident."""

    def __init__(self, token: str, cells: Cells, gauges: Gauges) -> None:
        self._expected = f"Bearer {token}".encode() if token else b""
        self._cells = cells
        self._gauges = gauges

    async def answer(self, request: Request, reply: Reply) -> None:
        if not self._expected:
            raise UnknownUrl(f"Unknown request URL: {request.method} /metrics. PYLO_METRICS_TOKEN is not set.")
        if not compare_digest(request.header(b"authorization"), self._expected):
            raise Unauthorized("This path wants 'Authorization: Bearer <PYLO_METRICS_TOKEN>'.")
        self._gauges.refresh()
        readings = self._cells.readings()
        accept = request.header(b"accept").decode("latin-1")
        page = await asyncio.to_thread(exposition.page, readings, accept)  # some 10 ms, which no stream should wait
        await reply.whole(200, page.body, [(b"content-type", page.media_type.encode("ascii"))])
