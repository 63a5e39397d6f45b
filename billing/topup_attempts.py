"""What a payment says about the automatic top-up it belongs to. Within the transaction that settles the payment."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import F

from billing.models import AutoTopUp, TopUpAttempt
from billing.payments.provider import State

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace
    from billing.payments.provider import Paid

MOST_DECLINES = 3  # in a row; then it is off until somebody switches it on
Status = TopUpAttempt.Status


def close(paid: Paid, workspace: Workspace, at: datetime) -> None:
    """End the attempt, or let it wait for its holder's bank. What succeeded stays so."""
    attempt = _attempt(paid, workspace)
    if attempt is None or attempt.status == Status.SUCCEEDED:
        return
    if paid.state is State.SUCCEEDED:
        _end(attempt, Status.SUCCEEDED, at, payment_intent=paid.payment_intent)
        AutoTopUp.objects.filter(workspace=workspace).update(declines=0)
    elif attempt.status == Status.PENDING and paid.state is State.NEEDS_AUTHENTICATION:
        _end(attempt, Status.NEEDS_AUTHENTICATION, None, payment_intent=paid.payment_intent, decline=paid.decline)
    elif attempt.status == Status.PENDING and paid.state is State.FAILED:
        _decline(attempt, paid.decline, at, payment_intent=paid.payment_intent)


def close_unknown_card(attempt_id: UUID, at: datetime) -> None:
    """End an attempt whose card is gone at the provider's, unless it ended meanwhile."""
    attempt = TopUpAttempt.objects.select_for_update().filter(id=attempt_id, status=Status.PENDING).first()
    if attempt is not None:
        _decline(attempt, "no_such_card", at)


def _decline(attempt: TopUpAttempt, why: str, at: datetime, *, payment_intent: str = "") -> None:
    """End an attempt that charged nothing; the third in a row switches automatic top-ups off."""
    _end(attempt, Status.DECLINED, at, payment_intent=payment_intent, decline=why)
    orders = AutoTopUp.objects.filter(workspace=attempt.workspace_id)
    orders.update(declines=F("declines") + 1)
    orders.filter(enabled=True, declines__gte=MOST_DECLINES).update(enabled=False, switched_off_at=at, told_at=None)


def _end(attempt: TopUpAttempt, status: Status, at: datetime | None, *, payment_intent: str, decline: str = "") -> None:
    attempt.status, attempt.ended_at = status, at
    attempt.payment_intent, attempt.decline = payment_intent, decline[:80]
    attempt.save()


def _attempt(paid: Paid, workspace: Workspace) -> TopUpAttempt | None:
    try:
        mine = TopUpAttempt.objects.filter(id=UUID(paid.order.attempt), workspace=workspace)
    except ValueError:
        return None
    return mine.select_for_update().first()
