"""The billing page: the balance and how to raise it, the month so far, and every posting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.tenancy import member
from billing import invoicing
from billing import views_filters as asked
from billing.credit_form import OFFERED
from billing.models import AutoTopUp
from billing.payments import chosen
from billing.reports.account import entries, funds
from billing.views_invoices import PAYERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.tenancy import MemberRequest


@require_safe
@member()
def billing_page(request: MemberRequest) -> HttpResponse:
    before = asked.number(request, "before")
    context = {
        "funds": funds(request.workspace),
        "draft": invoicing.draft(request.workspace, timezone.now()),
        "entries": entries(request.workspace, before=before),
        "paging": before is not None,
        "may_pay": request.role in PAYERS,
        "payments": chosen.provider() is not None,
        "auto": AutoTopUp.objects.filter(workspace=request.workspace).first(),
        "offered": OFFERED,
    }
    return render(request, "billing/billing.html", context)
