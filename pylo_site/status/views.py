"""The status page, for anybody. It does not die with what it reports on: each part it cannot know it says so of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from pylo_site.status import figures
from pylo_site.status.aliases import aliases
from pylo_site.status.live import live
from pylo_site.status.remembered import remembered
from pylo_site.status.report import report
from pylo_site.status.tally import part

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from pylo_site.status.report import Report
    from pylo_site.status.tally import Tally

QUARTERS_AGE, DAYS_AGE = timedelta(seconds=15), timedelta(minutes=1)
REFRESH_SECONDS = 30


def look() -> Report:
    quarter = remembered(f"status.quarter.{figures.LAYOUT}", QUARTERS_AGE, lambda now, _: figures.quarter(now))
    day = remembered(f"status.day.{figures.LAYOUT}", DAYS_AGE, figures.day)
    windows = [None if kept is None else kept.value for kept in (quarter, day)]
    return report(timezone.now(), aliases(), live(), *windows)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    seen = look()
    _see_without_postgres(request)
    return render(request, "pages/status.html", {"report": seen, "refresh_seconds": REFRESH_SECONDS})


@require_safe
def document(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view is given it
    seen = look()
    response = JsonResponse(
        {
            "status": seen.overall,
            "message": seen.line,
            "as_of": seen.at.isoformat(timespec="seconds"),
            "figures_as_of": seen.figures_at and seen.figures_at.isoformat(timespec="seconds"),
            "last_15_minutes": _told(seen.quarter),
            "last_24_hours": _told(seen.day),
            "upstreams": [
                {
                    "alias": row.alias,
                    "state": row.now,
                    "last_15_minutes": _told(row.quarter),
                    "last_24_hours": _told(row.day),
                }
                for row in seen.rows
            ],
        }
    )
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _told(tally: Tally | None) -> dict[str, Any] | None:
    if tally is None:
        return None
    return {
        "failed": part(tally.failed + tally.moved, tally.calls),
        "shed": part(tally.shed, tally.requests),
        "first_token_ms_p50": tally.first_token_p50,
        "first_token_ms_p95": tally.first_token_p95,
    }


def _see_without_postgres(request: HttpRequest) -> None:
    """Show a reader who is signed in the page of one who is not, where Postgres cannot say who they are."""
    try:
        bool(request.user.is_authenticated)
    except DatabaseError:
        request.user = AnonymousUser()
        if hasattr(request, "_messages"):
            del request._messages  # noqa: SLF001 - they are read from the session
