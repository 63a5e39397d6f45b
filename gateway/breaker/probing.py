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
        self._needed = False

    def grant(self, now: float) -> None:
        self._until = now + self._settings.probe_lease
        self._needed = self._probe is not None

    def allows(self, now: float) -> bool:
        """Tell whether a call may go out as a probe; where only the grant is missing, note that there was one."""
        if now >= self._until:
            self._needed = True
            return False
        return self._probe is None

    def begin(self, ticket: Ticket) -> None:
        self._probe = ticket
        self._needed = True

    def end(self, ticket: Ticket) -> None:
        if self._probe is ticket:
            self._probe = None

    def good(self) -> bool:
        """Take a probe that went well; tell whether it was the last that is needed."""
        self._good += 1
        return self._good >= self._settings.probes

    def wants_grant(self, now: float) -> bool:
        """Tell whether to ask for a longer one. Who has no requests to probe with leaves it to others."""
        return self._needed and now + self._settings.probe_lease / 2 >= self._until
