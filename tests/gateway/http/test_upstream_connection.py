from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.http.transport import Transport
from tests.gateway.http.test_pool import ask, asked, calling, chunks_of, settled, until
from tests.gateway.http.test_transport import CHUNKED, HEAD, LATER, WHOLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LARGE = 32 * 2**20
EARLY = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"


async def test_what_came_before_a_broken_chunk_is_read_before_the_break() -> None:
    async with calling(CHUNKED + b"2\r\nok\r\nzz\r\n") as (upstream, transport):
        chunks = chunks_of(await asked(transport, upstream.base_url))
        assert await anext(chunks) == b"ok"
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await anext(chunks)
        assert str(caught.value) == "RemoteProtocolError"
        assert await settled(transport) == 0


async def test_all_that_has_come_since_the_last_read_is_one_item() -> None:
    async with calling(CHUNKED + b"1\r\na\r\n1\r\nb\r\n" + LATER + b"1\r\nc\r\n1\r\nd\r\n0\r\n\r\n") as (
        upstream,
        transport,
    ):
        chunks = chunks_of(await asked(transport, upstream.base_url))
        assert await anext(chunks) == b"ab"
        upstream.later.set()
        assert [chunk async for chunk in chunks] == [b"cd"]


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async with calling(HEAD + b"\r\nok", WHOLE) as (upstream, transport):
        upstream.then_close = True
        assert await ask(transport, upstream.base_url) == b"ok"
        assert await ask(transport, upstream.base_url) == b"ok"
        assert upstream.connections == 2


@pytest.mark.parametrize("more", [b"x", b"\r\nHTTP/1.1 200 OK\r\n\r\n"])
async def test_a_connection_whose_answer_is_followed_by_more_is_not_used_again(more: bytes) -> None:
    async with calling(WHOLE + more, WHOLE) as (upstream, transport):
        assert await ask(transport, upstream.base_url) == b"ok"
        assert await settled(transport) == 0
        assert await ask(transport, upstream.base_url) == b"ok"
        assert upstream.connections == 2


async def test_an_upstream_that_reads_slowly_is_waited_for() -> None:
    async with calling(WHOLE) as (upstream, transport):
        request = httpx.Request("POST", upstream.base_url, content=b" " * LARGE)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(transport.handle_async_request(request))
            most = 0
            while not asking.done():
                await asyncio.sleep(0)
                for connection in transport._pool._open:
                    assert connection._transport is not None
                    most = max(most, connection._transport.get_write_buffer_size())
        assert (await asking).status_code == 200
        assert upstream.bodies == [LARGE]
        assert 0 < most < 2**20


@asynccontextmanager
async def hasty(early: bytes) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Serve `early` as soon as a head is here; after the event the body is read, and answered."""
    going_on, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(early)
        await going_on.wait()
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(LARGE)
            writer.write(WHOLE)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", going_on
    await ended.wait()
    server.close()


async def test_an_answer_that_comes_before_all_was_sent_is_read_and_its_connection_closed() -> None:
    transport = Transport()
    async with hasty(EARLY) as (url, going_on), asyncio.timeout(2):
        response = await transport.handle_async_request(httpx.Request("POST", url, content=b" " * LARGE))
        assert response.status_code == 413
        assert [chunk async for chunk in chunks_of(response)] == [b"no"]
        assert await settled(transport) == 0
        going_on.set()
    await transport.aclose()


async def test_an_interim_answer_stops_no_request_that_is_being_sent() -> None:
    transport = Transport()
    async with hasty(b"HTTP/1.1 100 Continue\r\n\r\n") as (url, going_on), asyncio.timeout(5):
        request = httpx.Request("POST", url, content=b" " * LARGE)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(transport.handle_async_request(request))
            await until(lambda: any(each._incoming and each._incoming.reader.begun for each in transport._pool._open))
            going_on.set()
        assert (await asking).status_code == 200
    await transport.aclose()


async def test_a_head_request_is_answered_without_a_body() -> None:
    async with calling(HEAD + b"Content-Length: 2\r\n\r\n") as (upstream, transport):
        response = await transport.handle_async_request(httpx.Request("HEAD", upstream.base_url))
        assert [chunk async for chunk in chunks_of(response)] == []
        assert await settled(transport) == 0


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server that is `localhost`, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, today - timedelta(1), today + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    file = tmp_path / "localhost.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(pem))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


@asynccontextmanager
async def over_tls(server: ssl.SSLContext, *script: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve the script over TLS; yield the address, and what was asked."""
    answers, heads = list(script), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while answers:
                heads.append(await reader.readuntil(b"{}"))
                writer.write(answers.pop(0))
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            heads.append(b"gone")
        finally:
            writer.transport.abort()

    listener = await asyncio.start_server(serve, "localhost", 0, ssl=server)
    yield f"https://localhost:{listener.sockets[0].getsockname()[1]}/", heads
    listener.close()


async def test_over_tls_a_connection_is_used_again(certified: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    transport = Transport(certified[1])
    async with over_tls(certified[0], WHOLE, WHOLE) as (url, heads), asyncio.timeout(2):
        assert [await ask(transport, url) for _ in range(2)] == [b"ok", b"ok"]
        assert len(heads) == 2
        assert await settled(transport) == 1
        await transport.aclose()


async def test_over_tls_an_answer_left_early_closes_its_connection(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    transport = Transport(certified[1])
    async with over_tls(certified[0], CHUNKED + b"2\r\nok\r\n", WHOLE) as (url, heads), asyncio.timeout(2):
        response = await asked(transport, url)
        await response.aclose()
        assert await settled(transport) == 0
        await until(lambda: heads[-1] == b"gone")
        await transport.aclose()


async def test_a_certificate_that_nobody_vouches_for_is_a_connect_error(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    transport = Transport()
    async with over_tls(certified[0], WHOLE) as (url, heads):
        with pytest.raises(httpx.ConnectError) as caught:
            await asked(transport, url)
        assert (str(caught.value), heads) == ("SSLCertVerificationError", [])
        await transport.aclose()
