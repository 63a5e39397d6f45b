"""Time for tests: a clock that is set by hand, and an event loop that skips its waits instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
START_MS = 1_795_382_400_000  # 2026-11-22 20:00 UTC


class HandClock:
    """A `Clock` that moves only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def ms(self) -> int:
        return START_MS + int(self.now * 1000)

    def seconds(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class LoopClock:
    """A `Clock` on the running loop's time."""

    def ms(self) -> int:
        return START_MS + round(self.seconds() * 1000)

    def seconds(self) -> float:
        return asyncio.get_running_loop().time()


class _Skipping(selectors.DefaultSelector):
    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.skipped += timeout
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, the next timer's moment is now. For code without threads and sockets."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped


def skipping(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in skipped time, which begins at 0."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(main)
