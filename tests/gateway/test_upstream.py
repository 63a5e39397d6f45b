from __future__ import annotations

import asyncio
import socket
from uuid import UUID

import httpx
import pytest

from gateway.config import Upstream
from gateway.deadlines import Deadlines
from gateway.faults import FaultKind, UpstreamFault
from gateway.http.connection import Stale, Unanswered
from gateway.http.transport import Transport
from gateway.uids import RequestIds
from gateway.upstream import Client
from tests.fakes.clock import HandClock
from tests.fakes.upstream import DONE, Act, SocketUpstream, Turn, content

IDS = RequestIds(UUID(int=1), "mine", "req_1", refused=False)
ROOM = Deadlines(close=0.2)


def at(base_url: str) -> Upstream:
    return Upstream(name="u", dialect="moonshot", base_url=base_url, key="up-key", model="k")


async def read(client: Client, base_url: str) -> bytes:
    stream = await client.open(at(base_url), b'{"a":1}', IDS)
    body = b""
    try:
        while chunk := await stream.read():
            body += chunk
    finally:
        await stream.close()
    return body


async def test_a_call_goes_over_a_real_socket_with_our_headers_only() -> None:
    async with SocketUpstream(Turn([content("a"), DONE])).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        assert await read(client, upstream.base_url) == content("a") + DONE
        await client.close()
    (call,) = upstream.calls
    assert call.url == "/v1/chat/completions"
    assert call.body == b'{"a":1}'
    assert call.headers.pop("host").startswith("127.0.0.1:")
    assert call.headers == {
        "authorization": "Bearer up-key",
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "x-request-id": "mine",
        "x-pylo-request-id": "req_1",
        "content-length": "7",
    }


async def test_bytes_come_when_they_are_sent() -> None:
    async with SocketUpstream(Turn([content("a"), Act.HANG])).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        stream = await client.open(at(upstream.base_url), b"{}", IDS)
        assert await stream.read() == content("a")
        await stream.close()
        await client.close()


async def test_closing_reaches_the_upstream() -> None:
    async with SocketUpstream(Turn([content("a"), Act.HANG])).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        stream = await client.open(at(upstream.base_url), b"{}", IDS)
        await stream.read()
        closing = asyncio.get_running_loop().time()
        await stream.close()
        await upstream.calls[0].gone()
        assert (upstream.calls[0].closed_at or 0) - closing < 0.1
        await client.close()


async def test_a_cancelled_read_closes_the_connection() -> None:
    async with SocketUpstream(Turn(before=[Act.HANG])).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.open(at(upstream.base_url), b"{}", IDS)
        await upstream.calls[0].gone()
        await client.close()


async def test_a_connection_is_used_again_after_a_drained_answer() -> None:
    async with SocketUpstream(Turn([DONE])).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        stream = await client.open(at(upstream.base_url), b"{}", IDS)
        assert await stream.read() == DONE
        await stream.drain()
        await stream.close()
        assert not upstream.calls[0].closed
        await client.close()


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn(status=500), FaultKind.STATUS),
        (Turn([b"CANARY"], status=400), FaultKind.REFUSED),
        (Turn(status=429), FaultKind.THROTTLED),
        (Turn(status=302, headers={"location": "http://127.0.0.1:1/"}), FaultKind.STATUS),
        (Turn([b"{}"], headers={"content-type": "application/json"}), FaultKind.NOT_A_STREAM),
        (Turn([b"x", Act.HANG], status=503), FaultKind.STATUS),
    ],
)
async def test_what_is_no_event_stream_is_a_fault(turn: Turn, kind: FaultKind) -> None:
    async with SocketUpstream(turn).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        with pytest.raises(UpstreamFault) as caught:
            await client.open(at(upstream.base_url), b"{}", IDS)
        assert caught.value.kind is kind
        assert "CANARY" not in str(caught.value)
        assert len(upstream.calls) == 1
        await client.close()


async def test_a_cut_connection_is_a_cut() -> None:
    async with SocketUpstream(Turn([content("a"), Act.CUT])).serving() as upstream:
        client = Client(Transport(), ROOM, HandClock())
        with pytest.raises(UpstreamFault) as caught:
            await read(client, upstream.base_url)
        assert caught.value.kind is FaultKind.CUT
        await client.close()


def crowded() -> tuple[socket.socket, list[socket.socket]]:
    """A listener that takes no connection any more, as a host behind a firewall that drops them; and who crowds it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(4):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(listener.getsockname())
    return listener, waiting


@pytest.mark.conformance(150)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_host_that_does_not_take_the_connection_is_given_up_at_the_deadline(scheme: str) -> None:
    listener, waiting = crowded()
    client = Client(Transport(), Deadlines(connect=0.2), HandClock())
    with pytest.raises(UpstreamFault) as caught:
        await client.open(at(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/v1"), b"{}", IDS)
    assert caught.value.kind is FaultKind.CONNECT
    await client.close()
    for each in (listener, *waiting):
        each.close()


@pytest.mark.conformance(150)
async def test_a_host_that_takes_the_connection_but_shakes_no_hands_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(Transport(), Deadlines(connect=0.2), HandClock())
        with pytest.raises(UpstreamFault) as caught:
            await client.open(at(f"https://127.0.0.1:{listener.getsockname()[1]}/v1"), b"{}", IDS)
        assert caught.value.kind is FaultKind.CONNECT
        await client.close()


async def test_a_refused_connection_is_a_fault() -> None:
    client = Client(Transport(), ROOM, HandClock())
    with pytest.raises(UpstreamFault) as caught:
        await client.open(at("http://127.0.0.1:9/v1"), b"{}", IDS)
    assert caught.value.kind is FaultKind.CONNECT
    await client.close()


def every(kind: type[httpx.TransportError]) -> set[type[httpx.TransportError]]:
    return {kind}.union(*(every(child) for child in kind.__subclasses__()))


class _Failing(httpx.AsyncBaseTransport):
    def __init__(self, error: httpx.TransportError) -> None:
        self._error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - httpx names it
        raise self._error


LATER: dict[
    type[httpx.TransportError], FaultKind
] = {  # than the connection was made; all others say that there was none
    httpx.RemoteProtocolError: FaultKind.MALFORMED,
    **dict.fromkeys(
        (httpx.NetworkError, httpx.ReadError, httpx.WriteError, httpx.CloseError, Unanswered), FaultKind.CUT
    ),
    Stale: FaultKind.RESET,
}


@pytest.mark.parametrize("kind", sorted(every(httpx.TransportError), key=str))
async def test_each_failure_of_the_transport_is_a_fault(kind: type[httpx.TransportError]) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await Client(_Failing(kind("CANARY")), ROOM, HandClock()).open(at("http://127.0.0.1:9"), b"{}", IDS)
    assert caught.value.kind is LATER.get(kind, FaultKind.CONNECT)
