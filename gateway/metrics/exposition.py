"""From what all processes counted to the page that Prometheus reads, in its own format or in OpenMetrics."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from math import isnan
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.metrics.families import FAMILIES, Kind, Merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gateway.metrics.cells import Name, Reading
    from gateway.metrics.families import Family

    Merged = dict[tuple[str, ...], tuple[float, ...]]  # by the values of the labels

MERGES: dict[Merge, Callable[[Iterable[float]], float]] = {Merge.SUM: sum, Merge.MAX: max, Merge.MIN: min}


@dataclass(frozen=True, slots=True)
class Page:
    media_type: str
    body: bytes


def page(readings: Sequence[Reading], accept: str) -> Page:
    """Write the page in the format that an Accept header asks for."""
    encode, media_type = choose_encoder(accept)
    return Page(media_type, encode(_Collected(readings)))


class _Collected(Collector):
    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        found = {family.name: _merged(family, self._readings) for family in FAMILIES}
        return [_metric(family, found[family.name]) for family in FAMILIES if found[family.name]]


def _merged(family: Family, readings: Sequence[Reading]) -> Merged:
    """Sum what only grows over all that ever counted, and merge what is so now over those that live."""
    parts: dict[Name, list[tuple[float, ...]]] = defaultdict(list)
    gauge = family.kind is Kind.GAUGE
    for reading in readings:
        if reading.alive or not gauge:
            for name, numbers in reading.series.items():
                if name[0] == family.name and _is_shown(family, numbers):
                    parts[name[1:]].append(numbers)
    merge = MERGES[family.merge]
    return {labels: tuple(merge(each) for each in zip(*found, strict=True)) for labels, found in sorted(parts.items())}


def _is_shown(family: Family, numbers: tuple[float, ...]) -> bool:
    """Say whether there is anything: a histogram has been told a value, a gauge is not NaN."""
    return any(numbers[1:]) if family.kind is Kind.HISTOGRAM else not isnan(numbers[0])


def _metric(family: Family, series: Merged) -> Metric:
    metric = Metric(family.name, family.text, family.kind)
    for labels, numbers in series.items():
        named = dict(zip(family.labels, labels, strict=True))
        if family.kind is Kind.HISTOGRAM:
            for suffix, more, value in _histogram(family, numbers):
                metric.add_sample(family.name + suffix, named | more, value)
        else:
            metric.add_sample(family.name + ("_total" if family.kind is Kind.COUNTER else ""), named, numbers[0])
    return metric


def _histogram(family: Family, numbers: tuple[float, ...]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield the samples of one series; a bucket is shown with all the smaller ones in it."""
    total, *buckets = numbers
    bounds = [*map(floatToGoString, family.buckets), "+Inf"]
    count = 0.0
    for bound, count in zip(bounds, accumulate(buckets), strict=True):
        yield "_bucket", {"le": bound}, count
    yield "_count", {}, count
    yield "_sum", {}, total
