"""Invoices, their lines and their numbers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models
from django.db.models import F, Q

from accounts.models import Workspace
from billing import taxes
from billing.errors import BillingError

if TYPE_CHECKING:
    from datetime import date


class Issued(BillingError):  # noqa: N818 - reads as what it is
    """An issued invoice stays as it is; what is wrong with it is put right by another document."""


class Invoice(models.Model):
    """Usage of one workspace over [period_start, period_end), finalised: a snapshot, with its PDF, never edited.

    Only its status moves, once: when it is paid, or when a credit note takes all of it back before it was.
    """

    class Status(models.TextChoices):
        FINALISED = "finalised", "Due"
        PAID = "paid", "Paid"
        VOID = "void", "Void"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=32, unique=True)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    issued_at = models.DateTimeField()
    seller = models.JSONField()
    buyer = models.JSONField()
    requests = models.BigIntegerField()  # all of its records
    free_requests = models.BigIntegerField()  # those of them that cost nothing, by how they ended
    waived_nanos = models.BigIntegerField()  # what the free ones would have cost
    usage_nanos = models.BigIntegerField()  # the exact sum of its records' costs
    total_cents = models.BigIntegerField()  # the sum of its lines, before tax
    tax_name = models.CharField(max_length=20, blank=True, default="", db_default="")
    tax_rate_ppm = models.IntegerField(default=0, db_default=0)  # millionths
    tax_cents = models.BigIntegerField(default=0, db_default=0)
    tax_note = models.CharField(max_length=200, blank=True, default="", db_default="")
    credit_cents = models.BigIntegerField()  # paid from the balance
    pdf = models.BinaryField()
    pdf_sha256 = models.CharField(max_length=64)
    merkle_root = models.CharField(max_length=64, blank=True, default="", db_default="")  # over its records' receipts
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.FINALISED)
    settled_at = models.DateTimeField(null=True)  # when it was paid, or void

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "period_start"), name="invoice_once_per_period"),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="invoice_period_not_empty"),
        )
        indexes = (
            models.Index(fields=("workspace", "period_end"), condition=Q(status="finalised"), name="invoice_due"),
        )

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Issued(f"invoice {self.number} is issued: it is never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - the signature is Django's
        raise Issued(f"invoice {self.number} is issued: it is never deleted")

    @property
    def tax_label(self) -> str:
        return f"{self.tax_name} {taxes.percent(self.tax_rate_ppm)}" if self.tax_name else ""

    @property
    def gross_cents(self) -> int:
        return self.total_cents + self.tax_cents

    @property
    def due_cents(self) -> int:
        """What was to be paid when it was issued."""
        return self.gross_cents - self.credit_cents


class InvoiceLine(models.Model):
    """One item at one price: exact nano-dollars, rounded down to cents once, the rest carried to the next invoice."""

    class Item(models.TextChoices):
        INPUT = "input", "Input tokens"
        CACHED = "cached", "Cached input tokens"
        OUTPUT = "output", "Output tokens"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    item = models.CharField(max_length=12, choices=Item.choices)
    model = models.CharField(max_length=80)
    tokens = models.BigIntegerField()
    unit_nanos = models.BigIntegerField()
    exact_nanos = models.BigIntegerField()  # tokens × unit_nanos
    carried_in_nanos = models.BigIntegerField()  # the remainder of the same item's last line
    cents = models.BigIntegerField()  # floor((exact + carried in) ÷ 10 000 000)
    carried_out_nanos = models.BigIntegerField()
    late_month = models.DateField(null=True)  # the month of requests that came too late for the invoice of it

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("invoice", "position"), name="invoice_line_position"),)

    def __str__(self) -> str:
        return f"{self.invoice} {self.item}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Issued(f"invoice {self.invoice} is issued: its lines are never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - the signature is Django's
        raise Issued(f"invoice {self.invoice} is issued: its lines are never deleted")

    @property
    def title(self) -> str:
        return line_title(self.Item(self.item), self.late_month)


def line_title(item: InvoiceLine.Item, late_month: date | None) -> str:
    """Name a line as it is printed."""
    return f"{item.label}, adjustment for {late_month:%B %Y}" if late_month else str(item.label)


class InvoiceSeries(models.Model):
    """The last number given in a series of documents; moved in the finalising transaction, so there are no gaps."""

    name = models.CharField(primary_key=True, max_length=16)
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}-{self.last}"
