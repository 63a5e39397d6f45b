"""What is answered to anybody: whether the process serves, the list for aggregators, and browsers' preflights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import cors
from gateway.routes import Route, find

if TYPE_CHECKING:
    from gateway.asgi import Reply, Request
    from gateway.catalog import Catalog
    from gateway.drain import Drain
    from gateway.metrics.endpoint import Endpoint
    from gateway.ports import Clock

EVERY_METHOD = ("GET", "HEAD", "POST", "OPTIONS")
HEALTHY, READY, DRAINING = b'{"status":"ok"}', b'{"status":"ready"}', b'{"status":"draining"}'


def is_preflight(request: Request) -> bool:
    """Say whether a browser asks on behalf of a page; any other OPTIONS is a question about the path."""
    origin, method = request.header(b"origin"), request.header(b"access-control-request-method")
    return request.method == "OPTIONS" and bool(origin) and bool(method)


async def preflight(request: Request, reply: Reply) -> None:
    """Let a page ask even for an unknown path: only then can it read that it is unknown."""
    target = find(request.path)
    methods = target.route.allowed if target is not None else EVERY_METHOD
    await reply.empty(cors.preflight(methods, request.headers(b"access-control-request-headers")))


async def options(route: Route, reply: Reply) -> None:
    await reply.empty([(b"allow", ", ".join(route.allowed).encode("ascii"))])


class Keyless:
    """The paths that need no key of a customer's."""

    def __init__(self, catalog: Catalog, clock: Clock, drain: Drain, metrics: Endpoint) -> None:
        self._catalog = catalog
        self._clock = clock
        self._drain = drain
        self._metrics = metrics

    async def answer(self, route: Route, request: Request, reply: Reply) -> None:
        """Answer; health is whether the process answers at all, readiness whether it should be sent requests."""
        match route:
            case Route.HEALTH:
                await reply.json(200, HEALTHY)
            case Route.READY if self._drain.draining:
                await reply.json(503, DRAINING)
            case Route.READY:
                await reply.json(200, READY)
            case Route.METRICS:
                await self._metrics.answer(request, reply)
            case _:
                await reply.json(200, await self._catalog.provider_list(self._clock.ms()))
