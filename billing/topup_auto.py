"""Topping up by itself: when a balance falls below its threshold, the saved card is charged, once and within bounds.

Never on the request path: a task looks every few seconds. A `TopUpAttempt` is written before the provider is asked, and
its id is the idempotency key: what dies in between is asked about again, and neither lost nor doubled.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Sum

from billing import topup, topup_attempts
from billing.errors import BillingError
from billing.models import AutoTopUp, Balance, TopUpAttempt
from billing.money import NANOS_PER_CENT
from billing.payments import customers
from billing.payments.provider import NoSuchPayment, Order, ProviderAway, Purpose

if TYPE_CHECKING:
    from uuid import UUID

    from billing.payments.provider import Paid, Provider

Status = TopUpAttempt.Status
AFTER_DECLINE = timedelta(hours=1)  # a card that was declined is left alone for so long
ABANDONED = timedelta(minutes=2)  # longer than any call: whoever started the attempt is gone
SAFE_KEY = timedelta(hours=20)  # Stripe knows an idempotency key for a day
LAPSES = timedelta(hours=24)  # a wait for the holder's bank
CLOCKS = timedelta(minutes=5)  # the provider's may differ from ours

log = structlog.stdlib.get_logger(__name__)


def run(provider: Provider, at: datetime) -> int:
    """Heal what was left, then top up every workspace that is due; return how many charges were tried."""
    heal(provider, at)
    return sum(top_up(workspace, provider=provider, at=at) is not None for workspace in due(at))


def due(at: datetime) -> list[UUID]:
    """Return the workspaces below their thresholds; `top_up` looks again, behind a lock."""
    running = TopUpAttempt.objects.filter(workspace=OuterRef("workspace"), status__in=TopUpAttempt.OPEN)
    resting = TopUpAttempt.objects.filter(
        workspace=OuterRef("workspace"), status=Status.DECLINED, ended_at__gt=at - AFTER_DECLINE
    )
    found = AutoTopUp.objects.filter(
        ~Exists(running),
        ~Exists(resting),
        enabled=True,
        workspace__suspended_at=None,
        workspace__balance__nanos__lt=F("below_cents") * NANOS_PER_CENT,
    )
    return list(found.order_by("workspace_id").values_list("workspace_id", flat=True))


def top_up(workspace_id: UUID, *, provider: Provider, at: datetime) -> TopUpAttempt | None:
    """Charge once if it is due; however many do this at once, one charges. None: there was nothing to do."""
    attempt = _start(workspace_id, at)
    if attempt is not None:
        _charge(attempt, provider, at)
    return attempt


def heal(provider: Provider, at: datetime) -> None:
    """End the attempts whose process died between the charge and the credit: the provider knows what became of them."""
    left = TopUpAttempt.objects.filter(status=Status.PENDING, started_at__lt=at - ABANDONED)
    for attempt in left.select_related("workspace"):
        try:
            _heal(attempt, provider, at)
        except BillingError as error:
            log.warning("automatic top-up not healed", attempt=str(attempt.id), reason=str(error))
    lapsed = TopUpAttempt.objects.filter(status=Status.NEEDS_AUTHENTICATION, started_at__lt=at - LAPSES)
    lapsed.update(status=Status.LAPSED, ended_at=at)


def _start(workspace_id: UUID, at: datetime) -> TopUpAttempt | None:
    """Write the attempt down, if the balance, the bounds and every other attempt allow it."""
    try:
        with transaction.atomic():
            order = AutoTopUp.objects.select_for_update().filter(workspace_id=workspace_id, enabled=True).first()
            if order is None or not order.card or not _is_due(order, at):
                return None
            return TopUpAttempt.objects.create(
                workspace_id=workspace_id, amount_cents=order.add_cents, card=order.card, started_at=at
            )
    except IntegrityError:  # another one is open: `top_up_one_at_a_time`
        return None


def _is_due(order: AutoTopUp, at: datetime) -> bool:
    balance = Balance.objects.filter(workspace_id=order.workspace_id).values_list("nanos", flat=True).first() or 0
    attempts = TopUpAttempt.objects.filter(workspace_id=order.workspace_id)
    if balance >= order.below_cents * NANOS_PER_CENT or attempts.filter(status__in=TopUpAttempt.OPEN).exists():
        return False
    if attempts.filter(status=Status.DECLINED, ended_at__gt=at - AFTER_DECLINE).exists():
        return False
    today = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    if attempts.filter(started_at__gte=today).count() >= order.most_a_day:
        return False
    this_month = attempts.filter(started_at__gte=today.replace(day=1), status=Status.SUCCEEDED)
    charged = this_month.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return bool(charged + order.add_cents <= order.most_cents_a_month)


def _charge(attempt: TopUpAttempt, provider: Provider, at: datetime) -> None:
    """Charge and credit. Where the provider cannot say, the attempt stays open, and `heal` asks again."""
    order = Order(
        workspace=str(attempt.workspace_id),
        amount_cents=attempt.amount_cents,
        purpose=Purpose.AUTO_TOP_UP,
        attempt=str(attempt.id),
    )
    try:
        customer = customers.of(attempt.workspace, provider)
        paid = provider.charge(order, customer=customer, card=attempt.card, key=str(attempt.id))
    except ProviderAway as error:
        log.warning("automatic top-up not known", attempt=str(attempt.id), reason=str(error))
    except NoSuchPayment:
        with transaction.atomic():
            topup_attempts.close_unknown_card(attempt.id, at)
    else:
        topup.settle(paid, provider=provider.name, at=at)


def _heal(attempt: TopUpAttempt, provider: Provider, at: datetime) -> None:
    paid = _found(attempt, provider)
    if paid is not None:
        topup.settle(paid, provider=provider.name, at=at)
        return
    wanted = AutoTopUp.objects.filter(workspace=attempt.workspace_id, enabled=True).exists()
    if wanted and attempt.started_at > at - SAFE_KEY:
        _charge(attempt, provider, at)
    else:
        TopUpAttempt.objects.filter(id=attempt.id, status=Status.PENDING).update(status=Status.LAPSED, ended_at=at)


def _found(attempt: TopUpAttempt, provider: Provider) -> Paid | None:
    """Return what the provider has of an attempt; None when it never heard of it."""
    customer = customers.of(attempt.workspace, provider)
    try:
        for paid in provider.payments(since=attempt.started_at - CLOCKS, customer=customer):
            if paid.order.attempt == str(attempt.id):
                return paid
    except NoSuchPayment:  # the customer was removed at the provider's
        return None
    return None
