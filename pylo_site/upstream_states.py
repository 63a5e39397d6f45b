"""The upstreams as the gateway's processes see them now: what each told on Redis in the last five seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, cast

import msgspec
import redis

from gateway.breaker.views import Counts, State, UpstreamView
from pylo_site import impatient

if TYPE_CHECKING:
    from collections.abc import Sequence

PROCESSES = "pylo:brk:processes"  # gateway/stores/fleet.py writes them
VIEW = b"pylo:brk:view:"
WORST = (State.OPEN, State.HALF_OPEN, State.CLOSED)


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process's view of one upstream."""

    process: str  # host:name
    view: UpstreamView


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamReport:
    """One upstream in all processes. Seconds are from now on."""

    name: str
    state: State  # in most processes; of two in as many, the worse
    reason: str  # why it is not closed
    probe_in: float | None  # until the first of them may probe it, while open
    draining: bool
    throttled_for: float  # the longest
    in_flight: int
    places: int
    window: Counts  # the last 30 seconds
    processes: int
    by_process: tuple[ProcessView, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetReport:
    available: bool  # False: Redis cannot be asked, so nothing is known
    upstreams: tuple[UpstreamReport, ...]  # in the file's order; none when no process told anything


def read() -> FleetReport:
    """Ask Redis, for a second at most."""
    try:
        with impatient.client() as client:
            processes = cast("list[bytes]", client.zrange(PROCESSES, 0, -1))
            keys = [VIEW + each for each in processes]
            views = cast("list[bytes | None]", client.mget(keys) if keys else [])
    except redis.RedisError:
        return FleetReport(available=False, upstreams=())
    told = [
        ProcessView(process.decode(), view)
        for process, said in zip(processes, views, strict=True)
        for view in (_decoded(said) if said else ())
    ]
    names = dict.fromkeys(each.view.name for each in told)
    return FleetReport(
        available=True, upstreams=tuple(_report([each for each in told if each.view.name == name]) for name in names)
    )


def _decoded(said: bytes) -> tuple[UpstreamView, ...]:
    try:
        return msgspec.json.decode(said, type=tuple[UpstreamView, ...])
    except msgspec.MsgspecError:  # a process of another release, for as long as both run
        return ()


def _report(told: Sequence[ProcessView]) -> UpstreamReport:
    views = [each.view for each in told]
    states = Counter(view.state for view in views)
    state = max(WORST, key=lambda each: states[each])  # max keeps the first of equals
    alike = [view for view in views if view.state is state]
    return UpstreamReport(
        name=views[0].name,
        state=state,
        reason="" if state is State.CLOSED else next((view.reason for view in alike if view.reason), ""),
        probe_in=min((view.probe_in for view in alike if view.probe_in is not None), default=None),
        draining=any(view.draining for view in views),
        throttled_for=max(view.throttled_for for view in views),
        in_flight=sum(view.in_flight for view in views),
        places=sum(view.places for view in views),
        window=Counts(*(sum(column) for column in zip(*(astuple(view.window) for view in views), strict=True))),
        processes=len(views),
        by_process=tuple(told),
    )
