from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.views.debug import get_exception_reporter_filter

if TYPE_CHECKING:
    from django.test import RequestFactory
    from pytest_django import Settings

SECRET = "hunter2" * 8


@pytest.mark.filterwarnings("ignore:Overriding setting")
def test_no_debug_page_shows_a_secret(settings: Settings, rf: RequestFactory) -> None:
    settings.SECRET_KEY = settings.EMAIL_HOST_PASSWORD = settings.PYLO_PAYMENTS_SECRET = SECRET
    settings.PYLO_KEY_PEPPERS = (SECRET,)
    settings.DATABASE_URL = f"postgres://pylo:{SECRET}@127.0.0.1/pylo"
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://:{SECRET}@127.0.0.1/0"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": settings.REDIS_URL}}
    shown = get_exception_reporter_filter(rf.get("/")).get_safe_settings()
    assert shown["PYLO_PUBLIC_URL"] == settings.PYLO_PUBLIC_URL
    assert shown["CACHES"]["default"]["BACKEND"] == "pylo_site.cache.Backend"
    assert SECRET not in str(shown)
