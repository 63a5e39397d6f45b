"""Which issued invoices are paid. Whatever is put on a balance pays its debt, the oldest invoice first.

What an invoice does not find on the balance stays there as a debt, so an invoice is paid when no part of the debt is
left for it: by a payment of it, by credit that was added, or by what a credit note took back.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum

from accounts.models import Workspace
from billing import drafting, ledger
from billing.models import CreditNote, Invoice, Payment, Refund
from billing.money import NANOS_PER_CENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID


FINALISED, PAID = Invoice.Status.FINALISED, Invoice.Status.PAID


def left(owed: Sequence[int], debt: int) -> list[int]:
    """Spread a debt over what is owed on invoices, oldest first: what was paid paid the oldest, the newest are left."""
    parts = []
    for each in reversed(owed):
        part = min(max(each, 0), debt)
        debt -= part
        parts.append(part)
    return parts[::-1]


def payable_cents(invoice: Invoice) -> int:
    """Return what is still to be paid of an invoice: its part of the debt, never more than is owed on it."""
    if not invoice.due_cents:
        return 0
    return dict(_parts(invoice.workspace)).get(invoice.pk, 0)


def settle(workspace: Workspace, at: datetime) -> int:
    """Mark the workspace's invoices that are paid by now; return how many. The caller holds the workspace's lock."""
    if not Invoice.objects.filter(workspace=workspace, status=FINALISED).exists():
        return 0
    done = [pk for pk, cents in _parts(workspace) if not cents]
    return Invoice.objects.filter(pk__in=done, status=FINALISED).update(status=PAID, settled_at=at)


def settle_all(at: datetime) -> int:
    """Mark whatever was paid by credit that no payment brought."""
    due = Workspace.objects.filter(id__in=Invoice.objects.filter(status=FINALISED).values("workspace"))
    done = 0
    for workspace in due:
        with transaction.atomic():
            ledger.lock([workspace.id])
            done += settle(workspace, at)
    return done


def _parts(workspace: Workspace) -> list[tuple[UUID, int]]:
    """Return the part of the workspace's debt that is left on each of its invoices, but for void ones."""
    every = Invoice.objects.filter(workspace=workspace).exclude(status=Invoice.Status.VOID).order_by("period_end")
    due = [invoice for invoice in every.defer("pdf", "seller", "buyer") if invoice.due_cents]
    if not due:
        return []
    debt = max(0, -(drafting.credit_left(workspace) // NANOS_PER_CENT))
    since = _paid_since(due)
    parts = left([invoice.due_cents - since[invoice.pk] for invoice in due], debt)
    return [(invoice.pk, cents) for invoice, cents in zip(due, parts, strict=True)]


def _paid_since(invoices: Sequence[Invoice]) -> Counter[UUID]:
    """Return the cents that were paid for each since it was issued, and taken back of it."""
    payments = Payment.objects.filter(invoice__in=invoices, status=Payment.Status.SUCCEEDED)
    refunds = Refund.objects.filter(payment__in=payments, status=Refund.Status.DONE)
    notes = CreditNote.objects.filter(invoice__in=invoices)
    since: Counter[UUID] = Counter()
    since.update(dict(payments.values_list("invoice").annotate(Sum("amount_cents"))))
    since.subtract(dict(refunds.values_list("payment__invoice").annotate(Sum("amount_cents"))))
    since.update(dict(notes.values_list("invoice").annotate(taken=Sum("cents") + Sum("tax_cents"))))
    return since
