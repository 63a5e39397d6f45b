"""A deadline that moves on with every token: to move it costs an assignment; the timer follows when it is due."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

RESOLUTION_SECONDS = 0.001  # a timer may come so much early


class Watch:
    """Cancels the block it surrounds, which then raises TimeoutError, once the loop's time has reached `until`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._until = inf

    @property
    def expired(self) -> bool:
        return self._timeout.expired()

    def until(self, moment: float) -> None:
        """Move the deadline, to and fro; infinity is none."""
        self._until = moment
        if moment < self._timer_at:
            self._set_timer()

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._until
        self._timer = self._loop.call_at(self._until, self._ring)

    def _ring(self) -> None:
        self._timer, self._timer_at = None, inf
        if self._until <= self._loop.time() + RESOLUTION_SECONDS:
            self._timeout.reschedule(self._loop.time())
        elif self._until < inf:
            self._set_timer()
