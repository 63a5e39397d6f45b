"""What was paid, what was given back, and topping up by itself. The provider knows the truth; these rows follow it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Workspace
from billing.models.invoices import Invoice


class PaymentCustomer(models.Model):
    """The provider's customer of a workspace: saved cards hang on it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=16)
    customer = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("workspace", "provider"), name="payment_customer_once"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.customer}"


class Payment(models.Model):
    """A payment, by the provider's id of it. What succeeded stays so, whatever is told later."""

    class Purpose(models.TextChoices):
        TOP_UP = "top_up", "Credit"
        AUTO_TOP_UP = "auto_top_up", "Auto top-up"
        INVOICE = "invoice", "Invoice"

    class Status(models.TextChoices):
        PENDING = "pending", "Not paid yet"
        NEEDS_AUTHENTICATION = "needs_authentication", "Not confirmed"
        FAILED = "failed", "Declined"
        SUCCEEDED = "succeeded", "Paid"

    payment_intent = models.CharField(max_length=80, unique=True)
    provider = models.CharField(max_length=16)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="payments", db_index=False)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3, default="usd")
    status = models.CharField(max_length=20, choices=Status.choices)
    decline = models.CharField(max_length=80, blank=True)
    receipt_url = models.CharField(max_length=500, blank=True)
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="payments")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = (models.Index(fields=("workspace", "-created_at"), name="payment_by_workspace"),)
        constraints = (models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payment_of_something"),)

    def __str__(self) -> str:
        return self.payment_intent


class Refund(models.Model):
    """Money given back. One that we ask for has no id of the provider's until it answered."""

    class Status(models.TextChoices):
        ASKED = "asked", "Asked for"
        DONE = "done", "Refunded"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    refund_id = models.CharField(max_length=80, unique=True, null=True, blank=True)
    amount_cents = models.BigIntegerField()
    status = models.CharField(max_length=8, choices=Status.choices)
    reason = models.CharField(max_length=200, blank=True)
    asked_by = models.CharField(max_length=254, blank=True)  # an address; empty when it was made at the provider's
    asked_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_of_something"),)

    def __str__(self) -> str:
        return self.refund_id or str(self.id)


class AutoTopUp(models.Model):
    """A workspace's order to charge its saved card whenever the balance falls below a threshold, within bounds."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.PROTECT, related_name="auto_top_up")
    enabled = models.BooleanField(default=False)
    below_cents = models.BigIntegerField()
    add_cents = models.BigIntegerField()
    most_a_day = models.PositiveSmallIntegerField()
    most_cents_a_month = models.BigIntegerField()
    card = models.CharField(max_length=80, blank=True)
    card_label = models.CharField(max_length=40, blank=True)  # "Visa …4242"
    declines = models.PositiveSmallIntegerField(default=0)  # in a row
    switched_off_at = models.DateTimeField(null=True, blank=True)  # by declines; a person's switch leaves it empty
    told_at = models.DateTimeField(null=True, blank=True)  # when the mail about that went out
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(below_cents__gt=0, add_cents__gt=0, most_a_day__gt=0, most_cents_a_month__gt=0),
                name="auto_top_up_bounds_are_positive",
            ),
        )

    def __str__(self) -> str:
        return f"{self.workspace}: {'on' if self.enabled else 'off'}"


class TopUpAttempt(models.Model):
    """One automatic top-up; its id is the idempotency key of the charge. One at a time a workspace."""

    class Status(models.TextChoices):
        PENDING = "pending", "Being charged"
        NEEDS_AUTHENTICATION = "needs_authentication", "Waits for the bank"
        SUCCEEDED = "succeeded", "Charged"
        DECLINED = "declined", "Declined"
        LAPSED = "lapsed", "Lapsed"

    OPEN = (Status.PENDING, Status.NEEDS_AUTHENTICATION)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="top_up_attempts", db_index=False)
    amount_cents = models.BigIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    card = models.CharField(max_length=80)  # of the order then: a key must be repeated with the very same words
    payment_intent = models.CharField(max_length=80, blank=True)
    decline = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # when the mail with the link went out

    class Meta:
        indexes = (models.Index(fields=("workspace", "-started_at"), name="top_up_by_workspace"),)
        constraints = (
            models.UniqueConstraint(
                fields=("workspace",),
                condition=Q(status__in=("pending", "needs_authentication")),
                name="top_up_one_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.workspace}: {self.amount_cents} ¢ {self.status}"
