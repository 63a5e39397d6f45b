from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from billing.signatures import verify
from tests.fakes import payments as fake
from tests.fakes.payments import SECRET, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.payments import Payments


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    with fake.running(tmp_path_factory.mktemp("payments")) as running:
        yield running


def state(payments: Payments, session: str) -> str:
    answer = httpx.get(f"{payments.url}/v1/checkout/sessions/{session}", headers=bearer(), trust_env=False)
    return str(answer.json()["status"])


def test_the_api_wants_the_secret(payments: Payments) -> None:
    answer = httpx.post(f"{payments.url}/v1/checkout/sessions", json={}, headers=bearer("another"), trust_env=False)
    assert answer.status_code == 401


def test_the_page_says_what_it_is_and_loads_nothing_from_elsewhere(payments: Payments) -> None:
    page = httpx.get(f"{payments.url}/pay/{payments.begin()}", trust_env=False)
    assert "Sandbox payment page — no real money" in page.text
    assert "$25.00" in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000" in policy


def test_the_good_card_pays_and_the_merchant_is_told_under_a_signature(payments: Payments) -> None:
    session = payments.begin()
    paid = payments.pay(session)
    assert (paid.status_code, paid.headers["location"]) == (303, f"http://localhost:8000/back/?session={session}")
    delivery = payments.heard()
    verify(delivery.body, delivery.signature, SECRET, time.time())
    event = json.loads(delivery.body)
    assert (event["type"], event["data"]["object"]["id"]) == ("checkout.session.completed", session)
    assert state(payments, session) == "paid"


def test_paying_twice_is_one_payment_and_one_event(payments: Payments) -> None:
    session = payments.begin()
    payments.pay(session)
    assert payments.pay(session).status_code == 303
    payments.heard()
    payments.pay(payments.begin(reference="the next"))
    assert b"the next" in payments.heard().body


@pytest.mark.parametrize("card", ["4000 0000 0000 0002", "1234", ""])
def test_another_card_pays_nothing_and_stays_in_its_field(payments: Payments, card: str) -> None:
    session = payments.begin()
    declined = payments.pay(session, card)
    assert declined.status_code == 200
    assert 'role="alert"' in declined.text
    assert f'value="{card}"' in declined.text
    assert state(payments, session) == "open"
    assert payments.deliveries.empty()


def test_what_was_typed_cannot_become_markup(payments: Payments) -> None:
    assert "<b>" not in payments.pay(payments.begin(), '"><b>x').text


def test_an_unknown_session_is_not_found(payments: Payments) -> None:
    assert httpx.get(f"{payments.url}/pay/cs_0", trust_env=False).status_code == 404
    assert httpx.get(f"{payments.url}/v1/checkout/sessions/cs_0", headers=bearer(), trust_env=False).status_code == 404


def test_a_refused_webhook_is_sent_again_until_it_is_accepted(tmp_path_factory: pytest.TempPathFactory) -> None:
    with fake.running(tmp_path_factory.mktemp("refusing"), refusals=2) as payments:
        payments.pay(payments.begin())
        tries = [payments.heard().body for _ in range(3)]
    assert tries[0] == tries[1] == tries[2]


def test_the_bank_asks_and_a_refusal_charges_nothing(payments: Payments) -> None:
    session = payments.begin()
    asked = payments.pay(session, "4000 0025 0000 3155")
    assert "Your bank asks: is it you?" in asked.text
    refused = payments.answer(session, "refuse")
    assert "You did not approve the payment. Nothing was charged" in refused.text
    assert state(payments, session) == "open"
    payments.pay(session, "4000 0025 0000 3155")
    assert payments.answer(session, "approve").status_code == 303
    assert state(payments, session) == "paid"
    payments.heard()


def test_events_can_be_held_and_sent_three_times_backwards(payments: Payments) -> None:
    payments.call("POST", "webhooks", {"hold": True})
    first, second = payments.begin(), payments.begin()
    for session in (first, second):
        payments.pay(session)
    assert payments.deliveries.empty()
    assert payments.call("POST", "webhooks", {"times": 3, "backwards": True}) == {"sent": 2}
    heard = [payments.heard().body for _ in range(6)]
    assert sorted(first.encode() in body for body in heard) == [False] * 3 + [True] * 3


def test_a_charge_of_a_saved_card_and_a_refund_are_told(payments: Payments) -> None:
    customer = str(payments.call("POST", "customers", {"reference": "w9"})["id"])
    payments.pay(payments.begin(customer=customer, save_card=True))
    payments.heard()
    card = payments.call("GET", f"cards?customer={customer}")["cards"][0]
    assert (card["brand"], card["last_four"], card["expires"]) == ("Visa", "4242", "12/34")
    asked = {"customer": customer, "card": card["id"], "amount_cents": 700, "key": "k"}
    charged = payments.call("POST", "payments", asked)
    assert json.loads(payments.heard().body)["type"] == "payment_intent.succeeded"
    payments.call("POST", "refunds", {"payment_intent": charged["id"], "amount_cents": 200, "key": "r"})
    event = json.loads(payments.heard().body)
    assert (event["type"], event["data"]["object"]["payment_intent"]) == ("refund.created", charged["id"])
    payments.call("DELETE", f"cards/{card['id']}")
    assert payments.call("GET", f"cards?customer={customer}") == {"cards": []}
