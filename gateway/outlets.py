"""How an answer leaves: as a stream, or whole. Both are given the same deltas, one finish and at most one failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.asgi import EVENT_STREAM, JSON
from gateway.assemble import Assembly
from gateway.chunks import DONE, KEEP_ALIVE, Chunks, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.asgi import Reply
    from gateway.deltas import Delta
    from gateway.errors import ApiError
    from gateway.meter import Admitted
    from gateway.schema import Chat
    from gateway.usage import Tokens

OK = 200
UNBUFFERED = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
SPACE = b"\n"  # before a JSON document it means nothing, to every parser
RESOLUTION_SECONDS = 0.001


def outlet_of(chat: Chat, reply: Reply, admitted: Admitted, keep_alive: float) -> Outlet:
    chunks = Chunks(f"chatcmpl-{admitted.uid.hex}", admitted.admitted_at_ms // 1000, admitted.model)
    pulse, shows = Pulse(keep_alive), chat.shows_reasoning
    if admitted.stream:
        return Streamed(reply, chunks, pulse, include_usage=chat.include_usage, shows_reasoning=shows)
    return Whole(reply, chunks, pulse, shows_reasoning=shows)


class Outlet(Protocol):
    async def heartbeat(self) -> None:
        """Run beside the answer, and keep proxies and clients from closing a silent connection."""
        ...

    async def deltas(self, deltas: Sequence[Delta]) -> None: ...

    def ending(self, finish_reason: str, usage: Tokens | None, cost_nanos: int) -> bytes:
        """Spell what is left to send of a whole answer."""
        ...

    async def finish(self, ending: bytes) -> None: ...

    async def fail(self, error: ApiError) -> None: ...


class Pulse:
    """Knows how long a client has been told nothing."""

    def __init__(self, spell: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._spell = spell
        self._told_at = self._loop.time()

    def told(self) -> None:
        self._told_at = self._loop.time()

    async def silence(self) -> None:
        """Return after a spell in which the client was told nothing."""
        while True:
            left = self._told_at + self._spell - self._loop.time()
            if left <= RESOLUTION_SECONDS:
                return
            await asyncio.sleep(left)


def _without_reasoning(tokens: Sequence[Delta]) -> list[Delta]:
    """Return what is left to show; a token that only reasons has nothing."""
    bare = [msgspec.structs.replace(token, reasoning=None) if token.reasoning else token for token in tokens]
    return [token for token in bare if token.is_token]


class Streamed:
    """Server-sent events. The finish reason is held until the answer is settled, so that an error never follows it."""

    def __init__(
        self, reply: Reply, chunks: Chunks, pulse: Pulse, *, include_usage: bool, shows_reasoning: bool
    ) -> None:
        self._reply = reply
        self._chunks = chunks
        self._pulse = pulse
        self._include_usage = include_usage
        self._shows_reasoning = shows_reasoning
        self._spoken = False

    async def heartbeat(self) -> None:
        """Send a comment after each spell of silence; the first one commits the status to 200."""
        while True:
            await self._pulse.silence()
            await self._send(KEEP_ALIVE)

    async def deltas(self, deltas: Sequence[Delta]) -> None:
        """Send everything that came in one read as one message; the first token brings the role, hidden or not."""
        tokens = [delta for delta in deltas if delta.is_token]
        shown = tokens if self._shows_reasoning else _without_reasoning(tokens)
        if tokens and (parts := [*self._opening(), *map(self._chunks.delta, shown)]):
            await self._send(b"".join(parts))

    def ending(self, finish_reason: str, usage: Tokens | None, cost_nanos: int) -> bytes:
        parts = [*self._opening(), self._chunks.finish(finish_reason)]
        if self._include_usage and usage is not None:
            parts.append(self._chunks.usage(usage, cost_nanos))
        return b"".join([*parts, DONE])

    async def finish(self, ending: bytes) -> None:
        await self._send(ending, last=True)

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
        self._pulse.told()
        if not self._reply.started:
            await self._reply.start(OK, [EVENT_STREAM, *UNBUFFERED])
        await self._reply.write(body, last=last)


class Whole:
    """One JSON body, at the end. A long one is preceded by line breaks, so that no client takes it for dead.

    The first of them commits the status to 200; an error can then only be a body that is cut off.
    """

    def __init__(self, reply: Reply, chunks: Chunks, pulse: Pulse, *, shows_reasoning: bool) -> None:
        self._reply = reply
        self._chunks = chunks
        self._pulse = pulse
        self._shows_reasoning = shows_reasoning
        self._assembly = Assembly()
        self._spoken = asyncio.Event()

    async def heartbeat(self) -> None:
        """Send a line break after each spell of silence, never before the first token: until then a status may come."""
        await self._spoken.wait()
        while True:
            await self._pulse.silence()
            self._pulse.told()
            if not self._reply.started:
                await self._reply.start(OK, [JSON, *UNBUFFERED])
            await self._reply.write(SPACE)

    async def deltas(self, deltas: Sequence[Delta]) -> None:
        tokens = [delta for delta in deltas if delta.is_token]
        if tokens:
            self._spoken.set()
        for token in tokens if self._shows_reasoning else _without_reasoning(tokens):
            self._assembly.add(token)

    def ending(self, finish_reason: str, usage: Tokens | None, cost_nanos: int) -> bytes:
        chunks = self._chunks
        return self._assembly.json(
            id=chunks.id,
            created=chunks.created,
            model=chunks.model,
            finish_reason=finish_reason,
            usage=usage_of(usage, cost_nanos) if usage is not None else None,
        )

    async def finish(self, ending: bytes) -> None:
        if self._reply.started:
            await self._reply.write(ending, last=True)
        else:
            await self._reply.json(OK, ending)

    async def fail(self, error: ApiError) -> None:
        await self._reply.error(error)
