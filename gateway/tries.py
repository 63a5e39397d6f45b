"""What was tried for one request: the upstreams that were asked, what became of each, and where the time went. Pure.

Times are monotonic seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.usage import Try

if TYPE_CHECKING:
    from gateway.faults import FaultKind

ABANDONED = "abandoned"  # no fault: the request ended while the upstream was asked
OK = 200


class Tries:
    """Told of each upstream when it is asked and when its first token comes or it fails, one after the other."""

    def __init__(self) -> None:
        self.upstream = ""  # that was asked last
        self.count = 0
        self.ended: tuple[Try, ...] = ()
        self._asked_at = 0.0

    def asks(self, upstream: str, now: float) -> None:
        self.upstream = upstream
        self.count += 1
        self._asked_at = now

    def answered(self, now: float) -> None:
        """The first token came: this was the last try."""
        self._end("", OK, now)

    def failed(self, fault: FaultKind, status: int, now: float) -> None:
        """It failed before its first token; `status` is what the upstream sent, or 0."""
        self._end(fault, status, now)

    def abandoned(self, now: float) -> None:
        self._end(ABANDONED, 0, now)

    def _end(self, fault: str, status: int, now: float) -> None:
        took = now - self._asked_at
        self.ended = (*self.ended, Try(self.upstream, fault, status, round(took * 1000)))

    def __str__(self) -> str:
        """For the log: `first:status:503:12ms second:ok:200:84ms`."""
        return " ".join(
            f"{each.upstream}:{each.fault or 'ok'}:{each.status}:{each.duration_ms}ms" for each in self.ended
        )
