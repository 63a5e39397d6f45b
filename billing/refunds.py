"""Giving money back: never more than what is left of the payment, nor than what was paid and is still unspent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import Sum

from billing import ledger, money, topup
from billing.errors import BillingError
from billing.models import Balance, CreditGrant, Payment, Posting, Refund
from billing.payments.provider import NotRefundable, PaymentError

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace
    from billing.payments.provider import Provider

WINDOW = timedelta(days=14)  # in which who paid may take it back without asking anybody
STALE = timedelta(minutes=2)
CREDIT = (Payment.Purpose.TOP_UP, Payment.Purpose.AUTO_TOP_UP)
PAID_IN = (Posting.Kind.TOP_UP, Posting.Kind.PAYMENT, Posting.Kind.REFUND)
GONE = (Refund.Status.ASKED, Refund.Status.DONE)

log = structlog.stdlib.get_logger(__name__)


class TooMuch(BillingError):  # noqa: N818 - reads as what it is
    """More than what can be given back; `left_cents` says how much can."""

    def __init__(self, left_cents: int) -> None:
        self.left_cents = left_cents
        super().__init__(f"At most {money.cents(left_cents)} can be refunded.")


def left_cents(payment: Payment, unspent_cents: int | None = None) -> int:
    """Return what can be given back of a payment now. `unspent_cents` is told by who asks about many payments."""
    if payment.status != Payment.Status.SUCCEEDED or payment.purpose not in CREDIT:
        return 0
    given = sum(refund.amount_cents for refund in payment.refunds.all() if refund.status in GONE)
    unspent = free_cents(payment.workspace) if unspent_cents is None else unspent_cents
    return max(0, min(payment.amount_cents - given, unspent))


def free_cents(workspace: Workspace) -> int:
    """Return the paid and unspent cents of a balance that no refund on its way has asked for."""
    asked = Refund.objects.filter(payment__workspace=workspace, status=Refund.Status.ASKED)
    on_its_way = asked.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return max(0, money.whole_cents(unspent_nanos(workspace)) - on_its_way)


def within_window(payment: Payment, at: datetime) -> bool:
    return payment.created_at > at - WINDOW


def unspent_nanos(workspace: Workspace) -> int:
    """Return what was paid and is not used; what was given for nothing is never paid out.

    Grants are spent first, so what is left of them is in the balance beside what was paid. An adjustment in the
    customer's favour is not told apart from what was paid: it counts as spent last.
    """
    balance = Balance.objects.filter(workspace=workspace).values_list("nanos", flat=True).first() or 0
    granted = CreditGrant.objects.filter(workspace=workspace, left_nanos__gt=0).aggregate(n=Sum("left_nanos"))["n"] or 0
    posted = Posting.objects.filter(workspace=workspace, kind__in=(*PAID_IN, Posting.Kind.ADJUSTMENT))
    sums: dict[str, int] = dict(posted.values_list("kind").annotate(nanos=Sum("nanos")))
    given = max(0, sums.pop(Posting.Kind.ADJUSTMENT, 0))
    return int(min(sum(sums.values()), balance - granted - given))


def ask(payment: Payment, *, cents: int, by: str, reason: str, provider: Provider, at: datetime) -> Refund:
    """Give `cents` back, through the provider. Raises `TooMuch` or a `PaymentError`; after `ProviderAway` it goes on.

    The row is written before the provider is asked, and its id is the idempotency key: a refund that nobody knows the
    end of is asked for again by `retry`. Requests that run meanwhile may spend what is being given back: a balance can
    fall below zero by what they cost.
    """
    with transaction.atomic():
        ledger.lock([payment.workspace_id])
        left = left_cents(payment)
        if not 0 < cents <= left:
            raise TooMuch(left)
        refund = Refund.objects.create(
            payment=payment, amount_cents=cents, status=Refund.Status.ASKED, reason=reason, asked_by=by, asked_at=at
        )
    _give(refund, provider, at)
    refund.refresh_from_db()
    return refund


def retry(provider: Provider, at: datetime) -> None:
    """Go on with refunds whose asker died, or could not reach the provider."""
    stale = Refund.objects.filter(status=Refund.Status.ASKED, asked_at__lt=at - STALE, payment__provider=provider.name)
    for refund in stale.select_related("payment"):
        try:
            known = provider.payment(refund.payment.payment_intent)
            if not any(each.asked == str(refund.id) for each in known.refunds):
                _give(refund, provider, at)
            else:
                topup.settle(known, provider=provider.name, at=at)
        except PaymentError as error:
            log.warning("refund not done", refund=str(refund.id), reason=str(error))


def _give(refund: Refund, provider: Provider, at: datetime) -> None:
    payment_intent = refund.payment.payment_intent
    try:
        provider.refund(payment_intent, amount_cents=refund.amount_cents, asked=str(refund.id))
    except NotRefundable:
        Refund.objects.filter(id=refund.id, status=Refund.Status.ASKED).update(status=Refund.Status.FAILED)
        raise
    topup.settle(provider.payment(payment_intent), provider=provider.name, at=at)
