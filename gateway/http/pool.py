"""The connections to the upstreams that are open, and those of them that wait for their next request."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

import httpx

from gateway.http.connection import Connection
from gateway.http.dial import Origin, dial

if TYPE_CHECKING:
    import ssl

MOST_CONNECTIONS = 10_000  # far above what admission lets in: nobody waits for a connection
KEPT_SECONDS = 30.0


class Pool:
    """Who takes a connection has it alone; it comes back by itself when its response is here to the end."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        self._verify = verify
        self._open: set[Connection] = set()
        self._dialing = 0
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)  # the last one has waited least
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: asyncio.Future[None] | None = None

    def take(self, origin: Origin) -> Connection | None:
        """Return the connection that was used last: the surest to be open still, and the others can grow old."""
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.usable and _now() - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.abort()
        return None

    async def dial(self, origin: Origin, seconds: float | None) -> Connection:
        """Return a fresh connection; raise an `httpx.TransportError` of the kinds that say none was made."""
        if len(self._open) + self._dialing >= MOST_CONNECTIONS:
            raise httpx.PoolTimeout("too many connections")
        connection = Connection(origin, self)
        self._dialing += 1
        try:
            await dial(origin, connection, self._verify, seconds)
        except BaseException:
            connection.abort()
            self.lost(connection)  # uvloop closes what is given up amid the dial without telling it
            raise
        finally:
            self._dialing -= 1
        if self._closing is not None:
            connection.abort()
            raise httpx.ConnectError("closed")
        return connection

    async def aclose(self) -> None:
        """Close every connection; return when all are gone."""
        self._closing = asyncio.get_running_loop().create_future()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in self._open:
            connection.abort()
        if self._open:
            await self._closing

    # -- what the connections tell ------------------------------------------------------------------------------------
    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def idle(self, connection: Connection) -> None:
        connection.idle_since = _now()
        self._idle[connection.origin].append(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._sweep)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        idle = self._idle[connection.origin]
        if connection in idle:
            idle.remove(connection)
        if self._closing is not None and not self._open and not self._closing.done():
            self._closing.set_result(None)

    def _sweep(self) -> None:
        """Close what nobody has used for so long; come again when the next one is due."""
        kept = [connection for idle in self._idle.values() for connection in idle]
        due = _now() - KEPT_SECONDS
        for connection in kept:
            if connection.idle_since <= due:
                connection.abort()
        rest = [connection.idle_since - due for connection in kept if connection.idle_since > due]
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(min(rest), self._sweep) if rest else None


def _now() -> float:
    return asyncio.get_running_loop().time()
