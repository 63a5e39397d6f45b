"""Daphne's server with bodies in memory, and with a gateway that is opened before and closed after all requests."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from daphne.server import Server as Daphne
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from pylo_site.server.bodies import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable

log = logging.getLogger("pylo.server")


class Gateway(Protocol):
    """What the server opens before the first request and closes after the last."""

    async def open(self) -> object: ...

    async def close(self) -> None: ...


class Server(Daphne):
    """One process on one port. `failed` says afterwards whether the gateway could not be opened."""

    connections: dict[Any, dict[str, Any]]

    def __init__(self, *, gateway: Gateway, most_body_bytes: int, **options: Any) -> None:
        super().__init__(ready_callable=self._prepare, **options)
        self._gateway = gateway
        self._request_class = type("SizedRequest", (Request,), {"most_body_bytes": most_body_bytes})
        self.failed = False

    def _prepare(self) -> None:
        """Run when the ports are bound and nothing was accepted yet: Daphne has no other place to put its request."""
        build = self.http_factory.buildProtocol

        def build_ours(address: object) -> Any:
            protocol = build(address)
            protocol.requestFactory = self._request_class
            return protocol

        self.http_factory.buildProtocol = build_ours
        reactor.callWhenRunning(lambda: _deferred(self._open()))

    async def _open(self) -> None:
        try:
            await self._gateway.open()
        except Exception as error:  # noqa: BLE001 - the edge of the process: told, and ended
            log.critical("the gateway cannot be opened: %s", error)
            self.failed = True
            self.stop()

    def kill_all_applications(self) -> Deferred[Any]:
        """End what runs, then close the gateway; a request whose body is still coming has no application to end."""
        self.connections = {
            protocol: details for protocol, details in self.connections.items() if "application_instance" in details
        }
        ended: Deferred[Any] = super().kill_all_applications()
        return ended.addCallback(lambda _: _deferred(self._gateway.close()))


def _deferred(work: Awaitable[object]) -> Deferred[Any]:
    return Deferred.fromFuture(asyncio.ensure_future(work))  # noqa: TID251 - the reactor waits for it
