"""One client's connection: a Twisted protocol that reads through `Parser` and answers through `Exchange`, in order."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol as TwistedProtocol

from gateway import telemetry
from pylo_site.server.exchange import ASGI, Exchange
from pylo_site.server.forwarded import client_of
from pylo_site.server.outgoing import Outgoing
from pylo_site.server.parser import Parser
from pylo_site.server.refusals import Refusal, bad_request, crashed, ending, too_slow

if TYPE_CHECKING:
    from pylo_site.server.head import Head, Heading
    from pylo_site.server.host import Host


class Connection(TwistedProtocol):
    """`deadline` is the moment at which `overdue` is to be called; the server looks at it."""

    transport: Any

    def __init__(self, host: Host) -> None:
        self._host = host
        self._limits = host.limits
        self._parser = Parser(self, host.limits, websockets=host.websockets)
        self._receiving: Exchange | None = None  # its body is on the way
        self._current: Exchange | None = None  # its answer is on the way
        self._waiting: deque[Exchange | tuple[Refusal, Head | Heading | None]] = deque()
        self._held = b""  # received behind a request that is not answered yet
        self._reading = True
        self._closing = False
        self._out: Outgoing
        self.deadline = inf

    # -- Twisted's events ---------------------------------------------------------------------------------------------
    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self._out = Outgoing(self.transport, self._limits.stall_seconds, self._host.now)
        self._peer, self._here = self._out.addresses()
        self.deadline = self._host.now() + self._limits.idle_seconds
        self._host.joined(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self._closing:
            return
        if self._answering:
            self._held += data
            if len(self._held) > self._limits.unread_bytes:
                self._read(on=False)
            return
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except Exception as error:  # noqa: BLE001 - a bug of ours: Twisted would close the line and say nothing
            telemetry.crash("", error)
            self.drop()

    def connectionLost(self, reason: object = None) -> None:  # noqa: ARG002, N802 - Twisted's signature
        self._closing = True
        self.deadline = inf
        self._parser.close()
        self._waiting.clear()
        self._out.lost()
        for exchange in (self._current, self._receiving):
            if exchange is not None:
                exchange.leave()
        self._current = self._receiving = None
        self._host.left(self)

    @property
    def _answering(self) -> bool:
        """Whether what comes belongs behind a request that is complete and not answered yet."""
        return bool(self._waiting) or (self._current is not None and self._current is not self._receiving)

    # -- the parser's events ------------------------------------------------------------------------------------------
    def begun(self) -> None:
        self.deadline = self._host.now() + self._limits.head_seconds

    def head(self, head: Head) -> None:
        if len(self._waiting) >= self._limits.pipelined:
            raise bad_request("Too many requests wait for the answer to an earlier one.")
        exchange = Exchange(self, head, self._scope(head))
        self._receiving = exchange
        if head.has_body:
            self.deadline = self._host.now() + self._limits.body_seconds
        self._waiting.append(exchange)
        self._next()

    def body(self, piece: bytes) -> None:
        exchange = self._receiving
        if exchange is None or exchange.gone:
            return
        exchange.unread += piece
        exchange.changed()
        if len(exchange.unread) > self._limits.unread_bytes:
            self._read(on=False)

    def ended(self) -> None:
        self.deadline = inf
        exchange, self._receiving = self._receiving, None
        if exchange is not None:
            exchange.complete = True
            exchange.changed()
        self._read(on=True)  # this body grows no more, taken or not; only who reads hears of a hang-up

    def refused(self, refusal: Refusal, heading: Heading | None) -> None:
        """Answer with the refusal, in its turn; a request that is in the middle of its body gets it as its answer."""
        exchange, self._receiving = self._receiving, None
        self.deadline = inf
        if exchange is not None and exchange is self._current:
            self._current = None
            exchange.leave()
            self._end(exchange, refusal)
            return
        if exchange is not None:
            self._waiting.pop()  # the last to come is the one that is being received
        self._waiting.append((refusal, exchange.head if exchange is not None else heading))
        self._next()

    def upgraded(self, head: Head, rest: bytes) -> None:
        """Hand the connection over; a byte over 127 could be the end of a line to whom it is handed."""
        if self._answering or self._host.ending or not all(value.isascii() for _, value in head.headers):
            refusal = ending() if self._host.ending else bad_request("A WebSocket cannot begin here or so.")
            self._waiting.append((refusal, head))
            self._next()
            return
        self._out.release()
        self._host.left(self)
        self._host.websocket(head, self.transport, rest)

    # -- one exchange after the other ---------------------------------------------------------------------------------
    def _next(self) -> None:
        """Begin what waits, if nothing is being answered; where nothing waits, read what was held."""
        while self._current is None and not self._closing:
            if self._waiting:
                item = self._waiting.popleft()
                if isinstance(item, Exchange):
                    self._current = item
                    self._host.run_application(self, item)
                else:
                    self._refuse(*item)
            elif self._held:
                self._read_held()
            else:
                return
        if self._held and not self._answering and not self._closing:
            self._read_held()

    def _read_held(self) -> None:
        data, self._held = self._held, b""
        self._read(on=True)
        self._feed(data)

    def answered(self, exchange: Exchange) -> None:
        """Go on to the next request, or close; called when all of an answer is out."""
        if exchange is not self._current:
            return
        self._current = None
        exchange.changed()
        if not exchange.response.keep_alive or not exchange.complete or self._host.ending:
            self._close(linger=not exchange.complete or bool(self._held))
            return
        self.deadline = self._host.now() + self._patience()
        self._next()

    def _patience(self) -> float:
        """Return the seconds that the client has for what it is sending, or for its next word."""
        if self._parser.in_head:
            return self._limits.head_seconds
        return self._limits.body_seconds if self._parser.in_body else self._limits.idle_seconds

    def finished(self, exchange: Exchange) -> None:
        """The application has returned, raised or been cancelled. What it did not answer is an error of ours."""
        if exchange is not self._current:
            return
        if exchange.response.complete:
            self.answered(exchange)
        else:
            self._current = None
            exchange.gone = True
            self._end(exchange, crashed())

    def _end(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answer in the application's stead; where it has begun, cut the answer so that nobody takes it for whole."""
        if not exchange.response.sent:
            self._refuse(refusal, exchange.head)
        elif exchange.response.delimited:
            self._close(linger=False)
        else:
            self._closing = True
            self._out.abort()

    def _refuse(self, refusal: Refusal, head: Head | Heading | None) -> None:
        bodiless = getattr(head, "method", "") == "HEAD"
        self._out.write(self._host.refusal(refusal, head, bodiless=bodiless))
        self._close(linger=True)

    # -- what an exchange asks ----------------------------------------------------------------------------------------
    @property
    def writable(self) -> bool:
        return self._out.writable

    def stamp(self) -> bytes:
        return self._host.stamp()

    def request_id(self, head: Head) -> bytes:
        return self._host.ids(head).request_id.encode("ascii")

    def write(self, data: bytes) -> None:
        self._out.write(data)

    async def drained(self) -> None:
        await self._out.drained()

    def consumed(self) -> None:
        self._read(on=True)

    # -- the end ------------------------------------------------------------------------------------------------------
    def overdue(self, now: float) -> None:
        """Do what is due: nobody is waited for longer than the limits say."""
        if self._closing:
            self.deadline = now + self._limits.linger_seconds
            self._out.finish()
        elif self._answering or not self._reading:
            self.deadline = now + self._limits.body_seconds  # we read no further: it is not the client who is late
        elif self._receiving is not None or self._parser.in_head:
            self._parser.refuse(too_slow())
        else:
            self._close(linger=False)

    @property
    def stalled(self) -> bool:
        return self._out.stalled

    def drop(self) -> None:
        """Cut the connection; what waits to be sent is lost."""
        self._closing = True
        self._out.abort()

    def wind_up(self) -> None:
        """Refuse a request that is not all here: its end is not waited for."""
        if self._receiving is not None or self._parser.in_head:
            self._parser.refuse(ending())

    def farewell(self) -> None:
        """Close it where nothing is being answered."""
        if self._current is None and not self._closing:
            self._close(linger=True)

    @property
    def last(self) -> bool:
        """Whether no request follows the one that is being answered."""
        return self._host.ending

    def _close(self, *, linger: bool) -> None:
        """Send what is left, then close. Lingering: a client that still sends would lose our answer to a reset."""
        self._closing = True
        self._parser.close()
        self.deadline = self._host.now() + self._limits.linger_seconds
        self._read(on=True)
        self._out.close(linger=linger)

    def _read(self, *, on: bool) -> None:
        if on is not self._reading:
            self._reading = on
            (self.transport.resumeProducing if on else self.transport.pauseProducing)()

    def _scope(self, head: Head) -> dict[str, Any]:
        headers, client = client_of(head.headers, self._peer, self._host.trusted_proxies)
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": head.version,
            "method": head.method,
            "scheme": self._out.scheme,
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "root_path": self._host.root_path,
            "headers": headers,
            "client": client,
            "server": self._here,
            "extensions": {},
        }
