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
    assert declined.status_code == 402
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
