"""Balances and what moved them, and what was spent within budgets."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Workspace


class Balance(models.Model):
    """A workspace's one balance: what was posted less what its records cost. It may fall to −`credit_line_nanos`."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.PROTECT, related_name="balance")
    nanos = models.BigIntegerField(default=0)
    credit_line_nanos = models.BigIntegerField(default=0)
    version = models.BigIntegerField(db_default=0)  # grows whenever this, a spend or a budget of the workspace changes

    def __str__(self) -> str:
        return f"{self.workspace}: {self.nanos} n$"


class Posting(models.Model):
    """Credit put on or taken off a balance, by anything but usage. `key` makes each happen once: `signup:<id>`."""

    class Kind(models.TextChoices):
        SIGNUP_CREDIT = "signup_credit", "Sign-up credit"
        TOP_UP = "top_up", "Credit added"
        ADJUSTMENT = "adjustment", "Adjustment"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="postings")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    nanos = models.BigIntegerField()
    key = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=200, blank=True)
    posted_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.nanos} n$"
