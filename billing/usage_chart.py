"""Usage drawn: a bar for each hour or day, by tokens, spend or requests. A bar leads to the requests it stands for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from billing import charts, money
from billing.reports.windows import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.reports.usage import Bucket, Totals, Usage


class Metric(StrEnum):
    TOKENS = "tokens"
    SPEND = "spend"
    REQUESTS = "requests"


# What most of a bar is stands at its foot, in the strongest colour.
SERIES = {
    Metric.TOKENS: (
        charts.Series("Output", "bar-a"),
        charts.Series("Input", "bar-b"),
        charts.Series("Cached input", "bar-c"),
    ),
    Metric.SPEND: (charts.Series("Spend", "bar-a"),),
    Metric.REQUESTS: (charts.Series("Completed", "bar-a"), charts.Series("Failed", "bar-bad")),
}


def chart(report: Usage, metric: Metric, *, tall: int = charts.TALL) -> charts.Chart:
    hourly = report.window.step is Step.HOUR
    label: Callable[[int], str] = money.dollars if metric is Metric.SPEND else charts.compact
    columns = [
        charts.Column(
            label=f"{bucket.start:%H:%M}" if hourly else f"{bucket.start:%b} {bucket.start.day}",
            title=_title(bucket, hourly=hourly),
            values=_values(bucket.totals, metric),
            href=_requests(report, bucket),
        )
        for bucket in report.buckets
    ]
    return charts.stacked(columns, SERIES[metric], label=label, tall=tall)


def _values(totals: Totals, metric: Metric) -> tuple[int, ...]:
    if metric is Metric.SPEND:
        return (totals.cost_nanos,)
    if metric is Metric.REQUESTS:
        return (totals.requests - totals.failed, totals.failed)
    return (totals.completion, totals.input, totals.cached)


def _title(bucket: Bucket, *, hourly: bool) -> str:
    totals = bucket.totals
    when = f"{bucket.start:%Y-%m-%d %H:%M} UTC" if hourly else f"{bucket.start:%Y-%m-%d}"
    if not totals.requests:
        return f"{when}: no requests"
    requests = "1 request" if totals.requests == 1 else f"{totals.requests:,} requests"
    return (
        f"{when}: {money.dollars(totals.cost_nanos)}, {requests} ({totals.failed:,} failed), "
        f"{totals.completion:,} output, {totals.input:,} input, {totals.cached:,} cached tokens"
    )


def _requests(report: Usage, bucket: Bucket) -> str:
    query = {"since": f"{bucket.start:%Y-%m-%dT%H:%MZ}", "until": f"{bucket.end:%Y-%m-%dT%H:%MZ}"}
    if report.key is not None:
        query["key"] = str(report.key.id)
    return f"{reverse('requests')}?{urlencode(query)}"
