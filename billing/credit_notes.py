"""Credit notes: what is taken back of an issued invoice goes onto the balance, once, with a document and a number."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum

from billing import documents, dues, ledger, money, numbering
from billing.errors import BillingError
from billing.models import Account, CreditNote, Invoice, Posting
from billing.money import NANOS_PER_CENT
from billing.postings import Side

if TYPE_CHECKING:
    from datetime import datetime


class TooMuch(BillingError):  # noqa: N818 - reads as what it is
    """More than what is left of the invoice; `left_cents` says how much is, before tax."""

    def __init__(self, left_cents: int) -> None:
        self.left_cents = left_cents
        super().__init__(f"At most {money.cents(left_cents)} before tax is left of the invoice.")


class NotVoidable(BillingError):  # noqa: N818 - reads as what it is
    """It was paid, or is void already."""


def left_cents(invoice: Invoice) -> int:
    """Return what no credit note has taken back yet, before tax."""
    noted = CreditNote.objects.filter(invoice=invoice).aggregate(cents=Sum("cents", default=0))["cents"]
    return invoice.total_cents - int(noted)


def issue(invoice: Invoice, *, cents: int, reason: str, by: str, now: datetime) -> CreditNote:
    """Take back so many cents of the invoice's subtotal, and their tax. Raises `TooMuch`; nothing is written then."""
    with transaction.atomic():
        ledger.lock([invoice.workspace_id])
        left = left_cents(invoice)
        if not 0 < cents <= left:
            raise TooMuch(left)
        note = CreditNote(
            invoice=invoice,
            workspace=invoice.workspace,
            number=numbering.following(numbering.CREDIT_NOTE, now),
            issued_at=now,
            reason=reason,
            cents=cents,
            tax_cents=_tax_cents(invoice, cents, left),
            by=by,
        )
        note.pdf = documents.pdf(documents.note(note), issued_at=now)
        note.pdf_sha256 = sha256(note.pdf).hexdigest()
        note.save()
        _post(note, now)
        dues.settle(invoice.workspace, now)
    return note


def void(invoice: Invoice, *, reason: str, by: str, now: datetime) -> CreditNote:
    """Take back all that is left of an invoice that nobody paid, and let nothing be due on it."""
    with transaction.atomic():
        ledger.lock([invoice.workspace_id])
        unpaid = Invoice.objects.filter(pk=invoice.pk, status=Invoice.Status.FINALISED)
        if not unpaid.update(status=Invoice.Status.VOID, settled_at=now):
            raise NotVoidable(f"Invoice {invoice.number} is not due: give a credit note of what is wrong with it.")
        return issue(invoice, cents=left_cents(invoice), reason=reason, by=by, now=now)


def _tax_cents(invoice: Invoice, cents: int, left: int) -> int:
    """Return the tax of so much, so that the taxes of all parts are the tax of the whole."""
    before = invoice.total_cents - left
    rate = invoice.tax_rate_ppm
    return money.share(before + cents, rate) - money.share(before, rate)


def _post(note: CreditNote, now: datetime) -> None:
    net, tax = note.cents * NANOS_PER_CENT, note.tax_cents * NANOS_PER_CENT
    sides = [Side(Account.CUSTOMER_PAID, net + tax), Side(Account.REFUNDS, -net)]
    if tax:
        sides.append(Side(Account.TAX, -tax))
    ledger.post(
        workspace=note.workspace,
        kind=Posting.Kind.CREDIT_NOTE,
        key=f"credit_note:{note.number}",
        at=now,
        sides=sides,
        note=f"Credit note {note.number} for invoice {note.invoice.number}",
    )
