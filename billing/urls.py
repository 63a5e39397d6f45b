"""Usage, requests, invoices, credit."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("billing/", include("billing.credit_urls"))]
