"""Medians over the rounds, and what they come to beside direct and beside each other. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load import Load

ENOUGH_CPU = 0.2  # seconds; the kernel counts in hundredths


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One workload on one system in one round. `cpu_seconds` is the system's own, 0 where there is none."""

    system: str
    workload: str
    load: Load
    cpu_seconds: float
    memory_mb: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds. None where it says nothing: no stream, no process, or too little CPU time to divide."""

    system: str
    workload: str
    requests_per_second: float
    events_per_second: float
    cpu_us_per_request: float | None
    cpu_us_per_event: float | None
    p50_ms: float
    p99_ms: float
    first_p50_ms: float
    first_p99_ms: float
    memory_mb: float
    errors: int


def summary(rounds: Sequence[Measured]) -> Summary:
    """Bring one workload's rounds on one system together."""
    loads = [each.load for each in rounds]
    return Summary(
        system=rounds[0].system,
        workload=rounds[0].workload,
        requests_per_second=median(load.requests / load.seconds for load in loads),
        events_per_second=median(load.events / load.seconds for load in loads),
        cpu_us_per_request=_per([(each.cpu_seconds, each.load.all_requests) for each in rounds]),
        cpu_us_per_event=_per([(each.cpu_seconds, each.load.all_events) for each in rounds]),
        p50_ms=median(load.p50_us for load in loads) / 1000,
        p99_ms=median(load.p99_us for load in loads) / 1000,
        first_p50_ms=median(load.first_p50_us for load in loads) / 1000,
        first_p99_ms=median(load.first_p99_us for load in loads) / 1000,
        memory_mb=max(each.memory_mb for each in rounds),
        errors=sum(load.errors for load in loads),
    )


def _per(pairs: Sequence[tuple[float, int]]) -> float | None:
    if not all(count and seconds >= ENOUGH_CPU for seconds, count in pairs):
        return None
    return median(seconds / count for seconds, count in pairs) * 1e6


def summaries(measured: Sequence[Measured]) -> list[Summary]:
    """Return one for each system and workload, in the order they were first measured."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for each in measured:
        groups.setdefault((each.system, each.workload), []).append(each)
    return [summary(group) for group in groups.values()]


def find(found: Sequence[Summary], system: str, workload: str) -> Summary | None:
    return next((each for each in found if (each.system, each.workload) == (system, workload)), None)


def ratio(found: Sequence[Summary], workload: str, ours: str, theirs: str) -> float | None:
    """Return how many times `theirs` ours is, in events a second where there are any, else in requests."""
    one, other = find(found, ours, workload), find(found, theirs, workload)
    if one is None or other is None:
        return None
    if other.events_per_second:
        return one.events_per_second / other.events_per_second
    return one.requests_per_second / other.requests_per_second if other.requests_per_second else None


def added_ms(found: Sequence[Summary], workload: str, system: str, direct: str) -> tuple[float, float] | None:
    """Return what a system adds to the median and to the 99th percentile."""
    one, other = find(found, system, workload), find(found, direct, workload)
    if one is None or other is None:
        return None
    return one.p50_ms - other.p50_ms, one.p99_ms - other.p99_ms
