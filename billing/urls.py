"""Usage, requests, invoices, credit."""

from __future__ import annotations

from django.urls import path

from billing.views_requests import request_page, requests_page
from billing.views_usage import usage_page

urlpatterns = [
    path("usage/", usage_page, name="usage"),
    path("requests/", requests_page, name="requests"),
    path("requests/<uuid:uid>/", request_page, name="request"),
]
