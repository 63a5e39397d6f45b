"""From an address of the web to an open connection: look-up, a race of the host's addresses (RFC 8305), TLS."""

from __future__ import annotations

import asyncio
import socket
from asyncio.staggered import staggered_race
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, NamedTuple

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence

    Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
    Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, Address]

NEXT_ADDRESS_SECONDS = 0.25


class Origin(NamedTuple):
    """What a connection belongs to: https or not, the host's ASCII name or address, the port."""

    tls: bool
    host: str
    port: int


async def dial(origin: Origin, protocol: asyncio.Protocol, verify: ssl.SSLContext, seconds: float | None) -> None:
    """Connect `protocol`, all in `seconds`; raise `httpx.ConnectTimeout` or `httpx.ConnectError`."""
    try:
        async with asyncio.timeout(seconds):
            found = await asyncio.get_running_loop().getaddrinfo(
                origin.host, origin.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
            await _open(origin, protocol, verify, await _race(found))
    except TimeoutError:
        raise httpx.ConnectTimeout("TimeoutError") from None
    except (OSError, ValueError) as error:  # the latter for a name that is none
        raise httpx.ConnectError(type(error).__qualname__) from None


async def _open(origin: Origin, protocol: asyncio.Protocol, verify: ssl.SSLContext, sock: socket.socket) -> None:
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: protocol,
            sock=sock,
            ssl=verify if origin.tls else None,
            server_hostname=origin.host if origin.tls else None,
        )
    except BaseException:
        sock.close()
        raise


async def _race(found: Sequence[Found]) -> socket.socket:
    """Return a socket to the address that answers first; the next one starts when one fails, or has taken long.

    uvloop's own `create_connection` would wait for each in turn, and so for one that swallows what is sent to it.
    """
    connected: list[socket.socket] = []
    winner: socket.socket | None = None
    failures: list[Exception | None] = []
    try:
        connects = [partial(_connect, each, connected) for each in _in_turns(found)]
        winner, _, failures = await staggered_race(connects, NEXT_ADDRESS_SECONDS)
    finally:
        for sock in connected:
            if sock is not winner:  # it was second, or nobody waits any more
                sock.close()
    if winner is None:
        raise next((failure for failure in failures if failure is not None), OSError())
    return winner


async def _connect(found: Found, connected: list[socket.socket]) -> socket.socket:
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()  # here, when the loop has let go of it: its number is another's at once
        raise
    connected.append(sock)
    return sock


def _in_turns(found: Sequence[Found]) -> Iterable[Found]:
    """Return the addresses of both families by turns, each family in its own order (RFC 8305 §4)."""
    first = [each for each in found if each[0] == found[0][0]]
    second = [each for each in found if each[0] != found[0][0]]
    turns = chain.from_iterable(zip_longest(first, second))
    return [each for each in turns if each is not None]
