"""The portal's addresses. `/v1` comes here only by the gateway, which asks for what is the management API's."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from billing.api import api
from pylo_site import outbox

urlpatterns = [
    path("", include("pylo_site.pages.urls")),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("v1/", api.urls),
    path("accounts/", include("allauth.account.urls")),
    # Before the admin's own: staff sign in where everybody does, under the same limits.
    path("admin/login/", secure_admin_login(admin.site.login)),
    path("admin/", admin.site.urls),
    path("outbox/", outbox.inbox, name="outbox"),  # answers 404 outside the sandbox
]
