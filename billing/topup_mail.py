"""Mail about automatic top-ups: the bank wants its holder, or three declines switched them off. Sent, then marked."""

from __future__ import annotations

from smtplib import SMTPException
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Membership, Role
from billing import money
from billing.models import AutoTopUp, TopUpAttempt

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

READERS = (Role.OWNER, Role.ADMIN, Role.BILLING)
log = structlog.stdlib.get_logger(__name__)


def send(at: datetime) -> int:
    """Send what was not sent yet and return how many mails it were. A mail may come twice, and is never lost."""
    sent = 0
    waiting = TopUpAttempt.objects.filter(status=TopUpAttempt.Status.NEEDS_AUTHENTICATION, told_at=None)
    for attempt_id in list(waiting.values_list("id", flat=True)):
        with transaction.atomic():
            attempt = waiting.select_for_update(skip_locked=True).filter(id=attempt_id).first()
            sent += attempt is not None and _ask_holder(attempt, at)
    off = AutoTopUp.objects.filter(enabled=False, switched_off_at__isnull=False, told_at=None)
    for workspace_id in list(off.values_list("workspace_id", flat=True)):
        with transaction.atomic():
            order = off.select_for_update(skip_locked=True).filter(workspace_id=workspace_id).first()
            sent += order is not None and _tell_off(order, at)
    return sent


def _ask_holder(attempt: TopUpAttempt, at: datetime) -> bool:
    amount = money.cents(attempt.amount_cents)
    link = settings.PYLO_PUBLIC_URL + reverse("auto_top_up_finish", args=[attempt.id])
    told = _mail("ask", f"Confirm the top-up of {amount}", attempt.workspace_id, {"amount": amount, "link": link})
    if told:
        TopUpAttempt.objects.filter(id=attempt.id).update(told_at=at)
    return told


def _tell_off(order: AutoTopUp, at: datetime) -> bool:
    link = settings.PYLO_PUBLIC_URL + reverse("auto_top_up")
    about = {"card": order.card_label, "declines": order.declines, "link": link}
    told = _mail("off", "Auto top-up was switched off", order.workspace_id, about)
    if told:
        AutoTopUp.objects.filter(workspace=order.workspace_id).update(told_at=at)
    return told


def _mail(name: str, subject: str, workspace: UUID, about: dict[str, object]) -> bool:
    """Send one mail to everybody who may pay; False: the mail server did not take it."""
    readers = Membership.objects.filter(workspace=workspace, role__in=READERS, user__is_active=True)
    to = list(readers.order_by("id").values_list("user__email", flat=True))
    try:
        send_mail(subject, render_to_string(f"billing/email/top_up_{name}.txt", about), None, to)
    except (OSError, SMTPException) as error:
        log.warning("mail about a top-up not sent", mail=name, reason=type(error).__name__)
        return False
    return True
