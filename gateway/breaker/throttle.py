"""How long an upstream that answered 429 is left alone. A timer beside the breaker's state, never a failure. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.breaker.settings import BreakerSettings

JITTER = 0.25
MOST_DOUBLINGS = 16


class Throttle:
    def __init__(self, settings: BreakerSettings, draw: Callable[[], float]) -> None:
        self._settings = settings
        self._draw = draw
        self._began = float("-inf")
        self._until = float("-inf")
        self._times = 0  # in a row

    def holds(self, now: float) -> bool:
        return now < self._until

    def remaining(self, now: float) -> float:
        return max(self._until - now, 0.0)

    def begin(self, started: float, retry_after: float, now: float) -> bool:
        """Take a 429 to a call of `started`; tell whether it begins a time of its own.

        Calls that were under way when it began say the same again: only a later Retry-After of theirs counts.
        """
        again = now < self._until or started < self._began
        wait = min(retry_after, self._settings.throttled_longest)
        if not again:
            wait = wait or self._unnamed()
            self._times += 1
            self._began = now
        self._until = max(self._until, now + wait) if wait else self._until
        return not again

    def token(self, started: float) -> None:
        """A call that began after the last 429 got its token: the next wait is a first one."""
        if self._times and started >= self._until:
            self._times = 0

    def _unnamed(self) -> float:
        base = self._settings.throttled_first * 2.0 ** min(self._times, MOST_DOUBLINGS)
        return min(base * (1 + JITTER * self._draw()), self._settings.throttled_longest)
