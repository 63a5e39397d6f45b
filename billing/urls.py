"""Usage, requests, invoices, credit."""

from __future__ import annotations

from django.urls import include, path

from billing.budget_views import balance_alert_put, budget_change, budget_put, budget_remove, budgets_page
from billing.key_views import key_create
from billing.profile_views import profile_page
from billing.views_billing import billing_page
from billing.views_invoice_lines import invoice_line_csv
from billing.views_invoices import (
    credit_note_pdf,
    invoice_csv,
    invoice_issue,
    invoice_page,
    invoice_pdf,
    invoices_page,
)
from billing.views_receipts import (
    invoice_statement,
    openapi,
    receipt_keys,
    receipts_page,
    request_receipt,
    verifier,
)
from billing.views_requests import request_page, requests_page
from billing.views_usage import usage_page

urlpatterns = [
    path("billing/profile/", profile_page, name="billing_profile"),
    path("keys/new/", key_create, name="key_create"),
    path("usage/", usage_page, name="usage"),
    path("requests/", requests_page, name="requests"),
    path("requests/<uuid:uid>/", request_page, name="request"),
    path("requests/<uuid:uid>/receipt/", request_receipt, name="request_receipt"),
    path("billing/", billing_page, name="billing"),
    path("billing/", include("billing.credit_urls")),
    path("billing/budgets/", budgets_page, name="budgets"),
    path("billing/budgets/set/", budget_put, name="budget_put"),
    path("billing/budgets/alert/", balance_alert_put, name="balance_alert_put"),
    path("billing/budgets/<uuid:budget_id>/", budget_change, name="budget_change"),
    path("billing/budgets/<uuid:budget_id>/remove/", budget_remove, name="budget_remove"),
    path("invoices/", invoices_page, name="invoices"),
    path("invoices/issue/", invoice_issue, name="invoice_issue"),
    path("invoices/<slug:number>/", invoice_page, name="invoice"),
    path("invoices/<slug:number>/pdf/", invoice_pdf, name="invoice_pdf"),
    path("credit-notes/<slug:number>/pdf/", credit_note_pdf, name="credit_note_pdf"),
    path("invoices/<slug:number>/csv/", invoice_csv, name="invoice_csv"),
    path("invoices/<slug:number>/lines/<int:position>.csv", invoice_line_csv, name="invoice_line_csv"),
    path("invoices/<slug:number>/statement/", invoice_statement, name="invoice_statement"),
    path("docs/receipts/", receipts_page, name="receipts"),
    path("docs/pylo_verify.py", verifier, name="verifier"),
    path("docs/openapi.json", openapi, name="openapi"),
    path(".well-known/pylo-receipt-keys.json", receipt_keys, name="receipt_keys"),
]
