"""What breakers tell each other and whoever looks at them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes of calls of one upstream over some time."""

    ok: int = 0
    slow: int = 0
    failed: int = 0
    throttled: int = 0
    waiting: int = 0  # calls that crossed the slow mark and have no token yet
    unreached: int = 0  # failed before they left this host; never told to others, nor among `failed`


@dataclass(frozen=True, slots=True)
class RemoteOpen:
    """Another process's breaker of the same upstream is open for `remaining` seconds more."""

    host: str
    remaining: float
    reason: str


@dataclass(frozen=True, slots=True)
class FleetView:
    """What all processes together saw of one upstream: a `Counts` for each of the last 30 seconds, oldest first."""

    seconds: tuple[Counts, ...] = ()
    hosts: int = 1  # that reported lately, this one too
    open: tuple[RemoteOpen, ...] = ()
    recovered: bool = False  # since the last view a process's probes found the upstream well


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamView:
    """One upstream as an operator sees it. Seconds are from now on."""

    name: str
    state: State
    reason: str  # why it is not closed, or was last opened; empty when it never was
    probe_in: float | None  # until the next probe may go out, while open
    throttled_for: float  # 0 when it is not
    suspect: bool
    draining: bool  # by an operator
    share: float  # of its traffic that it is given: below 1 while it ramps up
    trips: int
    in_flight: int
    places: int  # as many calls as it may have at once now
    window: Counts  # the last 30 seconds, of this process
