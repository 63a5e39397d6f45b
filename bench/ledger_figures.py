"""The ledger's figures and how they are said. Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIAN, LATE = 50, 99
TARGET_MS = 100.0  # of a page's time in the database


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Appends that were awaited to their fsync, `at_once` of them at a time. None is the bare write beside them."""

    at_once: int | None
    p50_us: float
    p99_us: float
    most_us: float
    per_second: float


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page, asked for several times. `slowest` is the statement that took longest, without its values."""

    name: str
    queries: int
    database_ms: float
    database_most_ms: float
    whole_ms: float
    slowest: str


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the least of the values that so many percent of them do not exceed. Raises `ValueError` for none."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(ceil(len(values) * percent / 100), 1) - 1]


def latency(at_once: int | None, seconds: Sequence[float], took: float) -> Latency:
    """Bring appends together, each so many seconds, `took` for all of them."""
    return Latency(
        at_once=at_once,
        p50_us=percentile(seconds, MEDIAN) * 1e6,
        p99_us=percentile(seconds, LATE) * 1e6,
        most_us=max(seconds) * 1e6,
        per_second=len(seconds) / took,
    )


def number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}".replace(",", " ")


def latency_line(each: Latency, bare: Latency) -> str:
    """Say one row; how many times the bare write's its median and its rate are."""
    name = "bare write" if each.at_once is None else f"{each.at_once} at once"
    told = f"journal   {name:12} p50 {number(each.p50_us):>7} µs  p99 {number(each.p99_us):>7} µs"
    told += f"  max {number(each.most_us):>8} µs  {number(each.per_second):>8}/s"
    if each.at_once is None:
        return told
    return f"{told}  × {each.p50_us / bare.p50_us:.2f} its time, × {each.per_second / bare.per_second:.2f} its rate"


def rate_line(part: str, what: str, records: int, seconds: float) -> str:
    rate = number(records / seconds) if seconds else "–"
    return f"{part:9} {what:34} {number(records):>11} records  {number(seconds, 2):>8} s  {rate:>9}/s"


def page_line(page: Page) -> str:
    told = f"page      {page.name:34} database p50 {number(page.database_ms, 1):>8} ms"
    told += f"  max {number(page.database_most_ms, 1):>8} ms  {page.queries:>2} queries"
    told += f"  page {number(page.whole_ms, 1):>8} ms"
    return told + (f"  ABOVE {TARGET_MS:.0f} ms: {page.slowest}" if page.database_ms > TARGET_MS else "")


def progress_line(what: str, done: int, total: int, seconds: float) -> str:
    """Say how far a part is, and how long it will take at the rate it has had."""
    left = f", {number(seconds * (total - done) / done)} s left" if 0 < done < total else ""
    return f"{what}: {done * 100 // total if total else 100} %, {number(seconds)} s{left}"


def chunks(total: int, size: int) -> list[range]:
    """Cut 0 … total into ranges of `size`, the last of what is left."""
    return [range(start, min(start + size, total)) for start in range(0, total, size)]
