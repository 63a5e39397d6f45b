"""Who is billed: what the next invoices print, and which of them were told of."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Workspace
from billing.countries import COUNTRIES
from billing.models.invoices import Invoice


class BillingProfile(models.Model):
    """A workspace as its invoices name it. They keep a snapshot: a change is on the next ones only."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="billing_profile"
    )
    legal_name = models.CharField(max_length=120, blank=True)
    address = models.CharField(max_length=400, blank=True)  # its lines
    country = models.CharField(max_length=2, blank=True)  # ISO 3166-1
    tax_id = models.CharField(max_length=40, blank=True)
    reference = models.CharField(max_length=60, blank=True)  # the buyer's: a purchase order
    email = models.EmailField(blank=True)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.legal_name

    @property
    def lines(self) -> list[str]:
        """The address with its country, as it is printed."""
        every = [line.strip() for line in self.address.splitlines()]
        return [line for line in (*every, COUNTRIES.get(self.country, "")) if line]


class InvoiceMail(models.Model):
    """The mail that tells of an invoice: to be sent since it was issued, and sent once."""

    invoice = models.OneToOneField(Invoice, on_delete=models.CASCADE, primary_key=True, related_name="+")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("invoice",), condition=models.Q(sent_at=None), name="invoice_mail_to_send"),)

    def __str__(self) -> str:
        return str(self.invoice)
