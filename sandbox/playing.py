"""Plays a script to a client: token by token at the model's pace, or whole; and bends it where a fault says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.chunks import DONE, Envelope, Spelling, Usage, error
from sandbox.connection import EVENTS, JSON, Connection

if TYPE_CHECKING:
    from sandbox.answers import Script
    from sandbox.faults import Fault
    from sandbox.truth import Served

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
    envelope: Envelope
    script: Script
    usage: Usage
    pace: Pace
    fault: Fault | None

    async def streamed(self, *, include_usage: bool) -> str:
        spelling = self.fault.spelling if self.fault else Spelling()
        await self.line.start(200, EVENTS)
        await self.line.write(spelling.event(self.envelope.role()))
        started = asyncio.get_running_loop().time()
        for number, token in enumerate(self.script.tokens):
            if self._breaks(number):
                return await self._break(spelling)
            await self._until(started + self.pace.due(number))
            await self.line.write(spelling.event(self.envelope.token(token)))
            self.served.token(token.kind)
        if self._breaks(len(self.script.tokens)):
            return await self._break(spelling)
        await self.line.wait(0)
        await self.line.finish(self._tail(spelling, include_usage=include_usage))
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
        await self.line.answer(200, JSON, self.envelope.whole(self.script, self._reported()))
        return self._reason()

    def _breaks(self, number: int) -> bool:
        fault = self.fault
        return fault is not None and fault.kind in {"cut", "stall", "error"} and number >= fault.after

    async def _break(self, spelling: Spelling) -> str:
        fault = self.fault
        if fault is None or fault.kind == "stall":
            await self.line.write(b"")
            await self.line.hang()
        if fault.kind == "error":
            failure = error(fault.type, fault.message)
            await self.line.finish(spelling.event(failure) + spelling.event(DONE))
        elif fault.how == "eof":
            await self.line.finish()
        else:
            await self.line.wait(FLUSH)
            if fault.how == "reset":
                self.line.socket.reset()
            else:
                self.line.socket.close()
        return fault.kind

    def _tail(self, spelling: Spelling, *, include_usage: bool) -> bytes:
        usage = self._reported()
        events = [self.envelope.last(self.script.finish, usage)]
        if include_usage and usage is not None:
            events.append(self.envelope.usage(usage))
        if self.fault is not None and self.fault.kind == "no_finish":
            events = []
        return b"".join(spelling.event(event) for event in (*events, DONE))

    def _reported(self) -> Usage | None:
        return None if self.fault is not None and self.fault.kind == "no_usage" else self.usage

    def _reason(self) -> str:
        return "no_finish" if self.fault is not None and self.fault.kind == "no_finish" else "finish"

    async def _until(self, due: float) -> None:
        await self.line.wait(due - asyncio.get_running_loop().time())
