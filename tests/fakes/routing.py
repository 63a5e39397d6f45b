"""A routing that notes what it is asked and what its leases are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gateway.routing import Routing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.config import Upstream
    from gateway.faults import UpstreamFault
    from gateway.routing import Lease, Shed

Note = tuple[str, str, float]  # the upstream, what was told of it, and when


class NotedRouting(Routing):
    """The real one. `patience` is every lease's, where it is set."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        super().__init__(upstreams, draw=lambda: 0.0, now=0.0)
        self.patience: float | None = None
        self.shut: Shed | None = None  # while set, nobody is given a lease
        self.slow_after: list[float] = []
        self.notes: list[Note] = []

    def lease(self, now: float, *, slow_after: float, tried: Collection[str] = ()) -> Lease | None:
        self.slow_after.append(slow_after)
        lease = None if self.shut else super().lease(now, slow_after=slow_after, tried=tried)
        return None if lease is None else cast("Lease", NotedLease(lease, self))

    def shed(self, now: float, tried: Collection[str] = ()) -> Shed:
        return self.shut or super().shed(now, tried)


class NotedLease:
    def __init__(self, lease: Lease, routing: NotedRouting) -> None:
        self.upstream = lease.upstream
        self.probe = lease.probe
        self.patience = lease.patience if routing.patience is None else routing.patience
        self._lease = lease
        self._routing = routing
        self._released = False

    def first_token(self, now: float) -> None:
        self._note("first token", now)
        self._lease.first_token(now)

    def failed(self, fault: UpstreamFault, now: float) -> None:
        self._note(fault.kind, now)
        self._lease.failed(fault, now)

    def release(self, now: float) -> None:
        if not self._released:
            self._note("released", now)
        self._released = True
        self._lease.release(now)

    def _note(self, what: str, now: float) -> None:
        self._routing.notes.append((self.upstream.name, what, now))
