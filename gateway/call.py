"""One upstream asked once: its lease and the request's tries are told what became of it, with one look at the clock."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gateway.faults import UpstreamFault

if TYPE_CHECKING:
    from gateway.dialects.exchanges import Exchange
    from gateway.ports import Clock
    from gateway.routing import Lease
    from gateway.tries import Tries


OK = 200


class Call:
    """Holds its upstream's place until `over`, which may be told twice."""

    def __init__(self, lease: Lease, exchange: Exchange, tries: Tries, clock: Clock) -> None:
        self.upstream = lease.upstream
        self.exchange = exchange
        self.patience = inf if lease.patience is None else lease.patience  # seconds for the first token
        self._lease = lease
        self._tries = tries
        self._clock = clock

    def begins(self) -> float:
        """Note that the upstream is asked; return when, in monotonic seconds."""
        now = self._clock.seconds()
        self._tries.asks(self.upstream.name, now)
        return now

    def answers(self) -> None:
        """Note the first token."""
        now = self._clock.seconds()
        self._lease.first_token(now)
        self._tries.answered(now)

    def failed(self, error: BaseException, *, answered: bool) -> None:
        """Note the end before a first token. What is no fault of the upstream's says nothing about it.

        `answered`: it had begun to send an event stream.
        """
        now = self._clock.seconds()
        if isinstance(error, UpstreamFault):
            self._tries.failed(error.kind, OK if answered else error.status, now)
            if error.blames_upstream:
                self._lease.failed(error, now)
        else:
            self._tries.abandoned(now)
        self._lease.release(now)

    def broke(self, fault: UpstreamFault) -> None:
        """Note a failure after the first token."""
        self._lease.failed(fault, self._clock.seconds())

    def over(self) -> None:
        """Give the place back: the connection is not used any more."""
        now = self._clock.seconds()
        self._lease.release(now)
        self._tries.over(now)
