"""Pages of saved cards, automatic top-ups, refunds and invoices that are due, with the small Stripe behind them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, User
from billing import ledger, topup
from billing.models import AutoTopUp, Balance, Invoice, Payment, PaymentCustomer, Posting, Refund, TopUpAttempt
from billing.payments.stripe import StripeProvider
from tests.billing.factories import make_workspace
from tests.billing.payments.desks import BACK, GOOD, order
from tests.fakes.stripe import KEY, WEBHOOK_SECRET

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

    from accounts.models import Workspace
    from tests.fakes.stripe import Stripe

pytestmark = pytest.mark.django_db
CENT = 10_000_000
AUTO, PAYMENTS = "/billing/auto-top-up/", "/billing/payments/"
ORDER = {"enabled": "on", "below": "5", "add": "25", "most_a_day": "2", "month": "200"}


@pytest.fixture
def provider(fake_stripe: Stripe, settings: Settings) -> StripeProvider:
    settings.PYLO_STRIPE_SECRET_KEY, settings.PYLO_STRIPE_WEBHOOK_SECRET = KEY, WEBHOOK_SECRET
    settings.PYLO_STRIPE_API_BASE = fake_stripe.url
    return StripeProvider(KEY, WEBHOOK_SECRET, api_base=fake_stripe.url)


@pytest.fixture
def acme(provider: StripeProvider, client: Client) -> Workspace:
    """A workspace with a customer at the provider's, and its owner signed in."""
    workspace = make_workspace()
    ledger.open_balance(workspace=workspace, credit_nanos=0, at=datetime.now(UTC))
    owner = User.objects.create_user("owner@example.com", "correct horse battery")
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    customer = provider.customer(workspace=str(workspace.id), email=owner.email)
    PaymentCustomer.objects.create(workspace=workspace, provider="stripe", customer=customer)
    client.force_login(owner)
    return workspace


def save_card(fake: Stripe) -> str:
    return fake.save_card(PaymentCustomer.objects.get().customer, GOOD)


def pay(fake: Stripe, provider: StripeProvider, workspace: Workspace, at: datetime | None = None) -> Payment:
    customer = PaymentCustomer.objects.get().customer
    url = provider.begin(order(str(workspace.id)), customer=customer, return_url=BACK, keep_card=False)
    fake.pay(url.rsplit("/", 1)[1])
    intent = next(reversed(fake.intents))
    topup.settle(provider.payment(intent), provider="stripe", at=at or datetime.now(UTC))
    return Payment.objects.get(payment_intent=intent)


def test_without_a_saved_card_the_page_leads_to_saving_one(acme: Workspace, client: Client) -> None:
    page = client.get(AUTO).content.decode()
    assert "/billing/add-credit/?keep=1" in page
    assert "checked" in client.get("/billing/add-credit/?keep=1").content.decode().partition('name="keep_card"')[2][:60]
    client.post(AUTO, ORDER | {"card": "pm_none"})
    assert not AutoTopUp.objects.exists()


def test_an_order_is_saved_and_said_on_the_billing_page(acme: Workspace, client: Client, fake_stripe: Stripe) -> None:
    card = save_card(fake_stripe)
    assert client.post(AUTO, ORDER | {"card": card}).headers["Location"] == "/billing/"
    found = AutoTopUp.objects.get()
    assert (found.enabled, found.below_cents, found.add_cents, found.most_a_day) == (True, 500, 2_500, 2)
    assert (found.most_cents_a_month, found.card, found.card_label) == (20_000, card, "Visa …4242")
    page = client.get("/billing/").content.decode()
    assert "When the balance falls below $5.00, $25.00 is added from Visa …4242." in page
    assert 'value="25"' in client.get(AUTO).content.decode()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"card": "pm_of_another"}, "Choose the card to charge."),
        ({"below": "0.5"}, "Enter an amount from $1 to $1,000."),
        ({"add": "4"}, "Enter an amount from $5 to $1,000."),
        ({"add": ""}, "Enter an amount."),
        ({"most_a_day": "11"}, "Enter 1 to 10."),
        ({"most_a_day": "x"}, "Enter 1 to 10."),
        ({"month": "24"}, "This is less than one top-up."),
        ({"month": "25.001"}, "Enter dollars and whole cents"),
    ],
)
def test_an_order_that_cannot_be_is_told_beside_its_field(
    acme: Workspace, client: Client, fake_stripe: Stripe, wrong: dict[str, str], says: str
) -> None:
    page = client.post(AUTO, ORDER | {"card": save_card(fake_stripe)} | wrong)
    assert page.status_code == 200
    assert says in page.content.decode()
    assert not AutoTopUp.objects.exists()


def test_switching_it_on_again_forgets_the_declines(acme: Workspace, client: Client, fake_stripe: Stripe) -> None:
    bounds = {"below_cents": 1, "add_cents": 1, "most_a_day": 1, "most_cents_a_month": 1}
    off = datetime(2026, 11, 23, 12, tzinfo=UTC)
    AutoTopUp.objects.create(workspace=acme, declines=3, switched_off_at=off, card_label="Visa …0341", **bounds)
    card = save_card(fake_stripe)
    assert "Visa …0341 was declined 3 times in a row" in client.get(AUTO).content.decode()
    client.post(AUTO, ORDER | {"card": card})
    found = AutoTopUp.objects.get()
    assert (found.enabled, found.declines, found.switched_off_at) == (True, 0, None)


def test_a_removed_card_is_gone_and_switches_its_order_off(
    acme: Workspace, client: Client, fake_stripe: Stripe
) -> None:
    card = save_card(fake_stripe)
    client.post(AUTO, ORDER | {"card": card})
    assert "Visa …4242" in client.get(PAYMENTS).content.decode()
    assert client.post(f"/billing/cards/{card}/remove/").headers["Location"] == PAYMENTS
    assert fake_stripe.cards[card]["customer"] is None
    assert AutoTopUp.objects.get().enabled is False


def test_a_card_that_cannot_be_removed_now_is_said_to_stay(
    acme: Workspace, client: Client, fake_stripe: Stripe
) -> None:
    card = save_card(fake_stripe)
    client.get(PAYMENTS)
    fake_stripe.stuck = f"POST /v1/payment_methods/{card}/detach"
    page = client.post(f"/billing/cards/{card}/remove/", follow=True).content.decode()
    assert "The card could not be removed just now" in page
    assert fake_stripe.cards[card]["customer"] is not None


def test_a_refund_that_the_provider_refuses_is_said_to_have_moved_nothing(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme)
    fake_stripe.refund(payment.payment_intent, 2_500)  # nobody told us
    page = client.post(f"{PAYMENTS}{payment.payment_intent}/refund/", follow=True).content.decode()
    assert "The payment provider refused the refund" in page
    assert Balance.objects.get().nanos == 2_500 * CENT


def test_nobody_removes_the_card_of_another(acme: Workspace, client: Client, fake_stripe: Stripe) -> None:
    card = fake_stripe.save_card("cus_of_another", GOOD)
    assert client.post(f"/billing/cards/{card}/remove/").status_code == 404
    assert fake_stripe.cards[card]["customer"] == "cus_of_another"


def test_unused_credit_is_taken_back_within_fourteen_days(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme)
    ledger.credit(workspace=acme, kind=Posting.Kind.ADJUSTMENT, nanos=-1_000 * CENT, key="used", at=datetime.now(UTC))
    url = f"{PAYMENTS}{payment.payment_intent}/refund/"
    assert url in client.get(PAYMENTS).content.decode()
    assert "Refund $15.00" in client.get(url).content.decode()
    answer = client.post(url, follow=True).content.decode()
    assert "$15.00 goes back to the card that paid." in answer
    assert (Balance.objects.get().nanos, Refund.objects.get().asked_by) == (0, "owner@example.com")
    assert url not in answer


def test_nothing_is_given_back_that_auto_top_up_would_charge_again(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme)
    client.post(AUTO, ORDER | {"card": save_card(fake_stripe)})
    page = client.post(f"{PAYMENTS}{payment.payment_intent}/refund/").content.decode()
    assert "Auto top-up is on, and would charge your card again" in page
    assert fake_stripe.refunds == {}


@pytest.mark.parametrize("days", [14, 400])
def test_after_fourteen_days_only_the_operator_refunds(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider, days: int
) -> None:
    payment = pay(fake_stripe, provider, acme, at=datetime.now(UTC) - timedelta(days=days))
    url = f"{PAYMENTS}{payment.payment_intent}/refund/"
    assert url not in client.get(PAYMENTS).content.decode()
    assert "Nothing of this payment can be taken back here" in client.post(url).content.decode()
    assert fake_stripe.refunds == {}


def test_the_payment_of_another_workspace_is_not_found(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme)
    Payment.objects.update(workspace=make_workspace("Other"))
    assert client.post(f"{PAYMENTS}{payment.payment_intent}/refund/").status_code == 404
    assert fake_stripe.refunds == {}


def test_a_refund_that_the_provider_cannot_answer_is_said_to_be_on_its_way(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme)
    fake_stripe.failing = 2
    page = client.post(f"{PAYMENTS}{payment.payment_intent}/refund/", follow=True).content.decode()
    assert "The refund is on its way" in page
    assert "$25.00 on its way" in page


def test_a_provider_that_is_away_leaves_the_list_and_changes_nothing(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme)
    fake_stripe.failing = 4
    page = client.get(PAYMENTS)
    assert (page.status_code, payment.payment_intent[:8] in page.content.decode()) == (200, True)
    assert client.post(AUTO, ORDER).status_code == 503
    assert not AutoTopUp.objects.exists()


def waiting(workspace: Workspace, status: str) -> TopUpAttempt:
    now = datetime.now(UTC)
    return TopUpAttempt.objects.create(
        workspace=workspace, amount_cents=2_500, card="pm_1", status=status, started_at=now
    )


def test_the_mails_link_leads_to_the_page_to_pay_on(acme: Workspace, client: Client, fake_stripe: Stripe) -> None:
    attempt = waiting(acme, "needs_authentication")
    assert "Confirm $25.00" in client.get(f"{AUTO}{attempt.id}/").content.decode()
    session = client.post(f"{AUTO}{attempt.id}/").headers["Location"].rsplit("/", 1)[1]
    fake_stripe.pay(session)
    client.get("/billing/credit/return/", {"session": session})
    attempt.refresh_from_db()
    assert (attempt.status, Balance.objects.get().nanos) == ("succeeded", 2_500 * CENT)


@pytest.mark.parametrize(("status", "says"), [("succeeded", "nothing more to do"), ("lapsed", "This top-up is over")])
def test_a_link_whose_top_up_is_over_charges_nothing(
    acme: Workspace, client: Client, fake_stripe: Stripe, status: str, says: str
) -> None:
    answer = client.post(f"{AUTO}{waiting(acme, status).id}/")
    assert says in answer.content.decode()
    assert fake_stripe.sessions == {}
    assert client.get(f"{AUTO}{uuid4()}/").status_code == 404


def due_invoice(workspace: Workspace, *, credit_cents: int = 200) -> Invoice:
    """An invoice of $9.00 of which the balance paid a part."""
    end, debt = datetime(2026, 11, 1, tzinfo=UTC), credit_cents - 900
    ledger.credit(workspace=workspace, kind=Posting.Kind.ADJUSTMENT, nanos=debt * CENT, key="debt", at=end)
    return Invoice.objects.create(
        workspace=workspace,
        number="PYLO-1",
        period_start=end - timedelta(days=31),
        period_end=end,
        issued_at=end,
        seller={},
        buyer={},
        requests=0,
        free_requests=0,
        waived_nanos=0,
        usage_nanos=900 * CENT,
        total_cents=900,
        credit_cents=credit_cents,
        pdf=b"",
        pdf_sha256="",
    )


def test_the_rest_of_an_invoice_is_paid_once(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    invoice = due_invoice(acme)
    url = reverse("invoice_pay", args=[invoice.number])
    assert url in client.get("/invoices/PYLO-1/").content.decode()
    session = client.post(url).headers["Location"].rsplit("/", 1)[1]
    assert fake_stripe.sessions[session]["amount_total"] == 700
    fake_stripe.pay(session)
    client.get("/billing/credit/return/", {"session": session})
    payment, posting = Payment.objects.get(), Posting.objects.get(kind="payment")
    assert (payment.invoice, payment.purpose, payment.amount_cents) == (invoice, "invoice", 700)
    assert (posting.key, posting.kind) == (f"payment:{payment.payment_intent}", "payment")
    assert client.post(url).headers["Location"] == "/invoices/PYLO-1/"
    assert len(fake_stripe.sessions) == 1
    page = client.get("/invoices/PYLO-1/").content.decode()
    assert "$7.00 of what was due is paid" in page
    assert Invoice.objects.get().status == "paid"
    assert url not in page
    fake_stripe.refund(payment.payment_intent, 700)
    topup.settle(provider.payment(payment.payment_intent), provider="stripe", at=datetime.now(UTC))
    assert url in client.get("/invoices/PYLO-1/").content.decode()


def test_less_than_a_card_is_charged_is_not_asked_for(acme: Workspace, client: Client, fake_stripe: Stripe) -> None:
    due_invoice(acme, credit_cents=851)
    url = reverse("invoice_pay", args=["PYLO-1"])
    assert url not in client.get("/invoices/PYLO-1/").content.decode()
    assert "Less than $0.50 cannot be paid by card." in client.post(url, follow=True).content.decode()
    assert fake_stripe.sessions == {}


def test_a_payment_for_an_invoice_that_is_gone_is_said_and_not_credited(
    acme: Workspace, client: Client, fake_stripe: Stripe
) -> None:
    session = client.post("/billing/add-credit/", {"amount": "25"}).headers["Location"].rsplit("/", 1)[1]
    fake_stripe.sessions[session]["_about"] |= {"pylo_purpose": "invoice", "pylo_invoice": str(uuid4())}
    fake_stripe.pay(session)
    page = client.get("/billing/credit/return/", {"session": session}, follow=True).content.decode()
    assert "You paid, and we could not tell what for." in page
    assert not Posting.objects.exists()


def test_a_page_of_payments_asks_no_more_for_twenty_than_for_one(
    acme: Workspace,
    client: Client,
    fake_stripe: Stripe,
    provider: StripeProvider,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(20):
        pay(fake_stripe, provider, acme)
    with django_assert_max_num_queries(16):
        assert client.get(PAYMENTS).content.decode().count("/refund/") == 20


def test_the_operator_refunds_in_the_admin(
    acme: Workspace, client: Client, fake_stripe: Stripe, provider: StripeProvider
) -> None:
    payment = pay(fake_stripe, provider, acme, at=datetime.now(UTC) - timedelta(days=30))
    url = reverse("admin:billing_payment_refund", args=[payment.id])
    assert client.get(url).status_code == 302  # an owner of a workspace is no staff
    client.force_login(User.objects.create_superuser("staff@pylo.example", "a long password"))
    assert url in client.get(reverse("admin:billing_payment_change", args=[payment.id])).content.decode()
    wrong = client.post(url, {"amount": "25.01", "reason": "Sorry"})
    assert b"At most $25.00 can be refunded." in wrong.content
    assert fake_stripe.refunds == {}
    client.post(url, {"amount": "10", "reason": "Sorry"})
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_cents, refund.reason) == ("done", 1_000, "Sorry")
    assert refund.asked_by == "staff@pylo.example"
    assert Balance.objects.get().nanos == 1_500 * CENT
