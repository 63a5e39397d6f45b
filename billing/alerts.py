"""Mails at 50, 80 and 100 % of a budget: each once in a period, to those who may pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Role
from billing import budgets
from billing.models import Budget, BudgetAlert

if TYPE_CHECKING:
    from datetime import datetime

    from billing.budgets import Standing

log = structlog.get_logger(__name__)

PERCENTS = (50, 80, 100)
READERS = (Role.OWNER, Role.ADMIN, Role.BILLING)


def tell(now: datetime) -> int:
    """Send what is to be told and was not; return how many mails went out. Safe to repeat, and beside another run."""
    reached = [each for each in budgets.standings(Budget.objects.all(), now) if each.percent >= PERCENTS[0]]
    told = set(
        BudgetAlert.objects.filter(budget__in=[each.budget for each in reached]).values_list(
            "budget", "starts_on", "percent"
        )
    )
    sent = 0
    for each in reached:
        due = [percent for percent in PERCENTS if percent <= each.percent]
        new = [percent for percent in due if (each.budget.id, each.starts_on, percent) not in told]
        if new and _tell(each, new, now):
            sent += 1
    return sent


def _tell(stands: Standing, percents: list[int], now: datetime) -> bool:
    """Note the alerts and send one mail for the highest; False where another run was first, or nobody is to read it."""
    rows = [
        BudgetAlert(budget=stands.budget, starts_on=stands.starts_on, percent=percent, told_at=now)
        for percent in percents
    ]
    try:
        with transaction.atomic():
            Budget.objects.select_for_update().filter(id=stands.budget.id).first()  # another run waits here
            there = BudgetAlert.objects.filter(
                budget=stands.budget, starts_on=stands.starts_on, percent=percents[-1]
            ).exists()
            if there:
                return False
            BudgetAlert.objects.bulk_create(rows, ignore_conflicts=True)
            return bool(_mail(stands, percents[-1]).send())
    except OSError as error:  # the mail server: the alert is not noted, and the next run tries again
        log.warning("alert_not_sent", budget=str(stands.budget.id), error=type(error).__name__)
        return False


def _mail(stands: Standing, percent: int) -> EmailMessage:
    budget = stands.budget
    readers = budget.workspace.memberships.filter(role__in=READERS, user__is_active=True)
    context = {
        "budget": budget,
        "stands": stands,
        "percent": percent,
        "workspace": budget.workspace,
        "url": settings.PYLO_PUBLIC_URL + reverse("budgets"),
    }
    subject = " ".join(render_to_string("billing/email/budget_subject.txt", context).split())
    text = render_to_string("billing/email/budget_message.txt", context)
    return EmailMessage(subject, text, to=list(readers.order_by("id").values_list("user__email", flat=True)))
