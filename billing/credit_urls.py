"""Addresses of money that comes in."""

from __future__ import annotations

from django.urls import path

from billing import credit_auto_views, credit_payments_views, credit_views

urlpatterns = [
    path("add-credit/", credit_views.credit_add, name="credit_add"),
    path("credit/return/", credit_views.credit_return, name="credit_return"),
    path("auto-top-up/", credit_auto_views.auto_top_up, name="auto_top_up"),
    path("auto-top-up/<uuid:attempt_id>/", credit_auto_views.auto_top_up_finish, name="auto_top_up_finish"),
    path("payments/", credit_payments_views.payments_page, name="payments"),
    path("payments/<slug:payment_intent>/refund/", credit_payments_views.payment_refund, name="payment_refund"),
    path("cards/<slug:card>/remove/", credit_payments_views.card_remove, name="card_remove"),
    path("invoices/<slug:number>/pay/", credit_payments_views.invoice_pay, name="invoice_pay"),
    path("webhooks/payments/", credit_views.payments_webhook, name="payments_webhook"),
]
