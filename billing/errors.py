"""The root of billing's errors. Each is beside what raises it.

BillingError
├── recording.Unrecordable              one record can never be written
├── prices.NoPrice, prices.TooEarly
├── pricing.ImpossibleTokens
├── documents.Unprintable
├── invoicing.NothingToInvoice, NotYet, AlreadyInvoiced, DoesNotAddUp
├── payments.provider.PaymentError       the provider is away, or refuses; its tree is there
├── topup.UnknownPayer                  a payment that is nobody's
├── reconciliation.check.NotCompared    whoever has the other number cannot be asked
├── refunds.TooMuch                     more than what is left
├── credit_notes.TooMuch, NotVoidable
├── tax_ids.Mistyped
└── models.Issued                       an issued document is never edited
"""

from __future__ import annotations


class BillingError(Exception):
    """Billing refused; nothing was written."""
