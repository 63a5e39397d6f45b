"""Invoices made final: numbered without gaps, printed, their records marked, all in one transaction and never again."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import OperationalError, transaction

from accounts.models import Workspace
from billing import documents, drafting, ledger, money, numbering, receipt_trees, unbilled
from billing.buyers import buyer
from billing.errors import BillingError
from billing.models import Invoice, InvoiceLine, InvoiceMail, Posting, RequestRecord
from billing.periods import month_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.buyers import Buyer
    from billing.drafting import Draft

log = structlog.get_logger(__name__)

GRACE = timedelta(hours=24)  # for records that a gateway still holds in its journal when the month ends


class NothingToInvoice(BillingError):  # noqa: N818 - reads as what it is
    """No request of the period was charged."""


class NotYet(BillingError):  # noqa: N818 - reads as what it is
    """The period has not ended."""


class AlreadyInvoiced(BillingError):  # noqa: N818 - reads as what it is
    """An invoice beyond that moment was issued."""


class DoesNotAddUp(BillingError):  # noqa: N818 - reads as what it is
    """Lines and records disagree. Nothing is issued before somebody looked."""


def draft(workspace: Workspace, now: datetime) -> Draft:
    """Return what an invoice issued now would say."""
    return drafting.current(workspace, now, buyer(workspace).tax)


def issue(*, workspace: Workspace, until: datetime, now: datetime) -> Invoice:
    """Invoice all that is not invoiced yet and was admitted before `until`.

    Done before for the same `until`, it returns the invoice there is. `ledger.append` locks the same row first, so the
    set of records stands still from the sum to the mark.
    """
    with transaction.atomic():
        ledger.lock([workspace.id])
        done = Invoice.objects.filter(workspace=workspace, period_end__gte=until).order_by("period_end").first()
        if done is not None:
            if done.period_end > until:
                raise AlreadyInvoiced(f"{done.number} reaches beyond {until:%Y-%m-%d %H:%M:%S} UTC")
            return done
        if until > now:
            raise NotYet(f"{until:%Y-%m-%d %H:%M:%S} UTC is still to come")
        to = buyer(workspace)
        final = drafting.draft(workspace, until, to.tax)
        if not final.usage_nanos:
            raise NothingToInvoice(f"nothing of {workspace.id} was charged before {until:%Y-%m-%d %H:%M:%S} UTC")
        return _finalise(final, to, now)


def issue_month(now: datetime) -> int:
    """Invoice last month to every workspace that still has usage of it, once the grace is over; return how many."""
    until = month_before(now).end
    if now < until + GRACE:
        return 0
    due = RequestRecord.objects.filter(invoice=None, admitted_at__lt=until, cost_nanos__gt=0).order_by()
    ahead = Invoice.objects.filter(period_end__gte=until)  # their late records come with the next invoice
    issued = 0
    for workspace in Workspace.objects.filter(id__in=due.values("workspace")).exclude(id__in=ahead.values("workspace")):
        try:
            invoice = issue(workspace=workspace, until=until, now=now)
        except BillingError as error:
            log.error("invoice_refused", workspace=str(workspace.id), reason=str(error))  # noqa: TRY400 - it says why
        except OperationalError:
            raise  # Postgres itself: the next run goes on
        except Exception:  # one workspace's trouble must not hold up the others
            log.exception("invoice_broke", workspace=str(workspace.id))
        else:
            issued += 1
            log.info("invoice_issued", workspace=str(workspace.id), number=invoice.number)
    return issued


def _finalise(final: Draft, to: Buyer, now: datetime) -> Invoice:
    if sum(line.exact_nanos for line in final.lines) != final.usage_nanos:
        raise DoesNotAddUp(f"the lines of {final.workspace.id} are not the sum of its records")
    receipts = receipt_trees.tree(receipt_trees.facts_of(drafting.records_of(final.workspace, final.period_end)))
    invoice = Invoice(
        workspace=final.workspace,
        number=numbering.following(numbering.INVOICE, now),
        period_start=final.period_start,
        period_end=final.period_end,
        issued_at=now,
        seller=_seller(),
        buyer=to.snapshot(),
        requests=final.requests,
        free_requests=final.free_requests,
        waived_nanos=final.waived_nanos,
        usage_nanos=final.usage_nanos,
        total_cents=final.total_cents,
        tax_name=final.tax.name,
        tax_rate_ppm=final.tax.rate_ppm,
        tax_cents=final.tax_cents,
        tax_note=final.tax.note,
        credit_cents=final.credit_cents,
        merkle_root=receipts.root.hex(),
    )
    if not invoice.due_cents:
        invoice.status, invoice.settled_at = Invoice.Status.PAID, now
    lines = _lines(invoice, final)
    paper = documents.paper(invoice, lines, url=f"{settings.PYLO_PUBLIC_URL}/invoices/{invoice.number}/")
    invoice.pdf = documents.pdf(paper, issued_at=now)
    invoice.pdf_sha256 = sha256(invoice.pdf).hexdigest()
    invoice.save()
    receipt_trees.keep(invoice, receipts)
    InvoiceLine.objects.bulk_create(lines)
    marked = drafting.records_of(final.workspace, final.period_end).update(invoice=invoice)
    unbilled.recount(final.workspace.id)
    _charge_tax(invoice, now)
    InvoiceMail.objects.create(invoice=invoice)
    if not marked == final.requests == receipts.leaves:
        raise DoesNotAddUp(f"{marked} records were marked for {invoice.number}, and {final.requests} summed")
    return invoice


def _lines(invoice: Invoice, final: Draft) -> Sequence[InvoiceLine]:
    return [
        InvoiceLine(
            invoice=invoice,
            position=position,
            item=line.item,
            late_month=line.late_month,
            model=line.model,
            tokens=line.tokens,
            unit_nanos=line.unit_nanos,
            exact_nanos=line.exact_nanos,
            carried_in_nanos=line.carried_in_nanos,
            cents=line.cents,
            carried_out_nanos=line.carried_out_nanos,
        )
        for position, line in enumerate(final.lines, start=1)
    ]


def _charge_tax(invoice: Invoice, now: datetime) -> None:
    """Take the tax off the balance, as its usage was before; what is not there is due."""
    if invoice.tax_cents:
        ledger.credit(
            workspace=invoice.workspace,
            kind=Posting.Kind.TAX,
            nanos=-invoice.tax_cents * money.NANOS_PER_CENT,
            key=f"tax:{invoice.number}",
            note=f"{invoice.tax_name} of invoice {invoice.number}",
            at=now,
        )


def _seller() -> dict[str, Any]:
    """Take a snapshot, as `documents` prints it: the settings may change, the invoice does not."""
    return {
        "name": settings.PYLO_SELLER_NAME,
        "address": [line.strip() for line in settings.PYLO_SELLER_ADDRESS.split(";") if line.strip()],
        "tax_id": settings.PYLO_SELLER_TAX_ID,
    }
