"""A mail when a balance is low: once each time that it falls below what its owner set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.urls import reverse

from billing.alerts import READERS
from billing.models import Balance, BalanceAlert

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User, Workspace

log = structlog.get_logger(__name__)


def put(workspace: Workspace, below_nanos: int, *, by: User, at: datetime) -> None:
    """Set below what to tell, or with 0 to tell no more. Whoever is below it already sees so, and is not told."""
    if below_nanos:
        BalanceAlert.objects.update_or_create(
            workspace=workspace, defaults={"below_nanos": below_nanos, "told_at": None}
        )
        _low(BalanceAlert.objects.filter(workspace=workspace)).update(told_at=at)
    else:
        BalanceAlert.objects.filter(workspace=workspace).delete()
    log.info("balance_alert.set", workspace=str(workspace.id), user=by.pk, nanos=below_nanos)


def below(workspace: Workspace) -> int:
    """Return below what is told; 0: never."""
    return BalanceAlert.objects.filter(workspace=workspace).values_list("below_nanos", flat=True).first() or 0


def tell(now: datetime) -> int:
    """Send what is to be told and was not; return how many mails went out. Safe to repeat, and beside another run."""
    told = BalanceAlert.objects.exclude(told_at=None)
    _with_spendable(told).filter(spendable__gte=F("below_nanos")).update(told_at=None)
    due = _low(BalanceAlert.objects.filter(told_at=None))
    return sum(_tell(workspace, now) for workspace in list(due.values_list("workspace", flat=True)))


def _tell(workspace: Any, now: datetime) -> bool:
    """Send one mail and note it; False where another run was first, nobody is to read it, or it cannot be sent."""
    try:
        with transaction.atomic():
            locked = BalanceAlert.objects.select_for_update().filter(workspace=workspace, told_at=None).first()
            if locked is None:
                return False
            alert = _low(BalanceAlert.objects.filter(workspace=workspace)).select_related("workspace").first()
            if alert is None or not _mail(alert).send():
                return False
            BalanceAlert.objects.filter(workspace=workspace).update(told_at=now)
    except OSError as error:  # the mail server: it is not noted, and the next run tries again
        log.warning("balance_alert.not_sent", workspace=str(workspace), error=type(error).__name__)
        return False
    return True


def _with_spendable(alerts: QuerySet[Any]) -> QuerySet[Any]:
    balance = Balance.objects.filter(workspace=OuterRef("workspace"))
    spendable = Subquery(balance.values_list(F("nanos") + F("credit_line_nanos")), output_field=BigIntegerField())
    result: QuerySet[Any] = alerts.annotate(spendable=Coalesce(spendable, Value(0)))
    return result


def _low(alerts: QuerySet[Any]) -> QuerySet[Any]:
    return _with_spendable(alerts).filter(spendable__lt=F("below_nanos"))


def _mail(alert: Any) -> EmailMessage:
    readers = alert.workspace.memberships.filter(role__in=READERS, user__is_active=True)
    context = {
        "alert": alert,
        "workspace": alert.workspace,
        "billing": settings.PYLO_PUBLIC_URL + reverse("billing"),
        "budgets": settings.PYLO_PUBLIC_URL + reverse("budgets"),
    }
    subject = " ".join(render_to_string("billing/email/balance_subject.txt", context).split())
    text = render_to_string("billing/email/balance_message.txt", context)
    return EmailMessage(subject, text, to=list(readers.order_by("id").values_list("user__email", flat=True)))
