"""A connection as a whole, without a socket: bytes in, in any pieces and at any pace, and bytes out."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from gateway.uids import RequestIds, identify
from pylo_site.server.connection import Connection
from pylo_site.server.limits import Limits
from pylo_site.server.refusals import Refusal, answer

if TYPE_CHECKING:
    from gateway.asgi import Receive, Send
    from pylo_site.server.exchange import Exchange
    from pylo_site.server.head import Head, Heading

HOST = b"Host: x\r\n"
ASKED = (
    b"POST /a%20b?c=d HTTP/1.1\r\n" + HOST + b"A-B: c\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /e HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n"
    b"POST /f HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 300\r\n\r\n" + b"b" * 300 + b"\r\n"
    b"HEAD /g HTTP/1.1\r\n" + HOST + b"\r\n"
    b"POST /h HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok"
    b"POST /i HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nx\r\n"
    b"GET /never HTTP/1.1\r\n" + HOST + b"\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # sent to a client that seems to wait, so at some paces only
TURNS = 200  # of the loop: more than any of this takes


class Transport(StringTransport):
    """Twisted's own in memory, with what is looked at of the real one's buffer."""

    dataBuffer, offset, _tempDataLen = b"", 0, 0  # noqa: N815 - Twisted's names


class Host:
    """A server of one connection, whose application repeats what it was told."""

    def __init__(self) -> None:
        self.limits = Limits(unread_bytes=64)
        self.trusted_proxies = 0
        self.websockets = True
        self.root_path = ""
        self.ending = False
        self.told: list[tuple[Any, ...]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return 0.0

    def stamp(self) -> bytes:
        return b"server: pylo\r\n"

    def ids(self, head: Head | Heading | None) -> RequestIds:  # noqa: ARG002 - one for all
        return identify(UUID(int=1), [])

    def joined(self, connection: Connection) -> None: ...

    def left(self, connection: Connection) -> None: ...

    def websocket(self, head: Head, transport: Any, rest: bytes) -> None: ...

    def refusal(self, refusal: Refusal, head: Head | Heading | None, *, bodiless: bool) -> bytes:
        return answer(refusal, b"/v1", self.ids(head), self.stamp(), bodiless=bodiless)

    def run_application(self, connection: Connection, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(connection, exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, connection: Connection, exchange: Exchange) -> None:
        await self._repeat(exchange.scope, exchange.receive, exchange.send)
        connection.finished(exchange)

    async def _repeat(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.told.append((scope["method"], scope["raw_path"], scope["query_string"], tuple(scope["headers"]), body))
        await send({"type": "http.response.start", "status": HTTPStatus.OK})
        await send({"type": "http.response.body", "body": scope["raw_path"] + b" ", "more_body": True})
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": body})


def heard(cuts: list[int], turns: int) -> tuple[list[tuple[Any, ...]], bytes]:
    """Send what is asked in pieces, so many turns of the loop apart; return what the application and the client hear.

    A transport that is paused keeps what comes, as a kernel does.
    """

    async def main() -> tuple[list[tuple[Any, ...]], bytes]:
        host = Host()
        transport: Any = Transport()  # type: ignore[no-untyped-call]
        connection: Any = Connection(host)
        connection.makeConnection(transport)
        waiting = [ASKED[a:b] for a, b in zip([0, *cuts], [*cuts, len(ASKED)], strict=True)]
        for _ in range(TURNS + turns * len(waiting)):
            while waiting and transport.producerState == "producing":
                connection.dataReceived(waiting.pop(0))
                if turns:
                    break
            for _ in range(max(turns, 1)):
                await asyncio.sleep(0)
        assert not waiting
        assert transport.disconnecting
        return host.told, transport.value().replace(CONTINUE, b"")

    return asyncio.run(main())


@given(cuts=st.lists(st.integers(0, len(ASKED)), max_size=12).map(sorted), turns=st.integers(0, 6))
def test_bytes_are_answered_the_same_wherever_they_are_cut_and_however_slowly_they_come(
    cuts: list[int], turns: int
) -> None:
    told, answers = heard(cuts, turns)
    assert [(method, path, len(body)) for method, path, _, _, body in told] == [
        ("POST", b"/a%20b", 5),
        ("POST", b"/e", 5),
        ("POST", b"/f", 300),
        ("HEAD", b"/g", 0),
        ("POST", b"/h", 2),
    ]
    assert re.findall(rb"HTTP/1.1 (\d+) ", answers) == [b"200"] * 5 + [b"400"]
    assert (told, answers) == heard([], 0)
