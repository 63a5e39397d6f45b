"""Budgets, and what was spent within them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, Workspace


class BudgetPeriod(models.TextChoices):
    """In UTC, half-open; a request belongs to the period in which it was admitted. `total` has no end."""

    DAY = "day", "a day"
    WEEK = "week", "a week"
    MONTH = "month", "a month"
    TOTAL = "total", "in total"


class Budget(models.Model):
    """The most that a workspace, or one of its keys, may spend in a period. A wall: no request passes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="budgets", db_index=False)
    key = models.ForeignKey(ApiKey, null=True, blank=True, on_delete=models.CASCADE, related_name="budgets")
    period = models.CharField(max_length=5, choices=BudgetPeriod.choices)
    limit_nanos = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("workspace", "key", "period"), name="budget_once_per_period", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(limit_nanos__gte=0), name="budget_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.limit_nanos} n$ {self.period}"


class BudgetAlert(models.Model):
    """That so much of a budget is used up was told by mail: once in a period."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    starts_on = models.DateField()  # of the period; of `total`: 1970-01-01
    percent = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("budget", "starts_on", "percent"), name="budget_alert_once"),)

    def __str__(self) -> str:
        return f"{self.budget_id} {self.percent} %"


class BalanceAlert(models.Model):
    """The wish to be told by mail when less than this can be spent: balance and credit line together.

    `told_at` is set from then until there is as much again.
    """

    workspace = models.OneToOneField(
        Workspace, primary_key=True, on_delete=models.CASCADE, related_name="balance_alert"
    )
    below_nanos = models.BigIntegerField()
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(below_nanos__gt=0), name="balance_alert_of_something"),)

    def __str__(self) -> str:
        return f"below {self.below_nanos} n$"


class Spend(models.Model):
    """What the records of one holder (a workspace or a key, by its id) cost in a period: moved with the balance."""

    pk = models.CompositePrimaryKey("holder", "period", "starts_on")
    holder = models.UUIDField()
    period = models.CharField(max_length=5, choices=BudgetPeriod.choices)
    starts_on = models.DateField()  # of `total`: 1970-01-01
    nanos = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.holder} {self.period} {self.starts_on}: {self.nanos} n$"
