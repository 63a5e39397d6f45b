"""A workspace's payments, each with what was given back of it and what still can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum

from billing import refunds
from billing.models import Payment, Refund

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace

PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A payment as a line of the list. `left_cents` can be taken back now by who paid; 0 where the time is over."""

    payment_intent: str
    created_at: datetime
    purpose: str
    invoice_number: str
    amount_cents: int
    status: str
    status_label: str
    refunded_cents: int
    asked_cents: int
    left_cents: int
    receipt_url: str


def payments(workspace: Workspace, *, at: datetime, size: int = PAGE) -> tuple[Row, ...]:
    """Return the newest payments."""
    found = Payment.objects.filter(workspace=workspace).select_related("workspace", "invoice")
    unspent = refunds.free_cents(workspace)
    newest = found.prefetch_related("refunds").order_by("-created_at", "-id")[:size]
    return tuple(_row(each, at, unspent) for each in newest)


def payment(workspace: Workspace, payment_intent: str) -> Payment | None:
    return Payment.objects.filter(workspace=workspace, payment_intent=payment_intent).first()


def paid_cents(workspace: Workspace, number: str) -> int:
    """Return what was paid of an invoice beside its balance. Two who pay at once pay twice, and have credit."""
    mine = Payment.objects.filter(workspace=workspace, invoice__number=number, status=Payment.Status.SUCCEEDED)
    paid = int(mine.aggregate(cents=Sum("amount_cents"))["cents"] or 0)
    if not paid:
        return 0
    given_back = Refund.objects.filter(payment__in=mine, status=Refund.Status.DONE)
    return paid - int(given_back.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def _row(each: Payment, at: datetime, unspent_cents: int) -> Row:
    given = dict.fromkeys(Refund.Status, 0)
    for refund in each.refunds.all():
        given[Refund.Status(refund.status)] += refund.amount_cents
    return Row(
        payment_intent=each.payment_intent,
        created_at=each.created_at,
        purpose=Payment.Purpose(each.purpose).label,
        invoice_number=each.invoice.number if each.invoice else "",
        amount_cents=each.amount_cents,
        status=each.status,
        status_label=Payment.Status(each.status).label,
        refunded_cents=given[Refund.Status.DONE],
        asked_cents=given[Refund.Status.ASKED],
        left_cents=refunds.left_cents(each, unspent_cents) if refunds.within_window(each, at) else 0,
        receipt_url=each.receipt_url,
    )
