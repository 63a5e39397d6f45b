"""Balances, and the double entries that move them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Workspace


class Balance(models.Model):
    """A workspace's one balance: the sum of its customer entries. It may fall to −`credit_line_nanos`."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.PROTECT, related_name="balance")
    nanos = models.BigIntegerField(default=0)
    credit_line_nanos = models.BigIntegerField(default=0)
    version = models.BigIntegerField(db_default=0)  # grows whenever this, a spend or a budget of the workspace changes

    def __str__(self) -> str:
        return f"{self.workspace}: {self.nanos} n$"


class Posting(models.Model):
    """One thing that happened to money, once for its `key`. Its entries sum to zero; none of it is ever changed."""

    class Kind(models.TextChoices):
        SIGNUP_CREDIT = "signup_credit", "Sign-up credit"
        PROMOTION = "promotion", "Promotional credit"
        TOP_UP = "top_up", "Credit added"
        ADJUSTMENT = "adjustment", "Adjustment"
        USAGE = "usage", "Usage"
        EXPIRY = "expiry", "Credit expired"
        REFUND = "refund", "Refund"
        PAYMENT = "payment", "Payment of an invoice"
        CREDIT_NOTE = "credit_note", "Credit note"
        TAX = "tax", "Tax of an invoice"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="postings", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    nanos = models.BigIntegerField()  # what it does to the balance
    key = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=200, blank=True)
    posted_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = (
            models.Index(fields=("workspace", "-id"), name="posting_by_workspace"),
            models.Index(fields=("workspace", "-id"), condition=~Q(kind="usage"), name="posting_but_usage"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.nanos} n$"


class CreditGrant(models.Model):
    """Promotional credit: used before what was paid for, the earliest to expire first; what is left expires."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="grants", db_index=False)
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="grant")
    nanos = models.BigIntegerField()
    left_nanos = models.BigIntegerField()  # the sum of its entries
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("workspace",), condition=Q(left_nanos__gt=0), name="grant_not_used_up"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(left_nanos__gte=0, left_nanos__lte=F("nanos")), name="grant_neither_negative_nor_more"
            ),
        )

    def __str__(self) -> str:
        return f"{self.left_nanos} of {self.nanos} n$"


class Account(models.TextChoices):
    """Where money is. The first two are what we owe a customer; the sum of all is zero, always."""

    CUSTOMER_PAID = "customer_paid"
    CUSTOMER_PROMO = "customer_promo"
    REVENUE = "revenue"
    PROMOTIONS = "promotions"
    PSP_CLEARING = "psp_clearing"  # at the payment provider, or paid out by it
    REFUNDS = "refunds"  # revenue given back by credit notes
    TAX = "tax"
    BREAKAGE = "breakage"  # promotional credit that expired
    ADJUSTMENTS = "adjustments"


CUSTOMER = (Account.CUSTOMER_PAID, Account.CUSTOMER_PROMO)


class Entry(models.Model):
    """One side of a posting."""

    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    account = models.CharField(max_length=16, choices=Account.choices)
    nanos = models.BigIntegerField()
    grant = models.ForeignKey(CreditGrant, null=True, on_delete=models.PROTECT, related_name="entries")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(nanos=0), name="entry_not_empty"),
            models.CheckConstraint(
                condition=Q(account="customer_promo", grant__isnull=False)
                | (~Q(account="customer_promo") & Q(grant__isnull=True)),
                name="entry_of_a_grant_is_promotional",
            ),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.nanos} n$"
