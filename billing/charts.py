"""From numbers to the geometry of a stacked bar chart; a template draws it as SVG. Integers throughout, however large.

Heights are pixels. Across, all is in percent, so that the chart fills any width and its letters keep their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOP, BASE, HEIGHT = 16, 216, 244  # where the scale ends, where the bars stand, where the picture ends
GUTTER, FULL = 800, 10_000  # hundredths of a percent: left of the bars, and all of it
TICKS, MARKS = 4, 6
WIDEST = 600


@dataclass(frozen=True, slots=True)
class Series:
    """One part of each bar; `css` is its class."""

    name: str
    css: str


@dataclass(frozen=True, slots=True)
class Column:
    """What one bar shows: a value for each series, and words for who points at it."""

    label: str
    title: str
    values: tuple[int, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    css: str
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Bar:
    slot_x: str
    slot_width: str
    x: str
    width: str
    title: str
    href: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    y: int
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    height: int
    top: int
    drawn: int
    label_y: int
    gutter: str
    label_x: str
    legend: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    bars: tuple[Bar, ...]


def stacked(columns: Sequence[Column], series: tuple[Series, ...], *, label: Callable[[int], str]) -> Chart:
    """Lay out one bar for each column, its values stacked in the order of `series`; `label` words the scale."""
    values = ticks([sum(column.values) for column in columns])
    top = values[-1]
    edges = [GUTTER + (FULL - GUTTER) * number // max(len(columns), 1) for number in range(len(columns) + 1)]
    every = -(-len(columns) // MARKS) or 1
    return Chart(
        height=HEIGHT,
        top=TOP,
        drawn=BASE - TOP,
        label_y=BASE + 20,
        gutter=percent(GUTTER),
        label_x=percent(GUTTER - 80),
        legend=series,
        ticks=tuple(Tick(BASE - scaled(value, top), label(value)) for value in values),
        marks=tuple(
            Mark(percent((edges[number] + edges[number + 1]) // 2), columns[number].label)
            for number in range(0, len(columns), every)
        ),
        bars=tuple(
            _bar(column, series, top, edges[number], edges[number + 1]) for number, column in enumerate(columns)
        ),
    )


def _bar(column: Column, series: tuple[Series, ...], top: int, left: int, right: int) -> Bar:
    slot = right - left
    width = min(slot * 7 // 10, WIDEST)
    segments: list[Segment] = []
    reached = below = 0
    for part, value in zip(series, column.values, strict=True):
        reached += value
        above = scaled(reached, top)
        if above > below:
            segments.append(Segment(part.css, BASE - above, above - below))
        below = above
    return Bar(
        slot_x=percent(left),
        slot_width=percent(slot),
        x=percent(left + (slot - width) // 2),
        width=percent(width),
        title=column.title,
        href=column.href,
        segments=tuple(segments),
    )


def scaled(value: int, top: int) -> int:
    """Return the height of `value` on a scale that ends at `top`; what is not nothing is one pixel or more."""
    height = (value * (BASE - TOP) + top // 2) // top
    return max(height, 1) if value else 0


def ticks(totals: Sequence[int]) -> tuple[int, ...]:
    """Return 0 and up to `TICKS` round values (1, 2 or 5 by a power of ten apart), the last one at or above all."""
    top = max(totals, default=0)
    if top <= 0:
        return (0, 1)
    least = -(-top // TICKS)
    power = 10 ** (len(str(least)) - 1)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
    return tuple(range(0, top + step, step))


def percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def compact(number: int) -> str:
    """Word a count for a scale: 950, 1.5K, 20M."""
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            whole, tenth = divmod(number * 10 // size, 10)
            return f"{whole}.{tenth}{letter}" if tenth else f"{whole}{letter}"
    return str(number)
