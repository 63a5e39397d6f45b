"""The figures as a reader sees them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.figures import added_ms, find, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figures import Measured, Summary
    from bench.profiling import Hot

NOTHING = "–"
COLUMNS = (
    "system",
    "whole req/s",
    "µs CPU/req",
    "burst events/s",
    "µs CPU/event",
    "paced µs CPU/event",
    "first token p50 ms",
    "at 50/s p50 ms",
    "p99 ms",
    "added p50",
    "added p99",
    "RSS MB",
    "errors",
)


def _number(value: float | None, digits: int = 0) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}".replace(",", " ")


def _of(summary: Summary | None, figure: str) -> float | None:
    return None if summary is None else getattr(summary, figure)


def line(measured: Measured) -> str:
    """Say one measurement on one line, as it comes in."""
    load = measured.load
    told = f"{measured.system:8} {_number(load.requests / load.seconds):>9} req/s"
    told += f" {_number(load.events / load.seconds):>9} events/s" if load.events else ""
    told += f"  p50 {_number(load.p50_us / 1000, 2)} ms  p99 {_number(load.p99_us / 1000, 2)} ms"
    told += f"  CPU {_number(measured.cpu_seconds, 2)} s" if measured.cpu_seconds else ""
    return told + (f"  {load.errors} ERRORS" if load.errors else "")


def row(found: Sequence[Summary], system: str, direct: str) -> list[str]:
    """Return a system's line; what was not measured is a dash."""
    whole, burst, paced, latency = (find(found, system, name) for name in ("whole", "burst", "paced", "latency"))
    added = added_ms(found, "latency", system, direct) if system != direct else None
    mine = [each for each in found if each.system == system]
    return [
        system,
        _number(_of(whole, "requests_per_second")),
        _number(_of(whole, "cpu_us_per_request")),
        _number(_of(burst, "events_per_second")),
        _number(_of(burst, "cpu_us_per_event"), 1),
        _number(_of(paced, "cpu_us_per_event"), 1),
        _number(_of(paced, "first_p50_ms"), 1),
        _number(_of(latency, "p50_ms"), 2),
        _number(_of(latency, "p99_ms"), 2),
        _number(added and added[0], 2),
        _number(added and added[1], 2),
        _number(max(each.memory_mb for each in mine) or None),
        _number(sum(each.errors for each in mine)),
    ]


def table(found: Sequence[Summary], direct: str) -> str:
    """Return the lines of all systems, aligned."""
    systems = list(dict.fromkeys(each.system for each in found))
    lines = [list(COLUMNS), *(row(found, system, direct) for system in systems)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def ratios(found: Sequence[Summary], ours: str, others: Sequence[str]) -> list[str]:
    """Say in words how many times each other system ours is."""
    lines = []
    for other in others:
        whole, burst, paced = (ratio(found, name, ours, other) for name in ("whole", "burst", "paced"))
        if whole is not None:
            told = ", ".join(
                f"{_number(value, 2)} × its {what}"
                for value, what in ((whole, "requests/s"), (burst, "burst events/s"), (paced, "paced events/s"))
            )
            lines.append(f"{ours} beside {other}: {told}")
    return lines


def profile(hot: Sequence[Hot]) -> str:
    """Return the functions a process spends its time in, the busiest first."""
    return "\n".join(f"{each.share:6.1%}  {each.function}" for each in hot)
