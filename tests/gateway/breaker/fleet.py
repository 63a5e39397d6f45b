"""Processes that serve the same upstreams and tell each other what they see, once a second, in a simulation's time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gateway.breaker.views import Counts, FleetView, RemoteOpen, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.routing import Routing

LEASE = 10.0
WINDOW = 30
NONE = Counts()


class Fleet:
    """The store of all processes; `hosts` names each one's machine."""

    def __init__(self, processes: Sequence[Routing], hosts: Sequence[str]) -> None:
        self._processes = processes
        self._hosts = hosts
        self._counts: dict[str, dict[int, Counts]] = defaultdict(dict)  # of seconds
        self._open: dict[str, dict[int, tuple[float, str]]] = defaultdict(dict)
        self._news: set[tuple[str, int]] = set()  # upstreams found well, that a process has not heard of yet
        self._leases: dict[str, tuple[int, float]] = {}

    def tick(self, process: int, now: float) -> None:
        """Let one process tell and hear."""
        routing = self._processes[process]
        self._tell(process, now)
        for name in self._counts:
            routing.adopt(name, self._view(name, process, now), now)
            self._news.discard((name, process))
        for view in routing.views(now):
            holder, _ = self._leases.get(view.name, (None, 0.0))
            if holder == process and view.state is not State.HALF_OPEN:
                del self._leases[view.name]
        for name in routing.wants_probe(now):
            holder, until = self._leases.get(name, (process, 0.0))
            if holder == process or until <= now:
                self._leases[name] = process, now + LEASE
                routing.grant_probe(name, now)

    def _tell(self, process: int, now: float) -> None:
        routing = self._processes[process]
        for name, new in routing.take_counts(now).items():
            seconds = self._counts[name]
            old = seconds.get(int(now), NONE)
            seconds[int(now)] = Counts(ok=old.ok + new.ok, slow=old.slow + new.slow, failed=old.failed + new.failed)
            seconds.pop(int(now) - WINDOW, None)
        for name in routing.take_recovered():
            self._open[name].clear()
            self._news |= {(name, other) for other in range(len(self._processes)) if other != process}
        published = routing.published(now)
        for name, opens in self._open.items():
            opens.pop(process, None)
            if name in published and (name, process) not in self._news:
                opens[process] = now + published[name].remaining, published[name].reason
        for name in published.keys() - self._open.keys():
            self._open[name][process] = now + published[name].remaining, published[name].reason

    def _view(self, name: str, process: int, now: float) -> FleetView:
        second = int(now)
        return FleetView(
            seconds=tuple(self._counts[name].get(second - ago, NONE) for ago in range(WINDOW - 1, -1, -1)),
            hosts=len(set(self._hosts)),
            open=tuple(
                RemoteOpen(self._hosts[other], until - now, reason)
                for other, (until, reason) in self._open[name].items()
                if other != process and until > now
            ),
            recovered=(name, process) in self._news,
        )
