"""The way to the page to pay on and back, and the webhook; the same with both providers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Membership, Role, User
from billing import ledger
from billing.models import Balance, Payment, PaymentCustomer, Posting
from billing.payments import chosen
from tests.billing.factories import make_workspace
from tests.billing.payments.desks import BACK as RETURN
from tests.billing.payments.desks import DECLINED, SandboxDesk, order
from tests.fakes.payments import SECRET
from tests.fakes.process import free_port
from tests.fakes.stripe import KEY, WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from accounts.models import Workspace
    from tests.billing.payments.desks import Desk

HOOK = "/billing/webhooks/payments/"
ADD = "/billing/add-credit/"
BACK = "/billing/credit/return/"


@pytest.fixture
def shop(desk: Desk, settings: Settings) -> Desk:
    """A desk whose provider is the one that the settings choose."""
    if isinstance(desk, SandboxDesk):
        settings.PYLO_PAYMENTS_URL, settings.PYLO_PAYMENTS_SECRET = desk.payments.url, SECRET
    else:
        settings.PYLO_PAYMENTS_URL = ""
        settings.PYLO_STRIPE_SECRET_KEY, settings.PYLO_STRIPE_WEBHOOK_SECRET = KEY, WEBHOOK_SECRET
        settings.PYLO_STRIPE_API_BASE = desk.fake.url  # type: ignore[attr-defined]
    return desk


def sign_in(workspace: Workspace, role: Role = Role.OWNER) -> Client:
    user = User.objects.create_user(f"{role}@example.com", "correct horse battery")
    Membership.objects.create(workspace=workspace, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def begun(shop: Desk, workspace: str) -> str:
    customer = shop.provider.customer(workspace=workspace, email="a@example.com")
    url = shop.provider.begin(order(workspace), customer=customer, return_url=RETURN, keep_card=False)
    return url.rsplit("/", 1)[1]


def event(about: str, kind: str = "checkout.session.completed") -> bytes:
    told = {"id": about, "payment_intent": about, "amount_cents": 99_999_999, "amount_total": 99_999_999}
    return json.dumps({"object": "event", "type": kind, "data": {"object": told}}).encode()


def tell(shop: Desk, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Send a webhook as the provider does and return the status."""
    signed = shop.headers(body) if headers is None else headers
    sent: Any = Client().post(HOOK, body, content_type="application/json", headers=signed)
    return int(sent.status_code)


def at_once(times: int, do: Callable[[], int]) -> list[int]:
    def run(_: int) -> int:
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def nanos(workspace: Workspace) -> int:
    return Balance.objects.filter(workspace=workspace).values_list("nanos", flat=True).first() or 0


@pytest.mark.django_db
def test_the_payer_is_led_to_the_payment_page_and_credited_on_the_way_back(shop: Desk) -> None:
    workspace = make_workspace()
    client = sign_in(workspace)
    session = client.post(ADD, {"amount": "25"}).headers["Location"].rsplit("/", 1)[1]
    shop.pay(session)
    assert client.get(BACK, {"session": session}).headers["Location"] == "/billing/"
    assert nanos(workspace) == 25_000_000_000


@pytest.mark.django_db
def test_a_card_is_kept_only_when_the_payer_says_so(shop: Desk) -> None:
    workspace = make_workspace()
    client = sign_in(workspace)
    for keep, cards in (({}, 0), ({"keep_card": "on"}, 1)):
        shop.pay(client.post(ADD, {"amount": "25"} | keep).headers["Location"].rsplit("/", 1)[1])
        assert len(shop.provider.cards(PaymentCustomer.objects.get().customer)) == cards


@pytest.mark.django_db
def test_a_customer_that_was_removed_at_the_providers_is_made_anew(shop: Desk) -> None:
    workspace = make_workspace()
    PaymentCustomer.objects.create(workspace=workspace, provider=shop.provider.name, customer="cus_gone")
    assert sign_in(workspace).post(ADD, {"amount": "25"}).status_code == 302
    assert PaymentCustomer.objects.get().customer != "cus_gone"


@pytest.mark.django_db
@pytest.mark.parametrize("card", ["", DECLINED])
def test_coming_back_without_having_paid_credits_nothing(shop: Desk, card: str) -> None:
    workspace = make_workspace()
    session = begun(shop, str(workspace.id))
    if card:
        shop.pay(session, card)
    answer = sign_in(workspace).get(BACK, {"session": session}, follow=True)
    assert b"The payment was not completed. Nothing was charged." in answer.content
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_an_outsider_coming_back_with_anothers_session_sees_nothing(shop: Desk) -> None:
    session = begun(shop, str(make_workspace().id))
    shop.pay(session)
    assert sign_in(make_workspace("Other")).get(BACK, {"session": session}).status_code == 404
    assert not Posting.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("session", ["", "cs_0", "../x"])
def test_coming_back_with_an_unknown_session_is_not_found(shop: Desk, session: str) -> None:
    assert sign_in(make_workspace()).get(BACK, {"session": session}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_rule_19_the_same_event_three_times_at_once_credits_once(shop: Desk) -> None:
    workspace = make_workspace()
    session = begun(shop, str(workspace.id))
    shop.pay(session)
    assert at_once(3, lambda: tell(shop, event(session))) == [200, 200, 200]
    assert nanos(workspace) == 25_000_000_000
    assert (Posting.objects.count(), Payment.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_rule_19_return_and_webhook_together_credit_once(shop: Desk) -> None:
    workspace = make_workspace()
    session = begun(shop, str(workspace.id))
    shop.pay(session)
    sign_in(workspace).get(BACK, {"session": session})
    assert tell(shop, event(session)) == 200
    assert nanos(workspace) == 25_000_000_000


@pytest.mark.django_db(transaction=True)
def test_rule_19_a_handler_that_raised_leaves_no_mark_and_the_retry_credits(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace()
    session = begun(shop, str(workspace.id))
    shop.pay(session)
    with monkeypatch.context() as broken:
        broken.setattr(ledger, "credit", lambda **_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            tell(shop, event(session))
    assert not Payment.objects.exists()
    assert tell(shop, event(session)) == 200
    assert nanos(workspace) == 25_000_000_000


@pytest.mark.django_db
def test_rule_19_a_refund_that_is_told_before_its_payment_leaves_the_right_balance(shop: Desk) -> None:
    workspace = make_workspace()
    session = begun(shop, str(workspace.id))
    shop.pay(session)
    payment = shop.provider.session(session).payment_intent
    shop.provider.refund(payment, amount_cents=700, asked="")
    for kind, about in (("charge.refunded", payment), ("checkout.session.completed", session)):
        assert tell(shop, event(about, kind)) == 200
    assert nanos(workspace) == 18_000_000_000


@pytest.mark.django_db
def test_rule_20_an_event_is_no_proof_of_payment(shop: Desk) -> None:
    workspace = make_workspace()
    assert tell(shop, event(begun(shop, str(workspace.id)))) == 200
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_rule_20_forged_old_tampered_and_unsigned_events_are_refused(shop: Desk) -> None:
    session = begun(shop, str(make_workspace().id))
    shop.pay(session)
    body = event(session)
    bad: tuple[dict[str, str], ...] = (
        shop.headers(body, secret="guess"),
        shop.headers(body, age=301),
        shop.headers(body + b" "),
        {},
    )
    assert [tell(shop, body, headers) for headers in bad] == [400] * 4
    assert tell(shop, b"no json") == 400
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_rule_20_an_event_of_an_unknown_type_is_accepted_and_ignored(shop: Desk) -> None:
    assert tell(shop, event("cs_0", "customer.created")) == 200


@pytest.mark.django_db
def test_rule_20_an_event_about_an_unknown_payment_is_not_swallowed(shop: Desk) -> None:
    assert tell(shop, event("cs_0")) == 404
    stranger = begun(shop, "nobody")
    shop.pay(stranger)
    assert tell(shop, event(stranger)) == 404
    assert not Posting.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_only_who_pays_may_add_credit(settings: Settings, role: Role) -> None:
    settings.PYLO_PAYMENTS_URL = "http://127.0.0.1:1"
    client = sign_in(make_workspace(), role)
    for path in (ADD, "/billing/auto-top-up/", "/billing/payments/pi_1/refund/"):
        assert client.get(path).status_code == 403
    assert client.post("/billing/cards/pm_1/remove/").status_code == 403


@pytest.mark.django_db
def test_a_provider_that_is_away_charges_nothing_and_says_so(settings: Settings) -> None:
    settings.PYLO_PAYMENTS_URL = f"http://127.0.0.1:{free_port()}"
    client = sign_in(make_workspace())
    answer = client.post(ADD, {"amount": "25"})
    assert answer.status_code == 503
    assert b"Nothing was charged" in answer.content
    answer = client.get(BACK, {"session": "cs_1"}, follow=True)
    assert b"there is no need to pay again" in answer.content


@pytest.mark.django_db
def test_a_mistyped_amount_is_told_and_kept(settings: Settings) -> None:
    settings.PYLO_PAYMENTS_URL = "http://127.0.0.1:1"
    answer = sign_in(make_workspace()).post(ADD, {"amount": "other", "other": "2.5O"})
    assert answer.status_code == 200
    assert b'value="2.5O"' in answer.content
    assert b"Enter an amount from $5 to $1,000." in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ADD, BACK, "/billing/payments/", "/billing/auto-top-up/"])
def test_without_a_provider_there_is_no_way_to_pay(settings: Settings, path: str) -> None:
    settings.PYLO_PAYMENTS_URL = ""
    assert chosen.provider() is None
    assert sign_in(make_workspace()).get(path).status_code == 404
    assert Client().post(HOOK).status_code == 404
