"""What an invoice's proofs are made from."""

from __future__ import annotations

from django.db import models

from billing.models.invoices import Invoice


class ReceiptTree(models.Model):
    """The tree over an invoice's receipts, in short; it can be made again from them.

    Of each part of `billing.receipt_trees.PART` leaves, in order: 16 bytes of the first uid, 32 of the part's root.
    """

    invoice = models.OneToOneField(Invoice, primary_key=True, on_delete=models.PROTECT, related_name="receipt_tree")
    parts = models.BinaryField()

    def __str__(self) -> str:
        return f"receipts of {self.invoice_id}"
