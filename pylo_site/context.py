"""What every template may name: where the reader is, and what is served there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001 - the signature is Django's
    return {
        "api_base_url": settings.PYLO_API_BASE_URL,
        "model_slug": settings.PYLO_MODEL,
        "sandbox": settings.PYLO_SANDBOX,
    }
