"""What the webhooks did not tell is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from billing import tasks, topup
from billing.models import Balance, Payment
from billing.payments.stripe import StripeProvider
from tests.billing.payments.desks import BACK, order
from tests.fakes.stripe import KEY, WEBHOOK_SECRET

if TYPE_CHECKING:
    from pytest_django import Settings

    from accounts.models import Workspace
    from tests.fakes.stripe import Stripe


@pytest.fixture
def provider(fake_stripe: Stripe) -> StripeProvider:
    return StripeProvider(KEY, WEBHOOK_SECRET, api_base=fake_stripe.url)


def pay(fake: Stripe, provider: StripeProvider, workspace: str) -> None:
    customer = provider.customer(workspace=workspace, email="")
    url = provider.begin(order(workspace), customer=customer, return_url=BACK, keep_card=False)
    fake.pay(url.rsplit("/", 1)[1])


def test_a_payment_whose_webhook_was_lost_is_credited(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace
) -> None:
    now = datetime.now(UTC)
    for payer in ("", "nobody", str(workspace.id)):  # one of another program's, one unknown
        pay(fake_stripe, provider, payer or "x")
    fake_stripe.intents["pi_000003"]["metadata"] = {}
    assert topup.catch_up(provider, since=now - timedelta(days=2), at=now) == 1
    assert topup.catch_up(provider, since=now - timedelta(days=2), at=now) == 0
    assert Balance.objects.get(workspace=workspace).nanos == 25_000_000_000
    assert Payment.objects.count() == 1


def test_the_tasks_ask_the_chosen_provider_and_forgive_that_it_is_away(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace, settings: Settings
) -> None:
    settings.PYLO_STRIPE_SECRET_KEY, settings.PYLO_STRIPE_WEBHOOK_SECRET = KEY, WEBHOOK_SECRET
    settings.PYLO_STRIPE_API_BASE = fake_stripe.url
    pay(fake_stripe, provider, str(workspace.id))
    fake_stripe.failing = 2
    tasks.catch_up_payments()
    assert not Payment.objects.exists()
    tasks.catch_up_payments()
    tasks.top_up_balances()
    assert Balance.objects.get(workspace=workspace).nanos == 25_000_000_000
