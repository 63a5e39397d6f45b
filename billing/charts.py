"""From numbers to the geometry of a stacked bar chart; a template draws it as SVG. Integers throughout, however large.

Heights are pixels. Across, all is in percent, so that the chart fills any width and its letters keep their size.
The scale's words stand left of the picture, in the margin that its style leaves for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOP, TALL, FOOT = 8, 200, 28  # above the scale, the scale itself, below the bars
FULL = 10_000  # hundredths of a percent: all of the width
TICKS, MARKS = 4, 6
WIDEST = 600
SHORT = 5  # letters of a label that fit the narrow margin


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
class Scale:
    """A scale that ends at the value `top`, `tall` pixels high."""

    top: int
    tall: int

    @property
    def base(self) -> int:
        """Where the bars stand."""
        return TOP + self.tall

    def height(self, value: int) -> int:
        """Return the height of `value`; what is not nothing is one pixel or more."""
        return max((value * self.tall + self.top // 2) // self.top, 1) if value else 0


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
    roomy: bool  # the scale's words need the wide margin
    legend: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    bars: tuple[Bar, ...]


def stacked(
    columns: Sequence[Column], series: tuple[Series, ...], *, label: Callable[[int], str], tall: int = TALL
) -> Chart:
    """Lay out one bar for each column, its values stacked upwards in the order of `series`; `label` words the scale."""
    values = ticks([sum(column.values) for column in columns])
    scale = Scale(values[-1], tall)
    edges = [FULL * number // max(len(columns), 1) for number in range(len(columns) + 1)]
    return Chart(
        height=TOP + tall + FOOT,
        top=TOP,
        drawn=tall,
        label_y=scale.base + 20,
        roomy=any(len(label(value)) > SHORT for value in values),
        legend=series,
        ticks=tuple(Tick(scale.base - scale.height(value), label(value)) for value in values),
        marks=tuple(
            Mark(percent((edges[number] + edges[number + 1]) // 2), columns[number].label)
            for number in marked(len(columns))
        ),
        bars=tuple(
            _bar(column, series, scale, edges[number], edges[number + 1]) for number, column in enumerate(columns)
        ),
    )


def marked(columns: int) -> tuple[int, ...]:
    """Return which columns are named: evenly spaced, and the last one always."""
    every = -(-columns // MARKS) or 1
    return tuple(range(columns - 1, -1, -every))[::-1]


def _bar(column: Column, series: tuple[Series, ...], scale: Scale, left: int, right: int) -> Bar:
    slot = right - left
    width = min(slot * 7 // 10, WIDEST)
    segments: list[Segment] = []
    reached = below = 0
    for part, value in zip(series, column.values, strict=True):
        reached += value
        above = scale.height(reached)
        if above > below:
            segments.append(Segment(part.css, scale.base - above, above - below))
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
