"""What a connection sends: straight to the socket while nothing waits, and no further than the client takes it."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.tcp import Connection as Tcp
from twisted.protocols.policies import ProtocolWrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylo_site.server.forwarded import Address


class Outgoing:
    """The writing half of a connection, as Twisted's push producer. `writable`: no more is waiting than may wait."""

    def __init__(self, transport: Any, stall_seconds: float, now: Callable[[], float]) -> None:
        self._transport = transport
        self._stall_seconds = stall_seconds
        self._now = now
        self._room: asyncio.Event | None = None
        self._stalled_at = inf
        self._unsent = 0
        self._ending = False
        self.writable = True
        secure = isinstance(transport, ProtocolWrapper) or getattr(transport, "TLS", False)
        self.scheme = "https" if secure else "http"
        # Past the transport only where it would send the bytes as they are.
        self._socket = transport.socket if isinstance(transport, Tcp) and not secure else None
        with suppress(AttributeError, OSError):  # a Unix socket has no such option
            transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)

    def addresses(self) -> tuple[Address, tuple[str, int] | None]:
        """Return the peer's address and our own; a Unix socket has neither."""
        peer, here = self._transport.getPeer(), self._transport.getHost()
        if not hasattr(peer, "port"):
            return None, None
        return (str(peer.host), peer.port), (str(here.host), here.port)

    def write(self, data: bytes) -> None:
        transport = self._transport
        if self._socket is not None and not transport.dataBuffer and not transport._tempDataLen:  # noqa: SLF001 - Twisted has no other word for "nothing waits"
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.abort()
                return
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    async def drained(self) -> None:
        """Wait until all that waits is with the kernel, or the connection is lost."""
        if not self.writable:
            if self._room is None:
                self._room = asyncio.Event()
            self._room.clear()
            await self._room.wait()

    def close(self, *, linger: bool) -> None:
        """Send what waits, then end; lingering, our half only, so that reading goes on."""
        if self._ending:
            return
        self._ending = True
        self.release()
        self._unsent = self._buffered() + 1  # whatever is left at the first look, is less
        if linger and self._socket is not None:
            self._transport.loseWriteConnection()
        else:
            self._transport.loseConnection()

    def finish(self) -> None:
        """End what `close` began, unless the client is still taking what it was sent; then wait on."""
        unsent, self._unsent = self._unsent, self._buffered()
        if not self._unsent:
            self._transport.loseConnection()
        elif self._unsent >= unsent:
            self.abort()

    def abort(self) -> None:
        self._ending = True
        self._transport.abortConnection()

    def release(self) -> None:
        """Ask Twisted for no more word of the buffer: the connection ends, or becomes another protocol's."""
        self._transport.unregisterProducer()
        self.resumeProducing()

    def lost(self) -> None:
        self._ending = True
        self.resumeProducing()

    @property
    def stalled(self) -> bool:
        """Whether the client took nothing for as long as it may; asking again later counts from now."""
        if self._stalled_at > self._now():
            return False
        unsent = self._waiting()
        if unsent < self._unsent:
            self._unsent, self._stalled_at = unsent, self._now() + self._stall_seconds
            return False
        return True

    def _waiting(self) -> int:
        """Count the bytes that the client has not acknowledged: Twisted's, and, where the kernel tells, its own."""
        inside = 0
        if self._socket is not None:
            with suppress(OSError):
                (inside,) = struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)))
        return inside + self._buffered()

    def _buffered(self) -> int:
        transport = self._transport
        return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)  # noqa: SLF001 - as above

    # -- what Twisted calls -------------------------------------------------------------------------------------------
    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        if self.writable and not self._ending:
            self.writable = False
            self._unsent, self._stalled_at = self._waiting(), self._now() + self._stall_seconds

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.writable = True
        self._stalled_at = inf
        if self._room is not None:
            self._room.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing is produced here; the exchange hears of the loss by itself."""
