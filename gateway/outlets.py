"""How an answer leaves: as a stream, or whole. Both are given the same deltas, one finish and at most one failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from gateway.assemble import Assembly
from gateway.chunks import DONE, KEEP_ALIVE, Chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.asgi import Reply
    from gateway.deltas import Delta
    from gateway.errors import ApiError
    from gateway.meter import Admitted
    from gateway.schema import Chat
    from gateway.usage import Tokens

OK = 200
EVENT_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


def outlet_of(chat: Chat, reply: Reply, admitted: Admitted, keep_alive: float) -> Outlet:
    chunks = Chunks(f"chatcmpl-{admitted.uid.hex}", admitted.admitted_at_ms // 1000, admitted.model)
    if admitted.stream:
        return Streamed(reply, chunks, include_usage=chat.include_usage, keep_alive=keep_alive)
    return Whole(reply, chunks)


class Outlet(Protocol):
    async def heartbeat(self) -> None:
        """Run beside the answer, and keep proxies from closing a silent connection."""
        ...

    async def deltas(self, deltas: Sequence[Delta]) -> None: ...

    async def finish(self, finish_reason: str, usage: Tokens | None) -> None: ...

    async def fail(self, error: ApiError) -> None: ...


class Streamed:
    """Server-sent events. The finish reason is held until the answer is settled, so that an error never follows it."""

    def __init__(self, reply: Reply, chunks: Chunks, *, include_usage: bool, keep_alive: float) -> None:
        self._reply = reply
        self._chunks = chunks
        self._include_usage = include_usage
        self._keep_alive = keep_alive
        self._spoken = False
        self._sent_at = asyncio.get_running_loop().time()

    async def heartbeat(self) -> None:
        """Send a comment after each spell of silence; the first one commits the status to 200."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(self._sent_at + self._keep_alive - loop.time(), 0))
            if loop.time() >= self._sent_at + self._keep_alive:
                await self._send(KEEP_ALIVE)

    async def deltas(self, deltas: Sequence[Delta]) -> None:
        """Send everything that came in one read as one message."""
        parts = [self._chunks.delta(delta) for delta in deltas if delta.is_token]
        if parts:
            await self._send(b"".join([*self._opening(), *parts]))

    async def finish(self, finish_reason: str, usage: Tokens | None) -> None:
        parts = [*self._opening(), self._chunks.finish(finish_reason)]
        if self._include_usage and usage is not None:
            parts.append(self._chunks.usage(usage))
        await self._send(b"".join([*parts, DONE]), last=True)

    async def fail(self, error: ApiError) -> None:
        if self._reply.started:
            await self._send(self._chunks.failure(error), last=True)
        else:
            await self._reply.error(error)

    def _opening(self) -> list[bytes]:
        if self._spoken:
            return []
        self._spoken = True
        return [self._chunks.role()]

    async def _send(self, body: bytes, *, last: bool = False) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        if not self._reply.started:
            await self._reply.start(OK, EVENT_STREAM)
        await self._reply.write(body, last=last)


class Whole:
    """One JSON body, at the end."""

    def __init__(self, reply: Reply, chunks: Chunks) -> None:
        self._reply = reply
        self._chunks = chunks
        self._assembly = Assembly()

    async def heartbeat(self) -> None:
        """Nothing may be sent before the status is known."""

    async def deltas(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            self._assembly.add(delta)

    async def finish(self, finish_reason: str, usage: Tokens | None) -> None:
        chunks = self._chunks
        body = self._assembly.json(
            id=chunks.id, created=chunks.created, model=chunks.model, finish_reason=finish_reason, usage=usage
        )
        await self._reply.json(OK, body)

    async def fail(self, error: ApiError) -> None:
        await self._reply.error(error)
