"""What both providers do alike."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from billing.payments.provider import (
    BadEvent,
    NoSuchCustomer,
    NoSuchPayment,
    NotRefundable,
    Order,
    ProviderAway,
    Purpose,
    State,
)
from billing.payments.sandbox import SandboxProvider
from billing.payments.stripe import StripeProvider
from billing.signatures import BadSignature
from tests.billing.payments.desks import ASKS, BACK, DECLINED, DECLINED_LATER, GOOD, order
from tests.fakes.process import free_port

if TYPE_CHECKING:
    from billing.payments.provider import Paid, Provider
    from tests.billing.payments.desks import Desk


def customer(desk: Desk) -> str:
    return desk.provider.customer(workspace=str(uuid4()), email="a@example.com")


def charged(desk: Desk, number: str, key: str = "") -> Paid:
    mine = customer(desk)
    card = desk.card(mine, number)
    return desk.provider.charge(order(attempt="a1"), customer=mine, card=card, key=key or str(uuid4()))


def paid(desk: Desk) -> str:
    """Pay a session and return the payment's id."""
    session = desk.begin()
    desk.pay(session)
    return desk.provider.session(session).payment_intent


def test_a_payment_page_leads_to_a_payment_with_our_words_on_it(desk: Desk) -> None:
    asked = Order(workspace="w1", amount_cents=1_250, purpose=Purpose.INVOICE, invoice="i1")
    url = desk.provider.begin(asked, customer=customer(desk), return_url=BACK, keep_card=False)
    session = url.rsplit("/", 1)[1]
    desk.pay(session)
    found = desk.provider.session(session)
    assert (found.id, found.workspace) == (session, "w1")
    payment = desk.provider.payment(found.payment_intent)
    assert (payment.order, payment.state, payment.currency, payment.refunds) == (asked, State.SUCCEEDED, "usd", ())


def test_a_page_that_nobody_paid_on_has_no_payment_that_succeeded(desk: Desk) -> None:
    found = desk.provider.session(desk.begin())
    assert not found.payment_intent or desk.provider.payment(found.payment_intent).state is State.PENDING


def test_a_declined_card_pays_nothing(desk: Desk) -> None:
    session = desk.begin()
    desk.pay(session, DECLINED)
    payment_intent = desk.provider.session(session).payment_intent
    assert desk.provider.payment(payment_intent).state in {State.FAILED, State.PENDING}


def test_a_card_is_kept_only_if_asked_and_can_be_removed(desk: Desk) -> None:
    mine = customer(desk)
    desk.pay(desk.begin(customer=mine, keep_card=False))
    assert desk.provider.cards(mine) == ()
    desk.pay(desk.begin(customer=mine, keep_card=True))
    [card] = desk.provider.cards(mine)
    assert (card.brand, card.last_four) == ("Visa", "4242")
    for _ in range(2):
        desk.provider.forget(card.id)
    assert desk.provider.cards(mine) == ()


@pytest.mark.parametrize(
    ("number", "state", "decline"),
    [
        (GOOD, State.SUCCEEDED, ""),
        (DECLINED_LATER, State.FAILED, "card_declined"),
        (ASKS, State.NEEDS_AUTHENTICATION, "authentication_required"),
    ],
)
def test_a_saved_card_is_charged_or_says_why_not(desk: Desk, number: str, state: State, decline: str) -> None:
    found = charged(desk, number)
    assert (found.state, found.decline, found.order.attempt) == (state, decline, "a1")
    again = desk.provider.payment(found.payment_intent)
    assert (again.state, again.decline, again.order) == (state, decline, found.order)


def test_a_customer_that_was_removed_is_told_from_what_else_is_wrong(desk: Desk) -> None:
    with pytest.raises(NoSuchCustomer):
        desk.provider.begin(order(), customer="cus_gone", return_url=BACK, keep_card=False)


def test_refunds_are_in_the_list_of_payments_too(desk: Desk) -> None:
    payment = paid(desk)
    refund = desk.provider.refund(payment, amount_cents=700, asked="r1")
    listed = desk.provider.payments(since=datetime.now(UTC) - timedelta(minutes=1))
    assert [each.refunds for each in listed if each.payment_intent == payment] == [(refund,)]


def test_one_key_charges_once(desk: Desk) -> None:
    mine = customer(desk)
    card, key = desk.card(mine, GOOD), str(uuid4())
    first, second = (desk.provider.charge(order(), customer=mine, card=card, key=key) for _ in range(2))
    assert first == second


def test_a_card_that_is_gone_cannot_be_charged(desk: Desk) -> None:
    with pytest.raises(NoSuchPayment):
        desk.provider.charge(order(), customer=customer(desk), card="pm_none", key=str(uuid4()))


def test_a_refund_is_on_the_payment_with_the_name_we_gave_it_and_made_once(desk: Desk) -> None:
    payment, asked = paid(desk), str(uuid4())
    first, second = (desk.provider.refund(payment, amount_cents=700, asked=asked) for _ in range(2))
    assert first == second
    [found] = desk.provider.payment(payment).refunds
    assert (found.id, found.amount_cents, found.failed, found.asked) == (first.id, 700, False, asked)


def test_more_than_the_payment_is_not_refunded(desk: Desk) -> None:
    payment = paid(desk)
    with pytest.raises(NotRefundable):
        desk.provider.refund(payment, amount_cents=2_501, asked=str(uuid4()))
    assert desk.provider.payment(payment).refunds == ()


def test_every_payment_of_a_customer_is_listed_over_many_pages(desk: Desk) -> None:
    mine = customer(desk)
    card = desk.card(mine, GOOD)
    since = datetime.now(UTC) - timedelta(minutes=1)
    before = len(list(desk.provider.payments(since=since, customer=mine)))
    for number in range(101):
        desk.provider.charge(order(attempt=f"a{number}"), customer=mine, card=card, key=f"{card}-{number}")
    listed = [each.order.attempt for each in desk.provider.payments(since=since, customer=mine)]
    assert len(listed) == before + 101
    assert {f"a{number}" for number in range(101)} <= set(listed)
    assert list(desk.provider.payments(since=since + timedelta(days=1))) == []


@pytest.mark.parametrize("its_id", ["", "cs_none", "../../pay.css", "a b", "x" * 500])
def test_what_nobody_knows_is_no_payment(desk: Desk, its_id: str) -> None:
    for asking in (desk.provider.session, desk.provider.payment):
        with pytest.raises(NoSuchPayment):
            asking(its_id)


def test_the_providers_own_event_names_what_to_look_at(desk: Desk) -> None:
    session = desk.begin()
    desk.pay(session)
    body = desk.told(session, "completed")
    event = desk.provider.read_event(body, desk.headers(body), time.time())
    assert (event.type, event.session_id, event.payment_intent) == ("checkout.session.completed", session, "")


def test_an_event_of_a_refund_names_its_payment(desk: Desk) -> None:
    payment = paid(desk)
    desk.provider.refund(payment, amount_cents=1, asked=str(uuid4()))
    body = desk.told(payment, "refund")
    assert desk.provider.read_event(body, desk.headers(body), time.time()).payment_intent == payment


def test_rule_20_forged_old_tampered_and_unsigned_events_are_refused(desk: Desk) -> None:
    body = b'{"object":"event","type":"x","data":{"object":{}}}'
    for headers in (
        desk.headers(body, secret="guess"),
        desk.headers(body, age=301),
        desk.headers(body + b" "),
        {},
    ):
        with pytest.raises(BadSignature):
            desk.provider.read_event(body, headers, time.time())


@pytest.mark.parametrize("body", [b"[]", b'{"type":"x"}', b'{"type":"x","data":{"object":[]}}', b"{"])
def test_a_signed_body_that_is_no_event_is_refused(desk: Desk, body: bytes) -> None:
    with pytest.raises(BadEvent):
        desk.provider.read_event(body, desk.headers(body), time.time())


def nowhere() -> list[Provider]:
    url = f"http://127.0.0.1:{free_port()}"
    return [SandboxProvider(url, "s"), StripeProvider("sk_test_x", "whsec_x", api_base=url)]


@pytest.mark.parametrize("provider", nowhere(), ids=lambda provider: provider.name)
def test_a_provider_that_cannot_be_reached_is_away(provider: Provider) -> None:
    asking = (
        lambda: provider.customer(workspace="w1", email=""),
        lambda: provider.begin(order(), customer="cus_1", return_url=BACK, keep_card=False),
        lambda: provider.session("cs_1"),
        lambda: provider.payment("pi_1"),
        lambda: list(provider.payments(since=datetime.now(UTC))),
        lambda: provider.charge(order(), customer="cus_1", card="pm_1", key="k"),
        lambda: provider.refund("pi_1", amount_cents=1, asked="r"),
        lambda: provider.cards("cus_1"),
        lambda: provider.forget("pm_1"),
    )
    for ask in asking:
        with pytest.raises(ProviderAway):
            ask()
