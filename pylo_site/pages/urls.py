"""Public pages and the overview."""

from __future__ import annotations

from django.urls import path

from pylo_site.pages import overview, theme, views
from pylo_site.status import views as status

urlpatterns = [
    path("", views.landing, name="landing"),
    path("docs/quickstart/", views.quickstart, name="quickstart"),
    path("models/kimi-k2.6/", views.model, name="model"),
    path("pricing/", views.pricing, name="pricing"),
    path("reliability/", views.reliability, name="reliability"),
    path("status/", status.page, name="status"),
    path("status.json", status.document, name="status-json"),
    path("privacy/", views.privacy, name="privacy"),
    path("overview/", overview.overview, name="overview"),
    path("theme/", theme.theme, name="theme"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
]
