"""What every template may name: where the reader is, what is served there, and the colours they asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from pylo_site.pages.theme import Theme, chosen

if TYPE_CHECKING:
    from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "api_base_url": settings.PYLO_API_BASE_URL,
        "model_slug": settings.PYLO_MODEL,
        "sandbox": settings.PYLO_SANDBOX,
        "theme": chosen(request),
        "themes": tuple(Theme),
    }
