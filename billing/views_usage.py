"""The usage page: four numbers, a chart and a table of the same sums, all of its state in the address."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.tenancy import member
from billing import views_filters as asked
from billing.reports import sheets
from billing.reports.usage import Bucket, Usage, usage
from billing.reports.windows import Span, Step, window
from billing.usage_chart import Metric, chart

if TYPE_CHECKING:
    from accounts.tenancy import MemberRequest


class Format(StrEnum):
    HTML = "html"
    CSV = "csv"


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
    busy = [bucket for bucket in reversed(report.buckets) if bucket.totals.requests]
    context = {
        "usage": report,
        "buckets": busy,
        "quiet": len(report.buckets) - len(busy),
        "hourly": report.window.step is Step.HOUR,
        "chart": chart(report, metric),
        "metric": metric.value,
        "windows": [asked.Choice(each.value, each.label, current=each is span) for each in Span],
        "metrics": [asked.Choice(each.value, each.value.capitalize(), current=each is metric) for each in Metric],
        "keys": asked.keys(request, key),
    }
    return render(request, "billing/usage.html", context)


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
