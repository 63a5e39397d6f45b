"""A breaker, and calls of it, in a test's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.breaker.breaker import Breaker
from gateway.breaker.settings import BreakerSettings
from gateway.breaker.verdicts import Verdict

if TYPE_CHECKING:
    from gateway.breaker.ticket import Ticket

START = 100.0  # of the breaker; its grace ends at 103
SLOW_AFTER = 4.0


class Driver:
    """Makes calls of one breaker. `now` goes on by `every` with each of them; draws are 0.5 unless `drawn` is set."""

    def __init__(self, settings: BreakerSettings | None = None, *, every: float = 0.0) -> None:
        self.settings = settings or BreakerSettings()
        self.now = START
        self.every = every
        self.drawn = 0.5
        self.breaker = Breaker(self.settings, lambda: self.drawn, START)

    def begin(self) -> Ticket:
        return self.breaker.begin(SLOW_AFTER, self.now)

    def ok(self, times: int = 1) -> None:
        """Answer at once, to the end."""
        for _ in range(times):
            self.now += self.every
            ticket = self.begin()
            self.breaker.token(ticket, self.now)
            self.breaker.end(ticket, self.now)

    def slow(self, times: int = 1) -> None:
        """Answer 5 s after the call, which has begun so much earlier."""
        for _ in range(times):
            self.now += self.every
            ticket = self.breaker.begin(SLOW_AFTER, self.now - 5)
            self.breaker.token(ticket, self.now)
            self.breaker.end(ticket, self.now)

    def fail(self, times: int = 1, verdict: Verdict = Verdict.FAILED) -> None:
        for _ in range(times):
            self.now += self.every
            ticket = self.begin()
            self.breaker.failed(ticket, verdict, self.now)
            self.breaker.end(ticket, self.now)

    def trip(self) -> None:
        self.fail(10)

    def half_open(self) -> None:
        """Trip, wait, and be granted a probe."""
        self.trip()
        self.now += self.breaker.probe_in(self.now) or 0
        self.breaker.grant(self.now)

    def close(self) -> None:
        self.half_open()
        self.ok(3)
