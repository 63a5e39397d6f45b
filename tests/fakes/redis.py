"""A Redis that refuses scripts, and writes if told to, with an error of the test's choice; it takes all else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator


class RefusingRedis:
    def __init__(self, refusal: str) -> None:
        self.refusal = refusal
        self.refuses_writes = False
        self.heard: list[bytes] = []
        self.url = ""
        self._writers: list[StreamWriter] = []

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.append(writer)
        commands = hiredis.Reader()
        while data := await reader.read(65_536):
            commands.feed(data)
            while (command := commands.gets()) is not False:
                self.heard.append(command[0])
                refused = command[0] == b"EVALSHA" or (command[0] == b"SET" and self.refuses_writes)
                writer.write(f"-{self.refusal}\r\n".encode() if refused else b"+OK\r\n")

    async def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


@asynccontextmanager
async def refusing(refusal: str) -> AsyncIterator[RefusingRedis]:
    fake = RefusingRedis(refusal)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield fake
    finally:
        server.close()
        await fake.close()
