"""What was tried for one request: the upstreams that were asked, what became of each, and where the time went. Pure.

Times are monotonic seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.usage import Try

if TYPE_CHECKING:
    from gateway.errors import Headers
    from gateway.faults import FaultKind

ABANDONED = "abandoned"  # no fault: the request ended while the upstream was asked
OK = 200


class Tries:
    """Told of each upstream when it is asked and when its first token comes or it fails, one after the other."""

    __slots__ = (
        *("_asked_at", "_failed", "_first_token", "_over_at", "_token_at"),
        *("count", "ended", "first_asked_at", "upstream"),
    )

    def __init__(self) -> None:
        self.upstream = ""  # that was asked last
        self.count = 0
        self.ended: tuple[Try, ...] = ()
        self.first_asked_at: float | None = None
        self._asked_at = 0.0
        self._failed = 0.0  # seconds spent on those that gave no first token
        self._first_token = 0.0  # seconds until the first token of the one that did
        self._token_at: float | None = None
        self._over_at: float | None = None

    def asks(self, upstream: str, now: float) -> None:
        self.upstream = upstream
        self.count += 1
        self._asked_at = now
        if self.first_asked_at is None:
            self.first_asked_at = now

    def answered(self, now: float) -> None:
        """The first token came: this was the last try."""
        self._token_at = now
        self._first_token = now - self._asked_at
        self._end("", OK, now)

    def failed(self, fault: FaultKind, status: int, now: float) -> None:
        """It failed before its first token; `status` is what the upstream sent, or 0."""
        self._end(fault, status, now)

    def abandoned(self, now: float) -> None:
        self._end(ABANDONED, 0, now)

    def over(self, now: float) -> None:
        """The answer is here, or broke off."""
        self._over_at = now

    def _end(self, fault: str, status: int, now: float) -> None:
        took = now - self._asked_at
        if fault:
            self._failed += took
        self.ended = (*self.ended, Try(self.upstream, fault, status, round(took * 1000)))

    def __str__(self) -> str:
        """For the log: `first:status:503:12ms second:ok:200:84ms`."""
        return " ".join(
            f"{each.upstream}:{each.fault or 'ok'}:{each.status}:{each.duration_ms}ms" for each in self.ended
        )

    def headers(self, began: float, now: float, *, streams: bool) -> Headers:
        """Tell an answer that starts now where its time went since the request `began` (W3C Server Timing).

        Of an answer in one piece the model's work after its first token is a part, too; of a stream it is yet to come.
        """
        if not self.count:
            return [(b"server-timing", b"gateway;dur=%.1f" % ((now - began) * 1000))]
        asking = len(self.ended) < self.count
        upstream = now - self._asked_at if asking else self._first_token
        until = now if self._over_at is None else self._over_at
        generation = 0.0 if streams or self._token_at is None else until - self._token_at
        own = max(now - began - self._failed - upstream - generation, 0.0)
        parts = [b"gateway;dur=%.1f" % (own * 1000)]
        if asking or self._token_at is not None:
            plural = b"" if self.count == 1 else b"s"
            parts.append(b'upstream;dur=%.1f;desc="%d attempt%s"' % (upstream * 1000, self.count, plural))
        if self._failed:
            parts.append(b"failover;dur=%.1f" % (self._failed * 1000))
        if generation:
            parts.append(b"generation;dur=%.1f" % (generation * 1000))
        return [(b"server-timing", b", ".join(parts)), (b"x-pylo-attempts", b"%d" % self.count)]
