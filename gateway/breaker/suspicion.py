"""Calls that have waited too long for their first token, seen before they fail. Pure.

A window of what has ended is blind to a hang until the deadlines pass. So each call has a slow mark; those that cross
it without a token make their upstream suspect: a hint for routing, no state of the breaker.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from gateway.breaker.verdicts import Verdict
from gateway.breaker.window import Window

if TYPE_CHECKING:
    from gateway.breaker.settings import BreakerSettings
    from gateway.breaker.ticket import Ticket

BUCKETS_A_SECOND = 4


class Suspicion:
    """A call counts once: as a crossing, or as what became of it if that was earlier."""

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._buckets = settings.suspect_seconds * BUCKETS_A_SECOND
        self._past = Window(self._buckets, 1 / BUCKETS_A_SECOND)
        self._marks: list[tuple[float, int, Ticket]] = []  # a heap
        self._order = count()
        self._until = float("-inf")
        self.waiting = 0

    def watch(self, ticket: Ticket) -> None:
        heappush(self._marks, (ticket.slow_at, next(self._order), ticket))

    def look(self, epoch: int, now: float) -> None:
        """Find the calls that crossed their mark. Those of another epoch wait too, but accuse nobody."""
        crossed = False
        while self._marks and self._marks[0][0] < now:
            at, _, ticket = heappop(self._marks)
            if ticket.begun or ticket.failed or ticket.over:
                continue
            ticket.crossed = True
            self.waiting += 1
            if ticket.epoch == epoch:
                self._past.add(Verdict.SLOW, at, now)
                crossed = True
        if crossed and self._holds(now):
            self._until = now + self._settings.suspect_for

    def told(self, ticket: Ticket, verdict: Verdict, epoch: int, now: float) -> None:
        """Take a first token, a failure before it, or the end of a call without either."""
        if ticket.crossed:
            self.waiting -= 1
        elif ticket.epoch == epoch and verdict is not Verdict.IGNORED:
            self._past.add(verdict, now, now)
        if verdict is Verdict.OK and now < self._until and not self._holds(now):
            self._until = now

    def suspect(self, now: float) -> bool:
        return now < self._until

    def clear(self) -> None:
        self._past.clear()
        self._until = float("-inf")

    def _holds(self, now: float) -> bool:
        lately = self._past.last(self._buckets, now)
        others = lately.ok + lately.failed + lately.unreached
        enough = lately.slow >= self._settings.suspect_calls
        return enough and lately.slow >= self._settings.suspect_share * (lately.slow + others)
