"""An event loop on virtual time alone: no selector, sockets or threads, and one order of tasks in every run."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

T = TypeVar("T")


LONGEST = 2000.0  # virtual seconds; the loops beside the requests would go on for ever


class Stuck(Exception):  # noqa: N818 - names what was found
    """Everybody waits and no timer is set: something would hang for ever."""


class _Task(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks, as task groups keep them, are then walked in one order."""

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **settings: Any) -> None:
        self._number = number
        super().__init__(coro, **settings)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.BaseEventLoop):
    """When nothing is ready, the next timer's moment is now."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self  # `_run_once` asks it for events, and how long it may wait
        numbers = count()

        def task(loop: asyncio.AbstractEventLoop, coro: Any, **settings: Any) -> Any:
            return _Task(next(numbers), coro, loop=loop, **settings)

        self.set_task_factory(task)

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> Sequence[Any]:
        if timeout is None:
            raise Stuck
        if self._now > LONGEST:
            raise Stuck
        if timeout > 0:
            self._now = max(self._scheduled[0].when(), self._now)  # type: ignore[attr-defined]
        return ()

    def _process_events(self, events: Sequence[Any]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end; its time begins at 0. Raises `Stuck`."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
