"""The usage page: four numbers, a chart and a table of the same sums, all of its state in the address."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.tenancy import member
from billing import charts, money
from billing import views_filters as asked
from billing.reports import sheets
from billing.reports.usage import Bucket, Totals, Usage, usage
from billing.reports.windows import Span, Step, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.tenancy import MemberRequest


class Metric(StrEnum):
    TOKENS = "tokens"
    SPEND = "spend"
    REQUESTS = "requests"


class Format(StrEnum):
    HTML = "html"
    CSV = "csv"


SERIES = {
    Metric.TOKENS: (
        charts.Series("Cached input", "bar-a"),
        charts.Series("Input", "bar-b"),
        charts.Series("Output", "bar-c"),
    ),
    Metric.SPEND: (charts.Series("Spend", "bar-a"),),
    Metric.REQUESTS: (charts.Series("Completed", "bar-a"), charts.Series("Failed", "bar-c")),
}
HEADER = (
    "start_utc",
    "end_utc",
    "requests",
    "failed",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_nanos",
    "cost_usd",
    "waived_nanos",
)


@require_safe
@member()
def usage_page(request: MemberRequest) -> HttpResponse:
    span = asked.one_of(request, "window", Span.DAY)
    metric = asked.one_of(request, "metric", Metric.TOKENS)
    form = asked.one_of(request, "format", Format.HTML)
    key = asked.key(request)
    now = timezone.now()
    report = usage(request.workspace, window(span, now), key=key, now=now)
    if form is Format.CSV:
        return _csv(report)
    context = {
        "usage": report,
        "buckets": report.buckets[::-1],
        "hourly": report.window.step is Step.HOUR,
        "chart": chart(report, metric),
        "metric": metric.value,
        "windows": [asked.Choice(each.value, each.label, current=each is span) for each in Span],
        "metrics": [asked.Choice(each.value, each.value.capitalize(), current=each is metric) for each in Metric],
        "keys": asked.keys(request, key),
    }
    return render(request, "billing/usage.html", context)


def chart(report: Usage, metric: Metric) -> charts.Chart:
    """Draw the buckets; a bar leads to the requests it stands for."""
    hourly = report.window.step is Step.HOUR
    label: Callable[[int], str] = money.dollars if metric is Metric.SPEND else charts.compact
    columns = [
        charts.Column(
            label=f"{bucket.start:%H:%M}" if hourly else f"{bucket.start:%m-%d}",
            title=_title(bucket, hourly=hourly),
            values=_values(bucket.totals, metric),
            href=_requests(report, bucket),
        )
        for bucket in report.buckets
    ]
    return charts.stacked(columns, SERIES[metric], label=label)


def _values(totals: Totals, metric: Metric) -> tuple[int, ...]:
    if metric is Metric.SPEND:
        return (totals.cost_nanos,)
    if metric is Metric.REQUESTS:
        return (totals.requests - totals.failed, totals.failed)
    return (totals.cached, totals.input, totals.completion)


def _title(bucket: Bucket, *, hourly: bool) -> str:
    totals = bucket.totals
    when = f"{bucket.start:%Y-%m-%d %H:%M} UTC" if hourly else f"{bucket.start:%Y-%m-%d}"
    return (
        f"{when}: {money.dollars(totals.cost_nanos)}, {totals.requests:,} requests ({totals.failed:,} failed), "
        f"{totals.cached:,} cached, {totals.input:,} input, {totals.completion:,} output tokens"
    )


def _requests(report: Usage, bucket: Bucket) -> str:
    query = {"since": f"{bucket.start:%Y-%m-%dT%H:%MZ}", "until": f"{bucket.end:%Y-%m-%dT%H:%MZ}"}
    if report.key is not None:
        query["key"] = str(report.key.id)
    return f"{reverse('requests')}?{urlencode(query)}"


def _csv(report: Usage) -> HttpResponse:
    rows = [_row(bucket) for bucket in reversed(report.buckets)]
    name = f"pylo-usage-{report.window.span}-{report.complete_to:%Y-%m-%d}.csv"
    return HttpResponse(
        sheets.lines([HEADER, *rows]),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _row(bucket: Bucket) -> tuple[str | int, ...]:
    totals = bucket.totals
    return (
        f"{bucket.start:%Y-%m-%dT%H:%M:%SZ}",
        f"{bucket.end:%Y-%m-%dT%H:%M:%SZ}",
        totals.requests,
        totals.failed,
        totals.input,
        totals.cached,
        totals.completion,
        totals.reasoning,
        totals.cost_nanos,
        sheets.usd(totals.cost_nanos),
        totals.waived_nanos,
    )
