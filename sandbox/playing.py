"""Plays a script to a client: token by token at the model's pace, or whole; and bends it where a fault says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sandbox.breakage import error
from sandbox.chunks import DONE, Chunks, text
from sandbox.connection import EVENTS, JSON, Connection
from sandbox.quirks import Quirks
from sandbox.spelling import Spelling

if TYPE_CHECKING:
    from sandbox.answers import Script
    from sandbox.faults import Fault
    from sandbox.truth import Served
    from sandbox.wires.wire import Json, Usage

FLUSH = 0.02  # seconds for what was written to leave before the socket is reset


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the model is; 0 tokens a second is as fast as it goes."""

    first_token: float  # seconds
    tokens_per_second: float

    def due(self, number: int) -> float:
        """Return when token `number`, counted from 0, leaves, in seconds after the request."""
        return self.first_token + (number / self.tokens_per_second if self.tokens_per_second else 0)

    def under(self, fault: Fault | None) -> Pace:
        if fault is None:
            return self
        first = self.first_token if fault.first_token_ms is None else fault.first_token_ms / 1000
        rate = self.tokens_per_second if fault.tokens_per_second is None else fault.tokens_per_second
        return Pace(first, rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One answer on its way out. Its methods return the reason it ended, for the truth log."""

    line: Connection
    served: Served
    chunks: Chunks
    script: Script
    finish: str
    usage: Usage
    pace: Pace
    fault: Fault | None

    async def streamed(self, *, include_usage: bool) -> str:
        spelling = self.fault.spelling if self.fault else Spelling()
        quirks = Quirks(self.fault.quirks if self.fault else ())
        await self.line.start(200, EVENTS)
        await self._write(spelling, spelling.start() + self._events(spelling, quirks, self.chunks.role()))
        started = asyncio.get_running_loop().time()
        for number, token in enumerate(self.script.tokens):
            if self._breaks(number):
                return await self._break(spelling)
            await self._until(started + self.pace.due(number))
            chunk = self.chunks.token(token)
            if chunk is not None:
                await self._write(spelling, self._events(spelling, quirks, chunk, number))
            self.served.token(token.kind)
        if self._breaks(len(self.script.tokens)):
            return await self._break(spelling)
        await self.line.wait(0)
        tail = b"".join(self._events(spelling, quirks, chunk) for chunk in self._tail(include_usage=include_usage))
        *pieces, last = spelling.pieces(tail + spelling.last())
        for piece in pieces:
            await self.line.write(piece)
        await self.line.finish(last)
        return self._reason()

    async def whole(self) -> str:
        started = asyncio.get_running_loop().time()
        for number, token in enumerate(self.script.tokens):
            if self._breaks(number):
                await self.line.start(200, JSON)
                return await self._break(Spelling())
            await self._until(started + self.pace.due(number))
            self.served.token(token.kind)
        await self.line.wait(0)
        await self.line.answer(200, JSON, self.chunks.whole(self.script, self.finish, self._reported()))
        return self._reason()

    async def _write(self, spelling: Spelling, data: bytes) -> None:
        for piece in spelling.pieces(data):
            await self.line.write(piece)

    def _events(self, spelling: Spelling, quirks: Quirks, chunk: Json, number: int | None = None) -> bytes:
        """Spell a chunk; `number` is that of its token."""
        if number is not None and self._is("usage_everywhere"):
            chunk |= {"usage": self.chunks.wire.usage(replace(self.usage, completion=number + 1))}
        data = [text(bent) for bent in quirks.bent(chunk)]
        if number == 0:
            data = [spelling.blown_up(one) for one in data]
        return b"".join(map(spelling.event, data))

    def _breaks(self, number: int) -> bool:
        fault = self.fault
        return fault is not None and fault.kind in {"cut", "stall", "error"} and number >= fault.after

    async def _break(self, spelling: Spelling) -> str:
        fault = self.fault
        if fault is None or fault.kind == "stall":
            await self.line.write(b"")
            await self.line.hang()
        if fault.kind == "error":
            await self.line.finish(spelling.event(error(fault, self.chunks.wire)) + spelling.event(DONE))
        elif fault.how == "eof":
            await self.line.finish()
        else:
            await self.line.wait(FLUSH)
            if fault.how == "reset":
                self.line.socket.reset()
            else:
                self.line.socket.close()
        return fault.kind

    def _tail(self, *, include_usage: bool) -> list[Json]:
        if self._is("no_finish"):
            return []
        finish = self.fault.reason if self.fault is not None and self._is("finish") else self.finish
        return self.chunks.tail(finish, self._reported(), include_usage=include_usage)

    def _reported(self) -> Usage | None:
        return None if self._is("no_usage") else self.usage

    def _reason(self) -> str:
        return "no_finish" if self._is("no_finish") else "finish"

    def _is(self, kind: str) -> bool:
        return self.fault is not None and self.fault.kind == kind

    async def _until(self, due: float) -> None:
        await self.line.wait(due - asyncio.get_running_loop().time())
