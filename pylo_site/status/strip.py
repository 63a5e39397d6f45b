"""A day of one upstream as a picture: a bar for each half hour, and a line for its first-token time. Pure geometry.

Coordinates are of a viewBox that is stretched to any width, WIDE units across and HIGH down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDE, HIGH = 480, 100
LINE_TOP, LINE_BASE = 4, 96  # of the first-token times
GAP = 2
ONE_IN_A_HUNDRED, ONE_IN_TEN = 100, 10


@dataclass(frozen=True, slots=True)
class Slot:
    """Some time: words for who points at it, how many requests, how many of them failed, and the first-token time."""

    title: str
    requests: int
    failed: int
    first_token: int | None


@dataclass(frozen=True, slots=True)
class Bar:
    css: str
    x: int
    width: int
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    wide: int
    high: int
    bars: tuple[Bar, ...]
    lines: tuple[str, ...]  # an SVG path for each run of slots that have a time
    top: int | None  # what the line's scale ends at, in milliseconds


def strip(slots: Sequence[Slot]) -> Strip:
    """Lay out the slots from old to new."""
    edges = [WIDE * number // max(len(slots), 1) for number in range(len(slots) + 1)]
    top = scale_end([slot.first_token for slot in slots if slot.first_token is not None])
    return Strip(
        wide=WIDE,
        high=HIGH,
        bars=tuple(
            Bar(_css(slot), left, right - left - GAP, slot.title)
            for slot, left, right in zip(slots, edges, edges[1:], strict=False)
        ),
        lines=tuple(_lines(slots, edges, top)) if top else (),
        top=top,
    )


def scale_end(times: Sequence[int]) -> int | None:
    """Return a round number that no time is above; None where there is none."""
    if not times:
        return None
    end = 1
    while end < max(times):
        for factor in (2, 5, 10):
            if end * factor >= max(times):
                return end * factor
        end *= 10
    return end


def _css(slot: Slot) -> str:
    if not slot.requests:
        return "strip-none"
    if slot.failed * ONE_IN_TEN >= slot.requests:
        return "strip-bad"
    return "strip-warn" if slot.failed * ONE_IN_A_HUNDRED >= slot.requests else "strip-ok"


def _lines(slots: Sequence[Slot], edges: Sequence[int], top: int) -> list[str]:
    """Join the middles of neighbours; a slot without neighbours is a short dash."""
    runs: list[list[str]] = [[]]
    for slot, left, right in zip(slots, edges, edges[1:], strict=False):
        if slot.first_token is None:
            runs.append([])
            continue
        y = LINE_BASE - (LINE_BASE - LINE_TOP) * slot.first_token // top
        runs[-1].append(f"{(left + right - GAP) // 2} {y}")
    return [f"M{run[0]}L{' '.join(run[1:])}" if len(run) > 1 else f"M{run[0]}h1" for run in runs if run]
