"""A second opinion on the Stripe provider: localstripe, which others wrote, as a process of its own.

It has no Checkout and heeds no idempotency key; the small Stripe of ours has both.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from billing.payments.provider import NoSuchPayment, State
from billing.payments.stripe import StripeProvider
from billing.signatures import BadSignature
from tests.billing.payments.desks import ASKS, DECLINED_LATER, GOOD, order
from tests.fakes import payments
from tests.fakes.process import Process, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY, SECRET = "sk_test_localstripe", "whsec_localstripe"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = (sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port))
    process = Process.start("localstripe", command, env={}, log=tmp_path_factory.mktemp("localstripe") / "log")
    try:
        process.await_http(f"http://127.0.0.1:{port}/js.stripe.com/v3/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


@pytest.fixture
def provider(url: str) -> StripeProvider:
    return StripeProvider(KEY, SECRET, api_base=url)


@pytest.fixture
def customer(provider: StripeProvider) -> str:
    return provider.customer(workspace="w1", email="a@example.com")


def post(url: str, path: str, **form: str) -> str:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{url}/v1/{path}", data=form, headers=headers, trust_env=False)
    return str(answer.raise_for_status().json()["id"])


def card(url: str, customer: str, number: str) -> str:
    about = {"card[number]": number, "card[exp_month]": "8", "card[exp_year]": "2031", "card[cvc]": "123"}
    made = post(url, "payment_methods", type="card", **about)
    return post(url, f"payment_methods/{made}/attach", customer=customer)


@pytest.mark.parametrize(
    ("number", "state", "decline"),
    [
        (GOOD, State.SUCCEEDED, ""),
        (DECLINED_LATER, State.FAILED, "card_declined"),
        (ASKS, State.NEEDS_AUTHENTICATION, ""),
    ],
)
def test_a_saved_card_is_charged_or_says_why_not(
    provider: StripeProvider, url: str, customer: str, number: str, state: State, decline: str
) -> None:
    asked = order(attempt="a1")
    found = provider.charge(asked, customer=customer, card=card(url, customer, number), key=f"{customer}{number}")
    assert (found.state, found.decline, found.order) == (state, decline, asked)
    assert provider.payment(found.payment_intent) == found


def test_saved_cards_are_listed_and_removed(provider: StripeProvider, url: str, customer: str) -> None:
    made = card(url, customer, GOOD)
    [found] = provider.cards(customer)
    assert (found.id, found.brand, found.last_four, found.expires) == (made, "Visa", "4242", "08/31")
    provider.forget(made)
    assert provider.cards(customer) == ()


def test_a_refund_is_on_its_payment(provider: StripeProvider, url: str, customer: str) -> None:
    paid = provider.charge(order(), customer=customer, card=card(url, customer, GOOD), key=customer)
    refund = provider.refund(paid.payment_intent, amount_cents=700, asked="r1")
    assert (refund.amount_cents, refund.asked) == (700, "r1")
    assert provider.payment(paid.payment_intent).refunds == (refund,)


def test_what_it_does_not_know_is_no_payment(provider: StripeProvider) -> None:
    with pytest.raises(NoSuchPayment):
        provider.payment("pi_none")


def test_rule_20_its_signed_webhook_is_accepted_and_no_other(provider: StripeProvider, url: str) -> None:
    with payments.merchant() as (hook, deliveries):
        config = {"url": hook, "secret": SECRET}
        httpx.post(f"{url}/_config/webhooks/w1", data=config, trust_env=False).raise_for_status()
        provider.customer(workspace="w2", email="b@example.com")
        told = deliveries.get(timeout=10)
    event = provider.read_event(told.body, {"Stripe-Signature": told.signature}, time.time())
    assert (event.type, event.session_id, event.payment_intent) == ("customer.created", "", "")
    with pytest.raises(BadSignature):
        provider.read_event(told.body + b" ", {"Stripe-Signature": told.signature}, time.time())
