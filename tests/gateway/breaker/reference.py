"""The breaker told again, naively: it keeps every event since the last transition and counts them all each time."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from gateway.breaker.verdicts import FAILURES, Verdict
from gateway.breaker.views import State

if TYPE_CHECKING:
    from collections.abc import Sequence

GRACE = 3.0
TOKENS = {Verdict.OK, Verdict.SLOW}
DRAWN = 0.5


class Reference:
    """Draws are 0.5."""

    def __init__(self, now: float) -> None:
        self.trips = 0
        self.until = now
        self.good = 0
        self._enter(State.CLOSED, now)

    def _enter(self, state: State, now: float) -> None:
        self.state = state
        self.since = now
        self.good = 0
        self.events: list[tuple[float, Verdict]] = []
        self.ends: list[bool] = []  # of answers that had begun: whether they ended well

    def token(self, now: float, *, slow: bool) -> None:
        self.events.append((now, Verdict.SLOW if slow else Verdict.OK))
        if self.state is State.HALF_OPEN:
            self.good += 1
            if slow:
                self.open(now)
            elif self.good == 3:
                self._enter(State.CLOSED, now)
        elif slow and self.trips_now(now):
            self.open(now)

    def failed(self, now: float, verdict: Verdict, *, begun: bool) -> None:
        if verdict not in FAILURES:
            return
        self.events.append((now, verdict))
        if begun:
            self.ends.append(False)
        if self.state is State.HALF_OPEN or self.trips_now(now):
            self.open(now)

    def open(self, now: float) -> None:
        if self.state is State.CLOSED and now - self.since >= 60:
            self.trips = 0
        self.trips += 1
        whole = min(30.0, 5.0 * 2 ** (self.trips - 1))
        self.until = now + whole / 2 + DRAWN * whole / 2
        self._enter(State.OPEN, now)

    def grant(self, now: float) -> None:
        if self.state is State.OPEN and now >= self.until:
            self._enter(State.HALF_OPEN, now)

    def recovered(self, now: float) -> None:
        if self.state is not State.CLOSED:
            self._enter(State.CLOSED, now)

    def trips_now(self, now: float) -> bool:
        backwards = [verdict for _, verdict in reversed(self.events)]
        run = list(takewhile(lambda verdict: verdict in FAILURES, backwards))
        bad = list(takewhile(lambda verdict: verdict is not Verdict.OK, backwards))
        breaks = len(list(takewhile(lambda well: not well, reversed(self.ends))))
        if max(len(run), breaks) >= 10 or run.count(Verdict.TIMEOUT) >= 4:
            return True
        if now - self.since < GRACE:
            return False
        if len(self._last(30, now)) < 40:
            weight = len(run) + run.count(Verdict.TIMEOUT)
            if max(weight, breaks) >= 5 or len(bad) >= 5:
                return True
        return (
            self._share(self._last(5, now), 10, FAILURES) >= 0.5
            or self._share(self._last(30, now), 40, FAILURES) >= 0.3
            or self._share(self._last(10, now), 20, {Verdict.SLOW}) >= 0.8
        )

    def _last(self, seconds: int, now: float) -> Sequence[Verdict]:
        return [verdict for at, verdict in self.events if int(at) > int(now) - seconds]

    def _share(self, verdicts: Sequence[Verdict], fewest: int, of: set[Verdict] | frozenset[Verdict]) -> float:
        return sum(verdict in of for verdict in verdicts) / len(verdicts) if len(verdicts) >= fewest else 0.0
