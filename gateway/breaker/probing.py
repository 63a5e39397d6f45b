"""The probes of a half-open breaker: one at a time, and only while the fleet's leave to probe is ours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.breaker.settings import BreakerSettings
    from gateway.breaker.ticket import Ticket


class Probing:
    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._until = float("-inf")  # the grant holds
        self.clear()

    def clear(self) -> None:
        self._probe: Ticket | None = None
        self._good = 0  # in a row

    def grant(self, now: float) -> None:
        self._until = now + self._settings.probe_lease

    def allows(self, asked_at: float, now: float) -> bool:
        """Tell a request whether its call may go out as a probe; the one before it came at `asked_at`.

        Where requests come seldom none would ever meet a grant that holds, and an upstream that is well again would
        stay shut for good: such a request needs none.
        """
        return self._probe is None and (now < self._until or not self._lately(asked_at, now))

    def begin(self, ticket: Ticket) -> None:
        self._probe = ticket

    def end(self, ticket: Ticket) -> None:
        if self._probe is ticket:
            self._probe = None

    def good(self) -> bool:
        """Take a probe that went well; tell whether it was the last that is needed."""
        self._good += 1
        return self._good >= self._settings.probes

    def wants_grant(self, asked_at: float, now: float) -> bool:
        """Tell whether to ask for a longer one. Who has no requests to probe with leaves it to others."""
        return self._lately(asked_at, now) and now + self._settings.probe_lease / 2 >= self._until

    def _lately(self, asked_at: float, now: float) -> bool:
        return now - asked_at <= 2 * self._settings.probe_lease
