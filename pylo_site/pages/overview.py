"""The first page after signing in: what is left to do, this month in numbers, thirty days drawn, the last requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import ApiKey
from accounts.tenancy import member
from billing.reports.requests import Filters, Row, page
from billing.reports.usage import Totals, usage
from billing.reports.windows import Span, window
from billing.usage_chart import Metric, chart

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from accounts.models import User, Workspace
    from accounts.tenancy import MemberRequest
    from billing import charts

LAST = 5
TALL = 110  # pixels of the chart


@dataclass(frozen=True, slots=True)
class Start:
    """The way to the first answer, step by step."""

    verified: bool
    key: bool
    request: bool

    @property
    def done(self) -> bool:
        return self.verified and self.key and self.request


@dataclass(frozen=True, slots=True)
class Overview:
    start: Start
    since: datetime
    month: Totals
    chart: charts.Chart | None
    last: tuple[Row, ...]

    @property
    def just_started(self) -> bool:
        return self.start.done and len(self.last) < LAST


def look(workspace: Workspace, user: User, now: datetime) -> Overview:
    month = window(Span.MONTH, now)
    recent = usage(workspace, window(Span.THIRTY_DAYS, now), now=now)
    last = page(workspace, Filters(), size=LAST).rows
    start = Start(
        verified=EmailAddress.objects.filter(user=user, verified=True).exists(),
        key=ApiKey.objects.of(workspace).exists(),
        request=bool(last),
    )
    return Overview(
        start=start,
        since=month.start,
        month=usage(workspace, month, now=now).totals,
        chart=chart(recent, Metric.SPEND, tall=TALL) if recent.totals.requests else None,
        last=last,
    )


@require_safe
@member()
def overview(request: MemberRequest) -> HttpResponse:
    seen = look(request.workspace, request.user, timezone.now())
    return render(request, "pages/overview.html", {"overview": seen})
