"""The request log, and one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.tenancy import member
from billing import views_filters as asked
from billing.reports import receipt
from billing.reports import request as one
from billing.reports.requests import Filters, page

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.tenancy import MemberRequest


@require_safe
@member()
def requests_page(request: MemberRequest) -> HttpResponse:
    filters = asked.filters(request)
    context = {
        "page": page(request.workspace, filters, asked.place(request)),
        "filters": filters,
        "filtered": filters != Filters(),
        "outcomes": asked.outcomes(request),
        "keys": asked.keys(request, filters.key),
        "query": {name: request.GET.get(name, "") for name in ("since", "until", "invoice")},
    }
    return render(request, "billing/requests.html", context)


@require_safe
@member()
def request_page(request: MemberRequest, uid: UUID) -> HttpResponse:
    detail = one.detail(request.workspace, uid)
    if detail is None:
        raise Http404
    return render(request, "billing/request.html", {"detail": detail, "receipt": receipt.of(request.workspace, uid)})
