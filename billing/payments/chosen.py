"""The provider that the settings choose: Stripe where its keys are set, else the sandbox's where there is one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from billing.payments.sandbox import SandboxProvider

if TYPE_CHECKING:
    from billing.payments.provider import Provider


def provider() -> Provider | None:
    if settings.PYLO_STRIPE_SECRET_KEY:
        return _stripe(
            settings.PYLO_STRIPE_SECRET_KEY, settings.PYLO_STRIPE_WEBHOOK_SECRET, settings.PYLO_STRIPE_API_BASE
        )
    if settings.PYLO_PAYMENTS_URL:
        return SandboxProvider(settings.PYLO_PAYMENTS_URL, settings.PYLO_PAYMENTS_SECRET)
    return None


@lru_cache(maxsize=4)
def _stripe(secret_key: str, webhook_secret: str, api_base: str) -> Provider:
    """Return one client for the process: it keeps its connections open."""
    from billing.payments.stripe import StripeProvider  # noqa: PLC0415 - half a second that a sandbox need not wait

    return StripeProvider(secret_key, webhook_secret, api_base=api_base)
