"""The portal's addresses. `/v1` never comes here: `pylo_site.asgi` hands it to the gateway."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("pylo_site.pages.urls")),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]
