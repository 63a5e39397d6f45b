"""Invoices: the list with the open period on top, one opened, its documents, and issuing early in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.tenancy import member
from billing import invoicing
from billing.payments import chosen
from billing.payments.provider import LEAST_CENTS
from billing.reports import evidence
from billing.reports import invoices as report
from billing.reports.payments import paid_cents

if TYPE_CHECKING:
    from accounts.tenancy import MemberRequest

PAYERS = (Role.OWNER, Role.ADMIN, Role.BILLING)


@require_safe
@member()
def invoices_page(request: MemberRequest) -> HttpResponse:
    context = {
        "draft": invoicing.draft(request.workspace, timezone.now()),
        "invoices": report.invoices(request.workspace),
        "may_issue": settings.PYLO_SANDBOX and request.role in PAYERS,
    }
    return render(request, "billing/invoices.html", context)


@require_safe
@member()
def invoice_page(request: MemberRequest, number: str) -> HttpResponse:
    statement = report.statement(request.workspace, number)
    if statement is None:
        raise Http404
    may_pay = request.role in PAYERS and chosen.provider() is not None
    rest = statement.payable_cents
    context = {
        "statement": statement,
        "paid_cents": paid_cents(request.workspace, number),
        "payable_cents": rest if may_pay and rest >= LEAST_CENTS else 0,
    }
    return render(request, "billing/invoice.html", context)


@require_safe
@member()
def invoice_pdf(request: MemberRequest, number: str) -> HttpResponse:
    """Send the very bytes that were issued."""
    return _sent(report.pdf(request.workspace, number), number)


@require_safe
@member()
def credit_note_pdf(request: MemberRequest, number: str) -> HttpResponse:
    """Send the very bytes that were issued."""
    return _sent(report.note_pdf(request.workspace, number), number)


def _sent(document: report.Pdf | None, number: str) -> HttpResponse:
    if document is None:
        raise Http404
    headers = {"Content-Disposition": f'inline; filename="{number}.pdf"', "ETag": f'"{document.sha256}"'}
    return HttpResponse(document.content, content_type="application/pdf", headers=headers)


@require_safe
@member()
def invoice_csv(request: MemberRequest, number: str) -> HttpResponse:
    """Send every request of the invoice, as many as there are, without holding them all."""
    records = report.requests(request.workspace, number)
    if records is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{number}-requests.csv"'}
    streamed = StreamingHttpResponse(evidence.chunks(records), content_type="text/csv; charset=utf-8", headers=headers)
    return cast("HttpResponse", streamed)  # an HttpResponseBase is all that Django asks for


@require_POST
@member(*PAYERS)
def invoice_issue(request: MemberRequest) -> HttpResponse:
    """Issue the open period up to now; only where no money is real."""
    if not settings.PYLO_SANDBOX:
        raise Http404
    now = timezone.now()
    try:
        invoice = invoicing.issue(workspace=request.workspace, until=now, now=now)
    except invoicing.NothingToInvoice:
        messages.info(request, "There is nothing to invoice: no request was charged since the last invoice.")
        return redirect("invoices")
    except invoicing.AlreadyInvoiced:  # two clicks at once
        messages.info(request, "An invoice was issued a moment ago.")
        return redirect("invoices")
    messages.success(request, f"Invoice {invoice.number} was issued.")
    return redirect("invoice", invoice.number)
