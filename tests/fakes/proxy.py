"""A TCP proxy that can go silent: the connection stays up, and nothing comes back through it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator

MOST_READ = 65_536


class Proxy:
    """Passes bytes to and fro; from a client's word `silent_from` on it holds the answers, until `release`."""

    def __init__(self, host: str, port: int, silent_from: bytes) -> None:
        self.port = 0
        self.holding = asyncio.Event()
        self._there = (host, port)
        self._silent_from = silent_from
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: list[StreamWriter] = []

    def release(self) -> None:
        self._silent_from = b""
        self._flowing.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.append(writer)
        answers, questions = await asyncio.open_connection(*self._there)
        self._writers.append(questions)
        await asyncio.gather(self._asked(reader, questions), self._answered(answers, writer))

    async def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _asked(self, reader: StreamReader, writer: StreamWriter) -> None:
        while data := await reader.read(MOST_READ):
            if self._silent_from and self._silent_from in data:
                self._flowing.clear()
                self.holding.set()
            writer.write(data)
        writer.close()

    async def _answered(self, reader: StreamReader, writer: StreamWriter) -> None:
        while data := await reader.read(MOST_READ):
            await self._flowing.wait()
            writer.write(data)
        writer.close()


@asynccontextmanager
async def proxied(host: str, port: int, *, silent_from: bytes) -> AsyncIterator[Proxy]:
    proxy = Proxy(host, port, silent_from)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
