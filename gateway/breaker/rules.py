"""When a breaker trips: shares of the calls of the last seconds, and runs of failures. Pure.

| rule | trips on | reason |
|---|---|---|
| R0 | a run of failures, at any volume | `run` |
| R1 | the share of failures in the last 5 s | `burst` |
| R2 | the share of failures in the last 30 s | `rate` |
| R3 | a shorter run, where calls are few | `few` |
| R4 | the share of slow first tokens in the last 10 s; a run of slow ones and failures, where calls are few | `slow` |
| R5 | first tokens that never came, with none between | `timeouts` |
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from gateway.breaker.verdicts import Verdict

if TYPE_CHECKING:
    from gateway.breaker.settings import BreakerSettings
    from gateway.breaker.views import Counts


class Reason(StrEnum):
    """Why a breaker opened: a bounded label."""

    RUN = "run"
    BURST = "burst"
    RATE = "rate"
    FEW = "few"
    SLOW = "slow"
    TIMEOUTS = "timeouts"
    PROBE = "probe"  # a probe failed or was slow
    UNREACHED = "unreached"  # most of it were connections that failed: this host's own network, perhaps
    FLEET = "fleet"  # all processes together passed R1, R2 or R4
    ADOPTED = "adopted"  # other processes say so


class Past(Protocol):
    def last(self, seconds: int, now: float, /) -> Counts: ...


def calls(counts: Counts) -> int:
    """How many verdicts there are; a 429 is none."""
    return counts.ok + counts.slow + counts.failed + counts.unreached


def failures(counts: Counts) -> int:
    return counts.failed + counts.unreached


def of_shares(past: Past, now: float, settings: BreakerSettings) -> Reason | None:
    """R1, R2 and R4's share: they hold for one process's calls as for the calls of all."""
    burst = past.last(settings.burst_seconds, now)
    if calls(burst) >= settings.burst_calls and failures(burst) >= settings.burst_share * calls(burst):
        return Reason.BURST
    whole = past.last(settings.window, now)
    if calls(whole) >= settings.rate_calls and failures(whole) >= settings.rate_share * calls(whole):
        return Reason.RATE
    lately = past.last(settings.slow_seconds, now)
    if calls(lately) >= settings.slow_calls and lately.slow >= settings.slow_share * calls(lately):
        return Reason.SLOW
    return None


class Runs:
    """Outcomes in a row."""

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self.clear()

    def clear(self) -> None:
        self._failures = self._weight = self._bad = self._timeouts = self._breaks = 0

    def token(self, *, slow: bool) -> None:
        self._failures = self._weight = self._timeouts = 0
        self._bad = self._bad + 1 if slow else 0

    def failed(self, verdict: Verdict) -> None:
        timeout = verdict is Verdict.TIMEOUT
        self._failures += 1
        self._weight += self._settings.timeout_weight if timeout else 1
        self._bad += 1
        self._timeouts += timeout

    def broke(self) -> None:
        """An answer broke off. Others begin meanwhile, so that their tokens must not end this run."""
        self._breaks += 1

    def ended(self) -> None:
        """An answer came to its end."""
        self._breaks = 0

    def tripped(self) -> Reason | None:
        """R0 and R5."""
        if max(self._failures, self._breaks) >= self._settings.run:
            return Reason.RUN
        return Reason.TIMEOUTS if self._timeouts >= self._settings.timeouts else None

    def tripped_by_few(self) -> Reason | None:
        """R3 and R4's run: ask only where calls are few."""
        if max(self._weight, self._breaks) >= self._settings.few_weight:
            return Reason.FEW
        return Reason.SLOW if self._bad >= self._settings.slow_run else None
