"""Daphne's server with HTTP/1.1 connections of ours, and with a gateway that is opened before and closed after them.

Listeners, WebSockets and the command line are Daphne's. docs/decisions/0005 says why the rest is not.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import time
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Protocol

from daphne.server import Server as Daphne
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from gateway import telemetry
from gateway.errors import BrokenOff
from gateway.uids import ENTROPY_BYTES, identify, uuid7
from pylo_site import garbage
from pylo_site.server import refusals
from pylo_site.server.connection import Connection
from pylo_site.server.exchange import REQUEST_ID, Disconnected
from pylo_site.server.forwarded import client_of
from pylo_site.server.limits import Limits
from pylo_site.server.processes import BACKLOG
from pylo_site.server.upgrade import hand_over

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.uids import RequestIds
    from pylo_site.server.exchange import Exchange
    from pylo_site.server.head import Head, Heading
    from pylo_site.server.refusals import Refusal

GOING_AWAY = 1001  # RFC 6455 §7.4.1
FAREWELL = 0.25  # seconds for a request that was on its way on an open line: it is told to come again
FLUSHING = 1.0  # seconds that the last bytes have to reach the kernel
DYING = 10.0  # seconds that an application has to end once it is cancelled
GC_AFTER = 10_000  # at 700, a busy process spent a fifteenth of its time on looking

log = logging.getLogger("pylo.server")


class Gateway(Protocol):
    """What the server opens before the first request and closes after the last."""

    async def open(self) -> object: ...

    async def drain(self, seconds: float) -> None: ...

    async def close(self) -> None: ...


class Server(Daphne):
    """One process on one port. `failed` says afterwards whether it could not listen or could not open the gateway."""

    connections: dict[Any, dict[str, Any]]  # Daphne's: WebSockets only

    def __init__(
        self,
        *,
        gateway: Gateway,
        limits: Limits | None = None,
        trusted_proxies: int = 0,
        websockets: bool = True,
        **options: Any,
    ) -> None:
        endpoints = [f"{each}:backlog={BACKLOG}" if each.startswith("tcp:") else each for each in options["endpoints"]]
        options |= {"endpoints": endpoints, "ready_callable": self._prepare, "signal_handlers": False}
        super().__init__(**options)
        self.limits = limits or Limits()
        self.trusted_proxies = trusted_proxies
        self.websockets = websockets
        self.ending = self.failed = False
        self._gateway = gateway
        self._open_connections: set[Connection] = set()
        self._nobody = asyncio.Event()  # none is open
        self._nobody.set()
        self._tasks: dict[asyncio.Task[None], Exchange] = {}
        self._leaving: dict[asyncio.Task[None], float] = {}
        self._draining: asyncio.Task[None] | None = None
        self._ports: list[Any] = []
        self._stamped_at = 0
        self._stamp = b""

    # -- the start ----------------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        """Run when the ports are bound and nothing was accepted yet: Daphne has no other place for a protocol."""
        self._loop = asyncio.get_event_loop()
        self.now = self._loop.time
        self.http_factory.buildProtocol = lambda _: Connection(self)
        self.http_factory.acceptableProtocols = lambda: [b"http/1.1"]
        for signum in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(signum, self.drain)
        self._loop.call_later(self.limits.tick, self._tick)
        reactor.callWhenRunning(lambda: _deferred(self._open()))

    async def _open(self) -> None:
        try:
            await self._gateway.open()
        except Exception as error:  # noqa: BLE001 - the edge of the process: told, and ended
            log.critical("the gateway cannot be opened: %s", error)
            self.failed = True
            self.stop()
        garbage.rarely(GC_AFTER)

    def listen_success(self, port: Any) -> None:
        self._ports.append(port)
        super().listen_success(port)

    def listen_error(self, failure: Any) -> None:
        self.failed = True
        super().listen_error(failure)

    # -- what a connection asks ---------------------------------------------------------------------------------------
    def joined(self, connection: Connection) -> None:
        self._open_connections.add(connection)
        self._nobody.clear()

    def left(self, connection: Connection) -> None:
        self._open_connections.discard(connection)
        if not self._open_connections:
            self._nobody.set()

    def run_application(self, connection: Connection, exchange: Exchange) -> None:
        task = self._loop.create_task(self._answer(connection, exchange))
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)

    async def _answer(self, connection: Connection, exchange: Exchange) -> None:
        try:
            await self.application(exchange.scope, exchange.receive, exchange.send)
        except (Disconnected, BrokenOff):
            pass  # it was told that nobody listens, or wants its answer to be seen cut
        except Exception as error:  # noqa: BLE001 - the edge: logged, answered
            telemetry.crash("", error)
        finally:
            connection.finished(exchange)

    def stamp(self) -> bytes:
        """Return the headers that every answer has: who serves, and when."""
        now = int(time.time())
        if now != self._stamped_at:
            name = b"server: %b\r\n" % self.server_name.encode() if self.server_name else b""
            self._stamped_at, self._stamp = now, name + b"date: %b\r\n" % formatdate(now, usegmt=True).encode()
        return self._stamp

    def ids(self, head: Head | Heading | None) -> RequestIds:
        """Name a request that no application names."""
        given = [value for name, value in head.headers if name == REQUEST_ID] if head is not None else []
        return identify(uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(ENTROPY_BYTES)), given)

    def refusal(self, refusal: Refusal, head: Head | Heading | None, *, bodiless: bool) -> bytes:
        """Return the answer that the server gives by itself, and log it: no application will."""
        ids = self.ids(head)
        extra = {"pylo_request_id": ids.own_id, "status": refusal.status.value, "error_code": refusal.code}
        log.info("request refused", extra=extra)
        target = head.target or None if head is not None else None
        return refusals.answer(refusal, target, ids, self.stamp(), bodiless=bodiless)

    def websocket(self, head: Head, transport: Any, rest: bytes) -> None:
        hand_over(self.ws_factory, head, transport, rest)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start a WebSocket's application; HTTP's do not come this way."""
        client = tuple(scope["client"]) if scope["client"] else None
        scope["headers"], scope["client"] = client_of(scope["headers"], client, self.trusted_proxies)
        return super().create_application(protocol, scope)

    # -- time ---------------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        """Look at every deadline: cheaper than a timer for each, which most requests would only start and stop."""
        self._loop.call_later(self.limits.tick, self._tick)  # first: nothing below may stop the clock
        now = self.now()
        for connection in [each for each in self._open_connections if each.deadline <= now]:
            connection.overdue(now)
        for connection in [each for each in self._open_connections if each.stalled]:
            connection.drop()
        for task in [task for task, exchange in self._tasks.items() if exchange.gone]:
            if self._leaving.setdefault(task, now + self.application_close_timeout) <= now:
                task.cancel()
        self._leaving = {task: at for task, at in self._leaving.items() if not task.done()}

    # -- the end ------------------------------------------------------------------------------------------------------
    def drain(self) -> None:
        """End in good order; called again, end now."""
        if self._draining is None:
            log.info("draining for %g s at most", self.limits.drain_seconds)
            self._draining = self._loop.create_task(self._drained())
        else:
            self._draining.cancel()
            self.stop()

    async def _drained(self) -> None:
        try:
            await self._drain()
        except Exception as error:  # noqa: BLE001 - the process has to end all the same
            telemetry.crash("", error)
        self.stop()

    async def _drain(self) -> None:
        """Stop listening, let what runs finish, and have the gateway end what takes too long."""
        until = self.now() + self.limits.drain_seconds
        self.ending = True
        for port in self._ports:
            port.stopListening()
        for connection in tuple(self._open_connections):
            connection.wind_up()
        self._loop.call_later(FAREWELL, self._farewell)
        for protocol in tuple(self.connections):
            if protocol.state == protocol.STATE_OPEN:
                protocol.sendCloseFrame(code=GOING_AWAY)
        with suppress(TimeoutError):  # a gateway that does not come back holds up no stop
            async with asyncio.timeout(self.limits.drain_seconds + DYING):
                await self._gateway.drain(self.limits.drain_seconds)
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=max(until - self.now(), FLUSHING))
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSHING):
                await self._nobody.wait()

    def _farewell(self) -> None:
        for connection in tuple(self._open_connections):
            connection.farewell()

    def kill_all_applications(self) -> Deferred[Any]:
        """End what runs, then close the gateway; a request whose body is still coming has no application to end."""
        self.ending = True
        self.connections = {
            protocol: details for protocol, details in self.connections.items() if "application_instance" in details
        }
        ended: Deferred[Any] = super().kill_all_applications()
        return ended.addCallback(lambda _: _deferred(self._close()))

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=DYING)
        await self._gateway.close()


def _deferred(work: Awaitable[object]) -> Deferred[Any]:
    return Deferred.fromFuture(asyncio.ensure_future(work))  # noqa: TID251 - the reactor waits for it
