"""Addresses of adding credit."""

from __future__ import annotations

from django.urls import path

from billing import credit_views

urlpatterns = [
    path("add-credit/", credit_views.credit_add, name="credit_add"),
    path("credit/return/", credit_views.credit_return, name="credit_return"),
    path("webhooks/payments/", credit_views.payments_webhook, name="payments_webhook"),
]
