"""What speaks against an upstream in this process: a window, runs, and calls that wait. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.breaker import rules
from gateway.breaker.rules import Reason, Runs
from gateway.breaker.suspicion import Suspicion
from gateway.breaker.verdicts import Verdict
from gateway.breaker.window import NONE, Window, counts_of

if TYPE_CHECKING:
    from gateway.breaker.settings import BreakerSettings
    from gateway.breaker.ticket import Ticket
    from gateway.breaker.views import Counts


class Evidence:
    """Cleared at each transition of the breaker: what was seen before one must not cause the next."""

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._runs = Runs(settings)
        self._window = Window(settings.window)
        self._untold = list(NONE)
        self.suspicion = Suspicion(settings)

    def clear(self) -> None:
        self._runs.clear()
        self._window.clear()
        self.suspicion.clear()

    def count(self, verdict: Verdict, now: float) -> None:
        self._window.add(verdict, now, now)
        self._untold[verdict] += 1

    def token(self, now: float, *, slow: bool) -> None:
        self._runs.token(slow=slow)
        self.count(Verdict.SLOW if slow else Verdict.OK, now)

    def failed(self, ticket: Ticket, verdict: Verdict, now: float) -> None:
        self._runs.failed(verdict)
        if ticket.begun:
            self._runs.broke()
        self.count(verdict, now)

    def ended(self) -> None:
        self._runs.ended()

    def tripped(self, now: float, *, in_grace: bool) -> Reason | None:
        """Ask the rules; only a failure or a slow token can have changed their answer."""
        reason = self._runs.tripped()
        if reason is None and not in_grace:
            few = rules.calls(self.counts(now)) < self._settings.rate_calls
            reason = self._runs.tripped_by_few() if few else None
            reason = reason or rules.of_shares(self._window, now, self._settings)
        return Reason.UNREACHED if reason is not None and self._is_local(now) else reason

    def _is_local(self, now: float) -> bool:
        seen = self.counts(now)
        return seen.unreached > seen.failed + seen.slow

    def counts(self, now: float) -> Counts:
        return self._window.last(self._settings.window, now)

    def take(self) -> Counts:
        """What the other processes were not told yet."""
        untold, self._untold = self._untold, list(NONE)
        untold[Verdict.UNREACHED] = 0
        return counts_of(untold, self.suspicion.waiting)
