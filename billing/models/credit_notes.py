"""Credit notes: the only way in which an issued invoice is corrected."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q

from accounts.models import Workspace
from billing.models.invoices import Invoice, Issued


class CreditNote(models.Model):
    """What is taken back of an invoice: a document of its own, with its own series of numbers, never edited."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=32, unique=True)
    issued_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    cents = models.BigIntegerField()  # of the invoice's subtotal
    tax_cents = models.BigIntegerField()  # of its tax
    by = models.CharField(max_length=254)
    pdf = models.BinaryField()
    pdf_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(cents__gt=0, tax_cents__gte=0), name="credit_note_of_some"),)

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Issued(f"credit note {self.number} is issued: it is never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - the signature is Django's
        raise Issued(f"credit note {self.number} is issued: it is never deleted")

    @property
    def total_cents(self) -> int:
        return self.cents + self.tax_cents
