"""The end of a process, in order: nothing new is admitted, what runs may finish, what takes too long is told why."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gateway.errors import Overloaded, ShuttingDown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RETRY_AFTER = 2  # seconds: another process answers then


class Drain:
    """`draining` turns true once, and stays so."""

    def __init__(self) -> None:
        self.draining = False
        self._running: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()

    def admit(self) -> None:
        """Raise for a request that comes too late; nobody waits for it."""
        if self.draining:
            raise Overloaded(
                "This server is shutting down. Please try again.", retry_after=RETRY_AFTER, shed="draining"
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the block, unless it comes too late; it ends with `ShuttingDown` where `end` could not wait for it."""
        self.admit()
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._running.add(limit)
                try:
                    yield
                finally:
                    self._running.discard(limit)
                    if not self._running:
                        self._idle.set()
        except TimeoutError:
            if not limit.expired():
                raise
            raise ShuttingDown from None

    async def end(self, seconds: float) -> None:
        """Admit no more, wait `seconds` for what runs, then end it; returns once all of it has heard of that."""
        self.draining = True
        if await self._finished(seconds):
            return
        now = asyncio.get_running_loop().time()
        for limit in self._running:
            limit.reschedule(now)
        await self._idle.wait()

    async def _finished(self, seconds: float) -> bool:
        self._idle.clear()
        if self._running:
            try:
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
            except TimeoutError:
                self._idle.clear()
        return not self._running
