"""httptools, held within the limits: bytes in, a connection's requests out.

A connection that is told `refused` is told nothing more: what follows in the bytes cannot be made sense of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import httptools

from pylo_site.server.head import Heading
from pylo_site.server.refusals import Refusal, bad_request, headers_too_large, too_large

if TYPE_CHECKING:
    from pylo_site.server.head import Head
    from pylo_site.server.limits import Limits

WEBSOCKET = b"websocket"


class Owner(Protocol):
    """Who is told of what the bytes mean, in their order."""

    def begun(self) -> None: ...

    def head(self, head: Head) -> None: ...

    def body(self, piece: bytes) -> None: ...

    def ended(self) -> None: ...

    def refused(self, refusal: Refusal, heading: Heading | None) -> None: ...

    def upgraded(self, head: Head, rest: bytes) -> None: ...


class Parser:
    """One connection's. `in_head` and `in_body` say where the bytes have stopped; `websockets` whether any is taken."""

    def __init__(self, owner: Owner, limits: Limits, *, websockets: bool = True) -> None:
        self._owner: Owner | None = owner
        self._limits = limits
        self._websockets = websockets
        self._http: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._heading: Heading | None = None
        self._upgrading: Head | None = None
        self._received = 0  # bytes of the body
        self._raw = 0  # the same with what frames them
        self._began_here = False  # whether the head began in the bytes that are being read
        self._head_bytes = 0
        self.in_body = False
        self.deaf = False

    @property
    def in_head(self) -> bool:
        return self._heading is not None

    def close(self) -> None:
        """Let go of the connection: each holds the other."""
        self.deaf = True
        self._owner = None
        self._http = None

    def feed(self, data: bytes) -> None:
        http = self._http
        if self.deaf or http is None:
            return
        self._began_here = False
        if self.in_body:
            self._raw += len(data)
        try:
            _execute(http, data)
            self._bound(len(data))
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except Refusal as refusal:
            self.refuse(refusal)
            return
        else:
            return
        self._turn(rest)

    def refuse(self, refusal: Refusal) -> None:
        """Refuse what is being received; called for what is not in the bytes too, such as the time they took."""
        self.deaf = True
        heading, self._heading = self._heading, None
        if self._owner is not None:
            self._owner.refused(refusal, heading)

    def _bound(self, size: int) -> None:
        """Bound what httptools has not told of yet: a header without an end, and what lies between two chunks."""
        if self._heading is not None and not self._began_here:
            self._head_bytes += size
            if self._head_bytes > self._limits.head_bytes:
                raise headers_too_large("The headers are too many or too long.")
        elif self.in_body and self._raw - self._received > self._limits.framing_bytes + self._received:
            raise bad_request("The body's chunks are too small.")

    def _turn(self, rest: bytes) -> None:
        """Hand a WebSocket over; read anything else again as if it had not asked to change, as RFC 9110 §7.8 allows."""
        head, self._upgrading = self._upgrading, None
        if head is None or self._owner is None:
            return
        wanted = self._websockets and head.upgrade == WEBSOCKET
        if wanted and head.version == "1.1" and not head.has_body:
            self.deaf = True
            self._owner.upgraded(head, rest)
        elif head.method == "CONNECT" or not head.upgrade:
            self.refuse(bad_request("This is no proxy."))
        else:
            self._http = httptools.HttpRequestParser(self)
            self.feed(head.lines(without=b"upgrade") + rest)

    # -- httptools' events --------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        self._heading = Heading(self._limits)
        self._began_here = True
        self._head_bytes = 0
        if self._owner is not None:
            self._owner.begun()

    def on_url(self, piece: bytes) -> None:
        if self._heading is not None:
            self._heading.line(piece)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._heading is not None:  # else it is a trailer: bounded as framing, and dropped
            self._heading.header(name, value)

    def on_headers_complete(self) -> None:
        http, heading = self._http, self._heading
        if heading is None or http is None or self._owner is None:
            return
        head = heading.complete(
            method=http.get_method().decode("ascii"),
            version=http.get_http_version(),
            keep_alive=http.should_keep_alive(),
        )
        self._heading = None
        if http.should_upgrade():
            self._upgrading = head
            return
        self._received = self._raw = 0
        self.in_body = True
        self._owner.head(head)

    def on_body(self, piece: bytes) -> None:
        self._received += len(piece)
        if self._received > self._limits.body_bytes:
            raise too_large(self._limits.body_bytes)
        if self._owner is not None:
            self._owner.body(piece)

    def on_message_complete(self) -> None:
        self.in_body = False
        if self._upgrading is None and self._owner is not None:
            self._owner.ended()


def _execute(http: httptools.HttpRequestParser, data: bytes) -> None:
    """Have the bytes read; raises `Refusal`, our own or for what httptools refuses, and `HttpParserUpgrade`."""
    try:
        http.feed_data(data)
    except httptools.HttpParserCallbackError as error:
        if isinstance(error.__context__, Refusal):
            raise error.__context__ from None
        raise  # a bug of ours
    except httptools.HttpParserError:
        raise bad_request("The request is not well-formed HTTP/1.1.") from None
