from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from billing import ledger, refunds, topup
from billing.models import Balance, Payment, Posting, Refund
from billing.payments.provider import NotRefundable, ProviderAway
from billing.payments.stripe import StripeProvider
from gateway.usage import Tokens
from tests.billing.factories import make_request, make_workspace, record
from tests.billing.payments.desks import BACK, order
from tests.billing.threads import at_once
from tests.fakes.stripe import KEY, WEBHOOK_SECRET

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace
    from tests.fakes.stripe import Stripe

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CENT = 10_000_000


@pytest.fixture
def provider(fake_stripe: Stripe) -> StripeProvider:
    return StripeProvider(KEY, WEBHOOK_SECRET, api_base=fake_stripe.url)


def pay(fake: Stripe, provider: StripeProvider, workspace: Workspace) -> Payment:
    """Pay $25 on the page."""
    customer = provider.customer(workspace=str(workspace.id), email="")
    url = provider.begin(order(str(workspace.id)), customer=customer, return_url=BACK, keep_card=False)
    fake.pay(url.rsplit("/", 1)[1])
    payment_intent = next(reversed(fake.intents))
    topup.settle(provider.payment(payment_intent), provider="stripe", at=NOW)
    return Payment.objects.get(payment_intent=payment_intent)


def give(payment: Payment, cents: int, provider: StripeProvider) -> Refund:
    return refunds.ask(payment, cents=cents, by="a@example.com", reason="Unused", provider=provider, at=NOW)


def post(workspace: Workspace, cents: int, kind: Posting.Kind) -> None:
    ledger.credit(workspace=workspace, kind=kind, nanos=cents * CENT, key=str(uuid4()), at=NOW)


def cents(workspace: Workspace) -> int:
    return Balance.objects.get(workspace=workspace).nanos // CENT


def test_a_refund_goes_through_the_provider_and_off_the_balance(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    refund = give(payment, 700, provider)
    assert (refund.status, refund.amount_cents, refund.asked_by) == ("done", 700, "a@example.com")
    assert [each["amount"] for each in fake_stripe.refunds.values()] == [700]
    assert cents(workspace) == 1_800
    posting = Posting.objects.get(kind=Posting.Kind.REFUND)
    assert (posting.key, posting.note) == (f"refund:{refund.refund_id}", "Unused")


def test_rule_17_the_webhook_of_our_own_refund_posts_nothing_more(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    give(payment, 700, provider)
    topup.settle(provider.payment(payment.payment_intent), provider="stripe", at=NOW)
    assert (cents(workspace), Refund.objects.count()) == (1_800, 1)


def test_never_more_than_what_is_left_of_the_payment(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    pay(fake_stripe, provider, workspace)
    give(payment, 2_000, provider)
    with pytest.raises(refunds.TooMuch) as refused:
        give(payment, 501, provider)
    assert refused.value.left_cents == 500
    assert (len(fake_stripe.refunds), Refund.objects.count(), cents(workspace)) == (1, 1, 3_000)


def use(key: ApiKey, requests: int) -> None:
    """Use $3.90 a request."""
    for _ in range(requests):
        record(make_request(key, tokens=Tokens(prompt=0, cached=0, completion=1_000_000)))


@pytest.mark.parametrize(
    ("granted", "requests", "left"),
    [(0, 0, 2_500), (500, 0, 2_500), (500, 1, 2_500), (500, 2, 2_220), (0, 7, 0), (500, 7, 270), (500, 8, 0)],
)
def test_what_was_granted_is_used_first_and_never_paid_out(
    fake_stripe: Stripe, provider: StripeProvider, key: ApiKey, granted: int, requests: int, left: int
) -> None:
    payment = pay(fake_stripe, provider, key.workspace)
    ledger.open_balance(workspace=key.workspace, credit_nanos=granted * CENT, at=NOW)
    use(key, requests)
    assert refunds.left_cents(payment) == left


@pytest.mark.parametrize(("kind", "cents"), [("promotion", 500), ("adjustment", 500), ("adjustment", -500)])
def test_what_was_given_after_it_was_spent_is_not_paid_out_either(
    fake_stripe: Stripe, provider: StripeProvider, key: ApiKey, kind: str, cents: int
) -> None:
    payment = pay(fake_stripe, provider, key.workspace)
    use(key, 1)
    post(key.workspace, cents, Posting.Kind(kind))
    assert refunds.left_cents(payment) == 2_110 + min(0, cents)


@pytest.mark.parametrize("asked", [0, -1, 2_501])
def test_a_refund_of_nothing_or_of_too_much_changes_nothing(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace, asked: int
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    with pytest.raises(refunds.TooMuch):
        give(payment, asked, provider)
    assert (fake_stripe.refunds, Refund.objects.count(), cents(workspace)) == ({}, 0, 2_500)


def test_a_refund_of_the_providers_dashboard_is_followed_and_counts(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    fake_stripe.refund(payment.payment_intent, 1_000)
    topup.settle(provider.payment(payment.payment_intent), provider="stripe", at=NOW)
    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.asked_by, cents(workspace)) == (1_000, "", 1_500)
    assert refunds.left_cents(payment) == 1_500


def test_a_refund_that_the_provider_refuses_has_failed_and_moves_nothing(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    fake_stripe.refund(payment.payment_intent, 2_500)  # nobody told us
    with pytest.raises(NotRefundable):
        give(payment, 2_500, provider)
    assert (Refund.objects.get().status, cents(workspace)) == ("failed", 2_500)


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_a_refund_whose_end_nobody_knows_is_gone_on_with_once(
    fake_stripe: Stripe, provider: StripeProvider, workspace: Workspace, lost: str
) -> None:
    payment = pay(fake_stripe, provider, workspace)
    fake_stripe.failing = 2  # the try and the library's own repeat
    with pytest.raises(ProviderAway):
        give(payment, 700, provider)
    assert (Refund.objects.get().status, refunds.left_cents(payment)) == ("asked", 1_800)
    if lost == "answer":
        provider.refund(payment.payment_intent, amount_cents=700, asked=str(Refund.objects.get().id))
    for minutes in (1, 3, 5):
        refunds.retry(provider, NOW + timedelta(minutes=minutes))
    assert (Refund.objects.get().status, len(fake_stripe.refunds), cents(workspace)) == ("done", 1, 1_800)


@pytest.mark.django_db(transaction=True)
def test_eight_who_refund_at_once_give_back_no_more_than_there_is(
    fake_stripe: Stripe, provider: StripeProvider
) -> None:
    workspace = make_workspace()
    payment = pay(fake_stripe, provider, workspace)

    def one(_: int) -> bool:
        try:
            give(payment, 1_000, provider)
        except refunds.TooMuch:
            return False
        return True

    assert sum(at_once(8, one)) == 2
    assert (cents(workspace), sum(each["amount"] for each in fake_stripe.refunds.values())) == (500, 2_000)
