"""Keys. Sign-up and sign-in are allauth's, under /accounts/."""

from __future__ import annotations

from django.urls import path

from accounts import views

urlpatterns = [
    path("keys/", views.key_list, name="keys"),
    path("keys/<uuid:key_id>/rename/", views.key_rename, name="key_rename"),
    path("keys/<uuid:key_id>/limits/", views.key_limits, name="key_limits"),
    path("keys/<uuid:key_id>/revoke/", views.key_revoke, name="key_revoke"),
]
