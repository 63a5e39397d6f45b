"""A payment becomes credit, once, whoever tells first: the provider's webhook or the payer's browser coming back.

`settle` takes a payment as the provider knows it now and does all that follows from it, in one transaction. No mark is
left that an event was seen: what failed is done by the next try, and what was done is found done (rule 19).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from accounts.models import Workspace
from billing import dues, ledger, topup_attempts
from billing.errors import BillingError
from billing.models import Invoice, Payment, Posting, Refund
from billing.money import NANOS_PER_CENT
from billing.payments.provider import CURRENCY, Purpose, State

if TYPE_CHECKING:
    from datetime import datetime

    from billing.payments.provider import Paid, Provider, Refunded

log = structlog.stdlib.get_logger(__name__)


class UnknownPayer(BillingError):  # noqa: N818 - reads as what it is
    """The payment is of no workspace or invoice of ours, or in another currency: somebody must look."""


def settle(paid: Paid, *, provider: str, at: datetime) -> bool:
    """Follow the provider's state of a payment; say whether this call credited it. Any repeat is harmless."""
    if paid.state is State.PENDING:
        return False
    with transaction.atomic():
        workspace = _payer(paid)
        ledger.lock([workspace.id])  # what is told of one workspace's payments at once is followed one by one
        payment = _follow(paid, workspace, provider, at)
        credited = paid.state is State.SUCCEEDED and _credit(payment, at)
        for refunded in paid.refunds:
            _follow_refund(payment, refunded, at)
        if credited:
            dues.settle(workspace, at)
        if paid.order.attempt:
            topup_attempts.close(paid, workspace, at)
    return credited


def catch_up(provider: Provider, *, since: datetime, at: datetime) -> int:
    """Settle every payment since then, whatever webhook was lost; return how many were credited by it."""
    credited = 0
    for paid in provider.payments(since=since):
        if not paid.order.workspace:
            continue  # not ours: another program charges through the same account
        try:
            credited += settle(paid, provider=provider.name, at=at)
        except UnknownPayer as error:
            log.error("unknown payer", reason=str(error))  # noqa: TRY400 - expected, no traceback
    if credited:
        log.warning("payments were credited late", count=credited)
    return credited


def _payer(paid: Paid) -> Workspace:
    if paid.currency != CURRENCY:
        raise UnknownPayer(f"{paid.payment_intent} is in {paid.currency[:8]}")
    try:
        return Workspace.objects.get(id=UUID(paid.order.workspace))
    except (ValueError, Workspace.DoesNotExist):
        raise UnknownPayer(f"{paid.payment_intent} is of no workspace") from None


def _follow(paid: Paid, workspace: Workspace, provider: str, at: datetime) -> Payment:
    """Write the payment down, or what became of it."""
    news = {"status": paid.state.value, "decline": paid.decline[:80], "receipt_url": paid.receipt_url[:500]}
    facts = {
        "provider": provider,
        "workspace": workspace,
        "purpose": paid.order.purpose.value,
        "amount_cents": paid.order.amount_cents,
        "invoice": _invoice(paid, workspace),
        "created_at": at,
        "updated_at": at,
    }
    payment, made = Payment.objects.get_or_create(payment_intent=paid.payment_intent, defaults=facts | news)
    if not made:
        if payment.workspace_id != workspace.id:
            raise UnknownPayer(f"{paid.payment_intent} was another workspace's")
        # An older answer that comes in late takes nothing back.
        moving = Payment.objects.filter(~Q(status=Payment.Status.SUCCEEDED), id=payment.id)
        moving.exclude(status=news["status"]).update(**news, updated_at=at)
    return payment


def _invoice(paid: Paid, workspace: Workspace) -> Invoice | None:
    if paid.order.purpose is not Purpose.INVOICE:
        return None
    try:
        return Invoice.objects.get(id=UUID(paid.order.invoice), workspace=workspace)
    except (ValueError, Invoice.DoesNotExist):
        raise UnknownPayer(f"{paid.payment_intent} is for no invoice of its workspace") from None


def _credit(payment: Payment, at: datetime) -> bool:
    """Post what was paid, by the id of the payment. An invoice is not edited: its payments tell what is paid."""
    if payment.invoice is not None:
        kind, key, note = Posting.Kind.PAYMENT, f"payment:{payment.payment_intent}", f"Invoice {payment.invoice.number}"
    else:
        note = "Auto top-up" if payment.purpose == Payment.Purpose.AUTO_TOP_UP else "Credit added"
        kind, key = Posting.Kind.TOP_UP, f"topup:{payment.payment_intent}"
    nanos = payment.amount_cents * NANOS_PER_CENT
    return ledger.credit(workspace=payment.workspace, kind=kind, nanos=nanos, key=key, note=note, at=at)


def _follow_refund(payment: Payment, refunded: Refunded, at: datetime) -> None:
    """Take off the balance what was given back, by the id of the refund; put it back if the refund failed."""
    refund = _refund(payment, refunded, at)
    taken = Posting.objects.filter(key=f"refund:{refunded.id}").exists()
    nanos = refunded.amount_cents * NANOS_PER_CENT
    if not refunded.failed and refund.status != Refund.Status.FAILED:
        refund.status = Refund.Status.DONE
        _post_refund(payment, -nanos, f"refund:{refunded.id}", refund.reason or "Refund", at)
    elif refunded.failed:
        refund.status = Refund.Status.FAILED
        if taken:
            _post_refund(payment, nanos, f"refund_failed:{refunded.id}", "A refund failed", at)
    refund.save()


def _post_refund(payment: Payment, nanos: int, key: str, note: str, at: datetime) -> None:
    ledger.credit(workspace=payment.workspace, kind=Posting.Kind.REFUND, nanos=nanos, key=key, note=note, at=at)


def _refund(payment: Payment, refunded: Refunded, at: datetime) -> Refund:
    """Return the row of a refund: by the provider's id, by ours, or a new one for what was made at the provider's."""
    found = Refund.objects.filter(refund_id=refunded.id).first()
    if found is None and refunded.asked:
        try:
            found = payment.refunds.filter(id=UUID(refunded.asked)).first()
        except ValueError:
            found = None
    if found is None:
        found = Refund(payment=payment, amount_cents=refunded.amount_cents, asked_at=at)
    found.refund_id = refunded.id
    return found
