from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Membership, Role, User
from billing import ledger, topup, topup_auto, topup_mail
from billing.models import AutoTopUp, Balance, Payment, PaymentCustomer, Posting, TopUpAttempt
from billing.payments.stripe import StripeProvider
from tests.billing.factories import make_workspace
from tests.billing.payments.desks import ASKS, BACK, DECLINED_LATER, GOOD, order
from tests.billing.threads import at_once
from tests.fakes.stripe import KEY, WEBHOOK_SECRET

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

    from accounts.models import Workspace
    from tests.fakes.stripe import Stripe

NOW = datetime.now(UTC).replace(hour=12)
DAY = timedelta(days=1)
DOLLAR = 1_000_000_000


@pytest.fixture
def provider(fake_stripe: Stripe) -> StripeProvider:
    return StripeProvider(KEY, WEBHOOK_SECRET, api_base=fake_stripe.url)


def ordered(fake: Stripe, provider: StripeProvider, number: str = GOOD, **bounds: Any) -> Workspace:
    """A workspace with no money that tops up $25 below $5, at most twice a day and $200 a month."""
    workspace = make_workspace()
    ledger.open_balance(workspace=workspace, credit_nanos=0, at=NOW)
    owner = User.objects.create_user(f"{workspace.id}@example.com", "correct horse battery")
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    customer = provider.customer(workspace=str(workspace.id), email=owner.email)
    PaymentCustomer.objects.create(workspace=workspace, provider="stripe", customer=customer)
    usual = {"below_cents": 500, "add_cents": 2_500, "most_a_day": 2, "most_cents_a_month": 20_000}
    card = fake.save_card(customer, number)
    AutoTopUp.objects.create(workspace=workspace, enabled=True, card=card, card_label="Visa …1", **(usual | bounds))
    return workspace


def nanos(workspace: Workspace) -> int:
    return Balance.objects.get(workspace=workspace).nanos


def spend(workspace: Workspace, dollars: int, key: str) -> None:
    ledger.credit(workspace=workspace, kind=Posting.Kind.ADJUSTMENT, nanos=-dollars * DOLLAR, key=key, at=NOW)


def states() -> list[str]:
    return list(TopUpAttempt.objects.order_by("started_at").values_list("status", flat=True))


@pytest.mark.django_db
def test_a_low_balance_is_topped_up_from_the_saved_card(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider)
    assert topup_auto.run(provider, NOW) == 1
    assert nanos(workspace) == 25 * DOLLAR
    payment, attempt = Payment.objects.get(), TopUpAttempt.objects.get()
    assert (payment.purpose, payment.status) == ("auto_top_up", "succeeded")
    assert (attempt.status, attempt.payment_intent) == ("succeeded", payment.payment_intent)
    assert Posting.objects.get().key == f"topup:{payment.payment_intent}"
    assert topup_auto.run(provider, NOW) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["enough", "off", "suspended"])
def test_nobody_else_is_charged(fake_stripe: Stripe, provider: StripeProvider, reason: str) -> None:
    workspace = ordered(fake_stripe, provider)
    if reason == "enough":
        spend(workspace, -5, "enough")
    elif reason == "off":
        AutoTopUp.objects.update(enabled=False)
    else:
        workspace.suspended_at = NOW
        workspace.save()
    assert topup_auto.run(provider, NOW) == 0
    assert fake_stripe.intents == {}


@pytest.mark.django_db(transaction=True)
def test_rule_21_fifty_triggers_at_once_charge_once(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider, most_a_day=10)
    tried = at_once(50, lambda _: topup_auto.top_up(workspace.id, provider=provider, at=NOW))
    assert sum(attempt is not None for attempt in tried) == 1
    assert len(fake_stripe.intents) == 1
    assert nanos(workspace) == 25 * DOLLAR


@pytest.mark.django_db
def test_rule_21_a_day_has_so_many_top_ups_and_no_more(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider)
    for number in range(4):
        topup_auto.run(provider, NOW + timedelta(minutes=number))
        spend(workspace, 25, f"day:{number}") if nanos(workspace) > 0 else None
    assert (len(fake_stripe.intents), states()) == (2, ["succeeded"] * 2)
    topup_auto.run(provider, NOW + DAY)
    assert len(fake_stripe.intents) == 3


@pytest.mark.django_db
def test_rule_21_a_month_has_a_sum_that_is_not_passed(fake_stripe: Stripe, provider: StripeProvider) -> None:
    ordered(fake_stripe, provider, most_cents_a_month=7_400, most_a_day=10, below_cents=100_000)
    first = NOW.replace(day=1)
    for number in range(5):
        topup_auto.run(provider, first + timedelta(minutes=number))
    assert len(fake_stripe.intents) == 2
    topup_auto.run(provider, (first + 32 * DAY).replace(day=1))
    assert len(fake_stripe.intents) == 3


@pytest.mark.django_db
def test_rule_21_three_declines_in_a_row_switch_it_off_and_are_mailed(
    fake_stripe: Stripe, provider: StripeProvider, mailoutbox: list[Any]
) -> None:
    workspace = ordered(fake_stripe, provider, DECLINED_LATER)
    for day in range(5):
        topup_auto.run(provider, NOW + day * DAY)
        topup_mail.send(NOW + day * DAY)
    assert (len(fake_stripe.intents), states(), nanos(workspace)) == (3, ["declined"] * 3, 0)
    found = AutoTopUp.objects.get()
    assert (found.enabled, found.declines, found.switched_off_at) == (False, 3, NOW + 2 * DAY)
    [mail] = mailoutbox
    assert mail.subject == "Auto top-up was switched off"
    assert "Visa …1 was declined 3 times in a row" in mail.body
    assert mail.to == [f"{workspace.id}@example.com"]


@pytest.mark.django_db
def test_after_a_decline_the_card_is_left_alone_for_an_hour(fake_stripe: Stripe, provider: StripeProvider) -> None:
    ordered(fake_stripe, provider, DECLINED_LATER)
    for minutes in (0, 1, 59):
        topup_auto.run(provider, NOW + timedelta(minutes=minutes))
    assert len(fake_stripe.intents) == 1
    topup_auto.run(provider, NOW + timedelta(minutes=61))
    assert len(fake_stripe.intents) == 2


@pytest.mark.django_db
def test_a_success_between_declines_counts_them_anew(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider, DECLINED_LATER)
    topup_auto.run(provider, NOW)
    good = fake_stripe.save_card(PaymentCustomer.objects.get().customer, GOOD)
    AutoTopUp.objects.update(card=good)
    topup_auto.run(provider, NOW + DAY)
    assert (AutoTopUp.objects.get().declines, nanos(workspace)) == (0, 25 * DOLLAR)


@pytest.mark.django_db
def test_a_card_that_is_gone_counts_as_declined(fake_stripe: Stripe, provider: StripeProvider) -> None:
    ordered(fake_stripe, provider)
    AutoTopUp.objects.update(card="pm_none")
    topup_auto.run(provider, NOW)
    assert (states(), TopUpAttempt.objects.get().decline) == (["declined"], "no_such_card")


@pytest.mark.django_db
def test_rule_21_a_bank_that_wants_its_holder_is_mailed_with_a_link(
    fake_stripe: Stripe, provider: StripeProvider, mailoutbox: list[Any], settings: Settings
) -> None:
    ordered(fake_stripe, provider, ASKS)
    for minutes in (0, 1):
        topup_auto.run(provider, NOW + timedelta(minutes=minutes))
        topup_mail.send(NOW)
    attempt = TopUpAttempt.objects.get()
    assert (attempt.status, len(fake_stripe.intents)) == ("needs_authentication", 1)
    [mail] = mailoutbox
    assert mail.subject == "Confirm the top-up of $25.00"
    assert f"{settings.PYLO_PUBLIC_URL}/billing/auto-top-up/{attempt.id}/" in mail.body


@pytest.mark.django_db
def test_the_holder_finishes_it_on_the_page_and_a_late_event_takes_nothing_back(
    fake_stripe: Stripe, provider: StripeProvider
) -> None:
    workspace = ordered(fake_stripe, provider, ASKS)
    topup_auto.run(provider, NOW)
    attempt = TopUpAttempt.objects.get()
    asked = order(str(workspace.id), attempt=str(attempt.id))
    customer = PaymentCustomer.objects.get().customer
    url = provider.begin(asked, customer=customer, return_url=BACK, keep_card=True)
    fake_stripe.pay(url.rsplit("/", 1)[1])
    for intent in reversed(list(fake_stripe.intents)):
        topup.settle(provider.payment(intent), provider="stripe", at=NOW)
    assert (states(), nanos(workspace)) == (["succeeded"], 25 * DOLLAR)


@pytest.mark.django_db
def test_who_never_answers_the_bank_lets_the_attempt_lapse(fake_stripe: Stripe, provider: StripeProvider) -> None:
    ordered(fake_stripe, provider, ASKS)
    topup_auto.run(provider, NOW)
    topup_auto.run(provider, NOW + timedelta(hours=25))
    assert states() == ["lapsed", "needs_authentication"]


def crashed(workspace: Workspace, at: datetime) -> TopUpAttempt:
    """An attempt whose process died after it was written down."""
    card = AutoTopUp.objects.get().card
    return TopUpAttempt.objects.create(workspace=workspace, amount_cents=2_500, card=card, started_at=at)


@pytest.mark.django_db
def test_rule_21_a_crash_between_charge_and_credit_is_healed_without_a_second_charge(
    fake_stripe: Stripe, provider: StripeProvider
) -> None:
    workspace = ordered(fake_stripe, provider)
    attempt = crashed(workspace, NOW)
    asked = order(str(workspace.id), attempt=str(attempt.id))
    customer = PaymentCustomer.objects.get().customer
    provider.charge(asked, customer=customer, card=attempt.card, key=str(attempt.id))
    topup_auto.run(provider, NOW + timedelta(seconds=30))  # it may still be running
    assert states() == ["pending"]
    topup_auto.run(provider, NOW + timedelta(minutes=3))
    assert (states(), nanos(workspace), len(fake_stripe.intents)) == (["succeeded"], 25 * DOLLAR, 1)


@pytest.mark.django_db
def test_a_crash_before_the_charge_is_charged_under_the_same_key(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider)
    attempt = crashed(workspace, NOW)
    topup_auto.run(provider, NOW + timedelta(minutes=3))
    assert (states(), nanos(workspace)) == (["succeeded"], 25 * DOLLAR)
    assert f"charge:{attempt.id}" in fake_stripe.replies


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["switched off", "a day later"])
def test_a_crashed_attempt_that_is_not_wanted_any_more_lapses_uncharged(
    fake_stripe: Stripe, provider: StripeProvider, reason: str
) -> None:
    attempt = crashed(ordered(fake_stripe, provider), NOW)
    if reason == "switched off":
        AutoTopUp.objects.update(enabled=False)
    topup_auto.heal(provider, NOW + (DAY if reason == "a day later" else timedelta(minutes=3)))
    attempt.refresh_from_db()
    assert (attempt.status, fake_stripe.intents) == ("lapsed", {})


@pytest.mark.django_db
def test_rule_21_postgres_itself_refuses_a_second_open_attempt(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider)
    crashed(workspace, NOW)
    with pytest.raises(IntegrityError, match="top_up_one_at_a_time"), transaction.atomic():
        crashed(workspace, NOW)
    assert topup_auto.top_up(workspace.id, provider=provider, at=NOW) is None
    assert (states(), fake_stripe.intents) == (["pending"], {})


@pytest.mark.django_db
def test_while_the_provider_is_away_a_crashed_attempt_waits(fake_stripe: Stripe, provider: StripeProvider) -> None:
    crashed(ordered(fake_stripe, provider), NOW)
    fake_stripe.failing = 2
    topup_auto.heal(provider, NOW + timedelta(minutes=3))
    assert states() == ["pending"]


@pytest.mark.django_db
def test_an_answer_that_was_lost_is_asked_for_again(fake_stripe: Stripe, provider: StripeProvider) -> None:
    workspace = ordered(fake_stripe, provider)
    fake_stripe.failing = 2  # the try and the library's own repeat
    topup_auto.run(provider, NOW)
    assert (states(), nanos(workspace)) == (["pending"], 0)
    topup_auto.run(provider, NOW + timedelta(minutes=3))
    assert (states(), nanos(workspace), len(fake_stripe.intents)) == (["succeeded"], 25 * DOLLAR, 1)


@pytest.mark.django_db
def test_a_mail_that_could_not_be_sent_is_sent_later(
    fake_stripe: Stripe, provider: StripeProvider, mailoutbox: list[Any], settings: Settings
) -> None:
    ordered(fake_stripe, provider, ASKS)
    topup_auto.run(provider, NOW)
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert topup_mail.send(NOW) == 0
    settings.EMAIL_BACKEND = working
    assert (topup_mail.send(NOW), topup_mail.send(NOW), len(mailoutbox)) == (1, 0, 1)


@pytest.mark.django_db
def test_looking_at_balances_that_are_well_is_one_query_each_time(
    fake_stripe: Stripe, provider: StripeProvider, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    spend(ordered(fake_stripe, provider), -100, "well")
    with django_assert_num_queries(1):
        assert topup_auto.due(NOW) == []
