from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from gateway.metrics import families
from gateway.metrics.cells import Reading
from gateway.metrics.exposition import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.metrics.cells import Name

OPENMETRICS = "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5"


def reading(series: Mapping[Name, tuple[float, ...]], *, alive: bool = True) -> Reading:
    return Reading(alive, series)


def lines(*readings: Reading, accept: str = "") -> list[str]:
    """The page's lines but for its comments."""
    return [line for line in page(readings, accept).body.decode().splitlines() if not line.startswith("#")]


def test_counts_of_all_processes_are_summed_dead_ones_too() -> None:
    trips: Name = ("pylo_breaker_trips", "first")
    found = lines(reading({trips: (2,)}), reading({trips: (3,)}, alive=False))
    assert found == ['pylo_breaker_trips_total{upstream="first"} 5.0']


def test_a_gauge_is_of_those_that_live() -> None:
    flying: Name = ("pylo_in_flight",)
    found = lines(reading({flying: (2,)}), reading({flying: (4,)}), reading({flying: (9,)}, alive=False))
    assert found == ["pylo_in_flight 6.0"]


def test_the_worst_lag_and_the_nearest_probe_are_shown() -> None:
    lag: Name = ("pylo_event_loop_lag_seconds",)
    probe: Name = ("pylo_upstream_probe_in_seconds", "first")
    found = lines(reading({lag: (0.1,), probe: (nan,)}), reading({lag: (0.2,), probe: (4.0,)}))
    assert found == ["pylo_event_loop_lag_seconds 0.2", 'pylo_upstream_probe_in_seconds{upstream="first"} 4.0']


def test_what_nobody_has_a_value_for_is_not_shown() -> None:
    assert lines(reading({("pylo_upstream_probe_in_seconds", "first"): (nan,)})) == []


def test_a_bucket_holds_the_smaller_ones() -> None:
    numbers = (0.75, 2.0, *[0.0] * 10, 1.0)  # two of the smallest, one beyond the last bound
    found = lines(reading({("pylo_gateway_seconds",): numbers}))
    assert found[:2] == ['pylo_gateway_seconds_bucket{le="0.0005"} 2.0', 'pylo_gateway_seconds_bucket{le="0.001"} 2.0']
    assert found[-3:] == [
        'pylo_gateway_seconds_bucket{le="+Inf"} 3.0',
        "pylo_gateway_seconds_count 3.0",
        "pylo_gateway_seconds_sum 0.75",
    ]


def test_a_histogram_that_was_told_nothing_is_not_shown() -> None:
    assert lines(reading({("pylo_gateway_seconds",): (0.0,) * 13})) == []


def everything() -> Reading:
    """A series of each family, its labels of characters that have to be escaped."""
    series = {(each.name, *['a"\n\\'] * len(each.labels)): (1.0,) * each.cells for each in families.FAMILIES}
    return reading(series)


@pytest.mark.parametrize("accept", ["", "text/plain", "*/*", "text/html,application/xml;q=0.9", "nonsense;;,"])
def test_it_is_prometheus_text_unless_asked_otherwise(accept: str) -> None:
    shown = page([everything()], accept)
    assert shown.media_type.startswith("text/plain; version=0.0.4")
    found = {metric.name: metric for metric in read_text(shown.body.decode())}
    assert found.keys() == {each.name for each in families.FAMILIES}
    assert {value for metric in found.values() for sample in metric.samples for value in sample.labels.values()} > {
        'a"\n\\'
    }


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    shown = page([everything()], OPENMETRICS)
    assert shown.media_type.startswith("application/openmetrics-text; version=1.0.0")
    found = {metric.name: metric.type for metric in read_openmetrics(shown.body.decode())}  # type: ignore[no-untyped-call]
    assert found == {each.name: each.kind for each in families.FAMILIES}


@pytest.mark.conformance(160)
def test_buckets_reach_as_far_as_requests_do() -> None:
    assert families.FIRST_TOKEN.buckets[-1] >= 120
    assert families.DURATION.buckets[-1] >= 3600
    assert families.TOKEN_USAGE.buckets[-1] >= 262_144
    for family in families.FAMILIES:
        assert list(family.buckets) == sorted(set(family.buckets))
