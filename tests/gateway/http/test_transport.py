from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from gateway.config import Upstream
from gateway.deadlines import Deadlines
from gateway.faults import FaultKind, UpstreamFault
from gateway.http.transport import Transport
from gateway.uids import RequestIds
from gateway.upstream import Client
from tests.fakes.clock import HandClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.upstream import Stream

IDS = RequestIds(UUID(int=1), "mine", "req_1", refused=False)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = CHUNKED + b"2\r\nok\r\n0\r\n\r\n"
CLOSE = b""
LATER = b"<later>"  # what follows is sent once the test lets it


@dataclass
class RawUpstream:
    """Answers each request, whatever it is, with the next bytes of its script; `CLOSE` ends the connection instead."""

    script: list[bytes]
    then_close: bool = False
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    base_url: str = ""
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    later: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[RawUpstream]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._request(reader):
                answer = self.script.pop(0)
                now, _, later = answer.partition(LATER)
                writer.write(now)
                await writer.drain()
                self.sent.set()
                if later:
                    await self.later.wait()
                    writer.write(later)
                if answer == CLOSE or self.then_close:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.heads.append(head)
        self.bodies.append(len(await reader.readexactly(length)))
        return True


@asynccontextmanager
async def calling(*script: bytes, then_close: bool = False) -> AsyncIterator[tuple[RawUpstream, Client]]:
    async with RawUpstream(list(script), then_close).serving() as upstream:
        client = Client(Transport(), Deadlines(close=0.2), HandClock())
        try:
            yield upstream, client
        finally:
            await client.close()


def at(base_url: str) -> Upstream:
    return Upstream(name="u", dialect="moonshot", base_url=base_url, key="up-key", model="k")


async def ask(client: Client, base_url: str, body: bytes = b"{}") -> bytes:
    """Return the answer's body, read to its end."""
    stream = await client.open(at(base_url), body, IDS)
    try:
        return await rest_of(stream)
    finally:
        await stream.close()


async def rest_of(stream: Stream) -> bytes:
    parts: list[bytes] = []
    async with asyncio.timeout(2):
        while chunk := await stream.read():
            parts.append(chunk)
    return b"".join(parts)


async def test_a_connection_whose_answer_was_read_to_its_end_is_used_again() -> None:
    async with calling(WHOLE, WHOLE) as (upstream, client):
        assert [await ask(client, upstream.base_url) for _ in range(2)] == [b"ok", b"ok"]
        assert upstream.connections == 1


async def test_a_used_connection_that_closes_without_an_answer_is_tried_once_on_a_fresh_one() -> None:
    async with calling(WHOLE, CLOSE, WHOLE) as (upstream, client):
        assert [await ask(client, upstream.base_url) for _ in range(2)] == [b"ok", b"ok"]
        assert (upstream.connections, len(upstream.heads)) == (2, 3)


@pytest.mark.parametrize("script", [[CLOSE, WHOLE], [HEAD, WHOLE]], ids=["no answer", "half a head"])
async def test_a_fresh_connection_that_closes_is_a_fault_and_not_tried_again(script: Sequence[bytes]) -> None:
    async with calling(*script, then_close=True) as (upstream, client):
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url)
        assert caught.value.kind is FaultKind.CUT
        assert (upstream.connections, len(upstream.heads)) == (1, 1)


async def test_a_used_connection_that_closes_amid_the_head_is_not_tried_again() -> None:
    async with calling(WHOLE, HEAD + CLOSE, WHOLE) as (upstream, client):
        await ask(client, upstream.base_url)
        upstream.then_close = True
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url)
        assert (caught.value.kind, len(upstream.heads)) == (FaultKind.CUT, 2)


async def test_no_more_than_some_requests_and_a_tenth_of_all_are_sent_again() -> None:
    closing = [CLOSE, WHOLE] * 11
    async with calling(WHOLE, *closing) as (upstream, client):
        for _ in range(11):
            await ask(client, upstream.base_url)
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url)
        assert (caught.value.kind, caught.value.blames_upstream) == (FaultKind.RESET, False)
        assert (len(upstream.heads), upstream.connections) == (22, 11)


async def test_a_second_close_in_a_row_is_a_fault() -> None:
    async with calling(WHOLE, CLOSE, CLOSE, WHOLE) as (upstream, client):
        await ask(client, upstream.base_url)
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url)
        assert (caught.value.kind, upstream.connections) == (FaultKind.CUT, 2)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        HEAD + b"Content-Length: two\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["a long header", "many headers", "another protocol", "a length of words", "two lengths"],
)
async def test_an_answer_that_is_not_http_in_bounds_is_a_fault(answer: bytes) -> None:
    async with calling(answer) as (upstream, client):
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url)
        assert caught.value.kind is FaultKind.MALFORMED


async def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with calling(interim + WHOLE) as (upstream, client):
        assert await ask(client, upstream.base_url) == b"ok"


@pytest.mark.parametrize("rest", [b"zz\r\nok\r\n", b"2\r\nokmore\r\n"], ids=["no length", "longer than it says"])
async def test_a_body_that_goes_on_in_broken_chunks_is_a_cut(rest: bytes) -> None:
    async with calling(CHUNKED + b"2\r\nok\r\n" + LATER + rest) as (upstream, client):
        stream = await client.open(at(upstream.base_url), b"{}", IDS)
        assert await stream.read() == b"ok"
        upstream.later.set()
        with pytest.raises(UpstreamFault) as caught:
            await rest_of(stream)
        assert caught.value.kind is FaultKind.CUT
        await stream.close()


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", b"Content-Length: 9\r\n\r\nok"])
async def test_a_body_that_ends_before_its_end_is_a_cut(framing: bytes) -> None:
    async with calling(HEAD + framing, then_close=True) as (upstream, client):
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url)
        assert caught.value.kind is FaultKind.CUT


async def test_a_cookie_of_one_answer_goes_out_with_no_other_request() -> None:
    head = HEAD.replace(b"\r\n", b"\r\nSet-Cookie: session=1; Path=/\r\n", 1)
    async with calling(head + b"Content-Length: 2\r\n\r\nok", WHOLE) as (upstream, client):
        for _ in range(2):
            await ask(client, upstream.base_url)
        assert b"cookie" not in upstream.heads[1].lower()


async def test_nothing_is_decompressed() -> None:
    encoded = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"
    async with calling(encoded) as (upstream, client):
        assert await ask(client, upstream.base_url) == b"ok"


async def test_a_body_of_megabytes_arrives_whole() -> None:
    async with calling(WHOLE) as (upstream, client):
        await ask(client, upstream.base_url, b" " * 3_000_000)
        assert upstream.bodies == [3_000_000]
        assert b"transfer-encoding" not in upstream.heads[0].lower()


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with calling(WHOLE) as (upstream, client):
        assert await ask(client, upstream.base_url) == b"ok"


async def test_a_server_without_tls_behind_an_https_address_is_a_fault() -> None:
    async with calling(WHOLE) as (upstream, client):
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, upstream.base_url.replace("http:", "https:"))
        assert (caught.value.kind, upstream.heads) == (FaultKind.CONNECT, [])


async def test_a_name_that_does_not_exist_is_a_fault() -> None:
    async with calling() as (_, client):
        with pytest.raises(UpstreamFault) as caught:
            await ask(client, "http://nowhere.invalid/v1")
        assert caught.value.kind is FaultKind.CONNECT


async def test_what_is_not_read_stays_with_the_upstream() -> None:
    size = 64 * 2**20
    async with calling(HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size) as (upstream, client):
        stream = await client.open(at(upstream.base_url), b"{}", IDS)
        await stream.read()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await upstream.sent.wait()
        await stream.close()


async def test_a_request_given_up_on_closes_its_connection() -> None:
    transport = Transport()
    async with RawUpstream([b"HTTP/1.1 200 OK\r\n"]).serving() as upstream:
        request = httpx.Request("POST", upstream.base_url, content=b"{}")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await transport.handle_async_request(request)
        await asyncio.sleep(0)
        assert transport._pool._open == set()
        await transport.aclose()
