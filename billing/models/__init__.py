"""What it costs: prices, records, balances and postings, rollups, invoices. Money is integer nano-dollars."""

from __future__ import annotations

from billing.models.budgets import BalanceAlert, Budget, BudgetAlert, BudgetPeriod, Spend
from billing.models.credit_notes import CreditNote
from billing.models.invoices import Invoice, InvoiceLine, InvoiceSeries, Issued
from billing.models.ledger import CUSTOMER, Account, Balance, CreditGrant, Entry, Posting
from billing.models.payments import AutoTopUp, Payment, PaymentCustomer, Refund, TopUpAttempt
from billing.models.prices import Price, _Range
from billing.models.profiles import BillingProfile, InvoiceMail
from billing.models.receipts import ReceiptTree
from billing.models.records import Idempotency, JournalOffset, JournalWriter, RequestRecord
from billing.models.rollups import RollupMark, UsageRollup
from billing.models.unbilled import UnbilledUsage

__all__ = [
    "CUSTOMER",
    "Account",
    "AutoTopUp",
    "Balance",
    "BalanceAlert",
    "BillingProfile",
    "Budget",
    "BudgetAlert",
    "BudgetPeriod",
    "CreditGrant",
    "CreditNote",
    "Entry",
    "Idempotency",
    "Invoice",
    "InvoiceLine",
    "InvoiceMail",
    "InvoiceSeries",
    "Issued",
    "JournalOffset",
    "JournalWriter",
    "Payment",
    "PaymentCustomer",
    "Posting",
    "Price",
    "ReceiptTree",
    "Refund",
    "RequestRecord",
    "RollupMark",
    "Spend",
    "TopUpAttempt",
    "UnbilledUsage",
    "UsageRollup",
    "_Range",  # the first migration names it
]
