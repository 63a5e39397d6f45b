from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.http import pool
from gateway.http.transport import Transport
from tests.gateway.http.test_transport import CHUNKED, LATER, WHOLE, RawUpstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MOST_STEPS = 60
VERIFY = ssl.create_default_context()  # takes long, and these are many


@asynccontextmanager
async def calling(*script: bytes) -> AsyncIterator[tuple[RawUpstream, Transport]]:
    transport = Transport(VERIFY)
    async with RawUpstream(list(script)).serving() as upstream:
        try:
            yield upstream, transport
        finally:
            await transport.aclose()
            assert transport._pool._open == set()


async def asked(transport: Transport, url: str) -> httpx.Response:
    return await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))


def chunks_of(response: httpx.Response) -> AsyncIterator[bytes]:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return aiter(response.stream)


async def ask(transport: Transport, url: str) -> bytes:
    response = await asked(transport, url)
    try:
        return b"".join([chunk async for chunk in chunks_of(response)])
    finally:
        await response.aclose()


async def settled(transport: Transport) -> int:
    """Return how many connections are open, when each of them waits for its next request."""
    pool = transport._pool
    await until(lambda: len(pool._open) == sum(map(len, pool._idle.values())))
    return len(pool._open)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not reached():  # noqa: ASYNC110 - what changes is on the other side of a socket
            await asyncio.sleep(0)


async def test_the_connection_that_was_used_last_is_used_first() -> None:
    async with calling(CHUNKED, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", WHOLE) as (upstream, transport):
        first = await asked(transport, upstream.base_url)
        assert await ask(transport, upstream.base_url) == b"ok"
        assert await ask(transport, upstream.base_url) == b"ok"
        assert upstream.connections == 2
        await first.aclose()
        assert await settled(transport) == 1


async def test_a_connection_that_nobody_has_used_for_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEPT_SECONDS", 0.02)
    async with calling(WHOLE) as (upstream, transport):
        await ask(transport, upstream.base_url)
        await until(lambda: not transport._pool._open)
        assert transport._pool._sweeping is None


async def test_a_connection_that_has_grown_old_is_not_used_even_where_it_is_not_closed_yet() -> None:
    async with calling(WHOLE, WHOLE) as (upstream, transport):
        await ask(transport, upstream.base_url)
        (connection,) = transport._pool._open
        connection.idle_since -= pool.KEPT_SECONDS
        assert await ask(transport, upstream.base_url) == b"ok"
        assert upstream.connections == 2


@pytest.mark.parametrize("unasked", [b"x", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
async def test_a_connection_on_which_bytes_come_unasked_is_closed(unasked: bytes) -> None:
    async with calling(WHOLE + LATER + unasked, WHOLE) as (upstream, transport):
        await ask(transport, upstream.base_url)
        assert await settled(transport) == 1
        upstream.later.set()
        await until(lambda: not transport._pool._open)
        assert await ask(transport, upstream.base_url) == b"ok"
        assert upstream.connections == 2


async def test_above_the_bound_a_request_is_refused_and_no_connection_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_CONNECTIONS", 1)
    async with calling(CHUNKED, WHOLE) as (upstream, transport):
        first = await asked(transport, upstream.base_url)
        with pytest.raises(httpx.PoolTimeout):
            await asked(transport, upstream.base_url)
        assert upstream.connections == 1
        await first.aclose()
        assert await settled(transport) == 0
        assert await ask(transport, upstream.base_url) == b"ok"


async def test_closing_ends_what_runs_and_lets_nothing_new_in() -> None:
    async with calling(CHUNKED + b"2\r\nok\r\n") as (upstream, transport):
        response = await asked(transport, upstream.base_url)
        chunks = chunks_of(response)
        assert await anext(chunks) == b"ok"
        await transport.aclose()
        with pytest.raises(httpx.ReadError):
            await anext(chunks)
        with pytest.raises(httpx.ConnectError):
            await asked(transport, upstream.base_url)


@pytest.mark.parametrize("warm", [True, False])
async def test_wherever_a_request_is_given_up_its_connection_is_closed_or_kept_whole(*, warm: bool) -> None:
    """However many turns of the loop it has had: look-up, race, connection, request, head and body."""
    for steps in range(MOST_STEPS):
        async with calling(*[WHOLE] * 3) as (upstream, transport):
            if warm:
                await ask(transport, upstream.base_url)
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(ask(transport, upstream.base_url))
                for _ in range(steps):
                    await asyncio.sleep(0)
                asking.cancel()
            assert await settled(transport) <= 1
            assert transport._pool._dialing == 0
            assert await ask(transport, upstream.base_url) == b"ok"
