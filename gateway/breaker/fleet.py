"""What to believe of other processes. Pure.

One host with a broken network must not turn the others: its word alone counts for its own processes only, which share
that network with it. Two hosts that say the same are believed, and so are the sums of all calls. On one host there is
nobody to protect. Hosts whose connections fail keep that to themselves (`Reason.UNREACHED`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.breaker import rules
from gateway.breaker.views import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.breaker.settings import BreakerSettings
    from gateway.breaker.views import FleetView

TWO = 2


class _Seconds:
    """The fleet's seconds as a past that the rules read. Their own clock ends it, so `now` says nothing."""

    def __init__(self, seconds: Sequence[Counts]) -> None:
        self._seconds = seconds

    def last(self, seconds: int, _now: float, /) -> Counts:
        lately = self._seconds[-seconds:]
        return Counts(
            ok=sum(each.ok for each in lately),
            slow=sum(each.slow for each in lately),
            failed=sum(each.failed for each in lately),
            throttled=sum(each.throttled for each in lately),
        )


def trips(view: FleetView, seconds: int, settings: BreakerSettings) -> bool:
    """Tell whether the last `seconds` of all processes pass R0, R1, R2 or R4; older ones were before the close."""
    since = view.seconds[-seconds:] if seconds > 0 else ()
    if not any(each.failed or each.slow for each in since):  # as nearly always
        return False
    return _run(since) >= settings.run or rules.of_shares(_Seconds(since), 0.0, settings) is not None


def _run(seconds: Sequence[Counts]) -> int:
    """Return how many calls have failed since the last second in which one had a first token."""
    run = 0
    for each in reversed(seconds):
        if each.ok or each.slow:
            break
        run += each.failed
    return run


def believed(view: FleetView, host: str, *, says_so: bool) -> float:
    """Return for how many seconds others are open that are to be believed; `says_so`: this process holds the same."""
    hosts = {each.host for each in view.open} | ({host} if says_so else set())
    if view.hosts > 1 and len(hosts) < TWO:
        return max((each.remaining for each in view.open if each.host == host), default=0.0)
    return max((each.remaining for each in view.open), default=0.0)
