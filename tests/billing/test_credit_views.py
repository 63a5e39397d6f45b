from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Membership, Role, User
from billing.models import Balance, Posting
from sandbox.webhooks import sign
from tests.billing.factories import make_workspace
from tests.fakes import payments as fake
from tests.fakes.payments import SECRET
from tests.fakes.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from accounts.models import Workspace
    from tests.fakes.payments import Payments

HOOK = "/billing/webhooks/payments/"
ADD = "/billing/add-credit/"
BACK = "/billing/credit/return/"


@pytest.fixture(scope="module")
def sandbox_payments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    with fake.running(tmp_path_factory.mktemp("payments")) as running:
        yield running


@pytest.fixture
def payments(sandbox_payments: Payments, settings: Settings) -> Payments:
    settings.PYLO_PAYMENTS_URL = sandbox_payments.url
    settings.PYLO_PAYMENTS_SECRET = SECRET
    return sandbox_payments


def sign_in(workspace: Workspace, role: Role = Role.OWNER) -> Client:
    user = User.objects.create_user(f"{role}@example.com", "correct horse battery")
    Membership.objects.create(workspace=workspace, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def event(session: str, kind: str = "checkout.session.completed") -> bytes:
    return json.dumps({"type": kind, "data": {"object": {"id": session, "amount_cents": 99_999_999}}}).encode()


def tell(body: bytes, signature: str | None = None) -> int:
    """Send a webhook as the provider does and return the status."""
    header = sign(body, SECRET, int(time.time())) if signature is None else signature
    sent: Any = Client().post(HOOK, body, content_type="application/json", headers={"Pylo-Signature": header})
    return int(sent.status_code)


def tell_from_a_thread(body: bytes) -> int:
    try:
        return tell(body)
    finally:
        connections.close_all()


def nanos(workspace: Workspace) -> int:
    return Balance.objects.filter(workspace=workspace).values_list("nanos", flat=True).first() or 0


@pytest.mark.django_db
def test_the_payer_is_led_to_the_payment_page_and_credited_on_the_way_back(payments: Payments) -> None:
    workspace = make_workspace()
    client = sign_in(workspace)
    away = client.post(ADD, {"amount": "25"})
    assert away.headers["Location"].startswith(f"{payments.url}/pay/cs_")
    session = away.headers["Location"].rsplit("/", 1)[1]
    payments.pay(session)
    assert client.get(BACK, {"session": session}).headers["Location"] == "/billing/"
    assert nanos(workspace) == 25_000_000_000


@pytest.mark.django_db
def test_coming_back_without_having_paid_credits_nothing(payments: Payments) -> None:
    workspace = make_workspace()
    session = payments.begin(reference=str(workspace.id))
    assert sign_in(workspace).get(BACK, {"session": session}).status_code == 302
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_an_outsider_coming_back_with_anothers_session_sees_nothing(payments: Payments) -> None:
    paid = payments.begin(reference=str(make_workspace().id))
    payments.pay(paid)
    assert sign_in(make_workspace("Other")).get(BACK, {"session": paid}).status_code == 404
    assert not Posting.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("session", ["", "cs_0", "../x"])
def test_coming_back_with_an_unknown_session_is_not_found(payments: Payments, session: str) -> None:
    assert sign_in(make_workspace()).get(BACK, {"session": session}).status_code == 404


@pytest.mark.django_db
def test_a_mistyped_amount_is_told_and_kept(payments: Payments) -> None:
    answer = sign_in(make_workspace()).post(ADD, {"amount": "other", "other": "2.5O"})
    assert answer.status_code == 200
    assert b'value="2.5O"' in answer.content
    assert b"Enter an amount from $5 to $1,000." in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [(Role.BILLING, 200), (Role.DEVELOPER, 403), (Role.VIEWER, 403)])
def test_only_who_pays_may_add_credit(payments: Payments, role: Role, status: int) -> None:
    assert sign_in(make_workspace(), role).get(ADD).status_code == status


@pytest.mark.django_db
def test_a_provider_that_is_away_charges_nothing_and_says_so(settings: Settings) -> None:
    settings.PYLO_PAYMENTS_URL = f"http://127.0.0.1:{free_port()}"
    answer = sign_in(make_workspace()).post(ADD, {"amount": "25"})
    assert answer.status_code == 503
    assert b"Nothing was charged" in answer.content
    assert tell(event("cs_0"), "t=1,v1=0") == 400


@pytest.mark.django_db(transaction=True)
def test_the_same_event_three_times_at_once_credits_once(payments: Payments) -> None:
    workspace = make_workspace()
    session = payments.begin(reference=str(workspace.id))
    payments.pay(session)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(tell_from_a_thread, [event(session)] * 3)) == [200, 200, 200]
    assert nanos(workspace) == 25_000_000_000
    assert Posting.objects.count() == 1


@pytest.mark.django_db
def test_return_and_webhook_together_credit_once(payments: Payments) -> None:
    workspace = make_workspace()
    session = payments.begin(reference=str(workspace.id))
    payments.pay(session)
    sign_in(workspace).get(BACK, {"session": session})
    assert tell(event(session)) == 200
    assert nanos(workspace) == 25_000_000_000


@pytest.mark.django_db
def test_an_event_is_no_proof_of_payment(payments: Payments) -> None:
    workspace = make_workspace()
    assert tell(event(payments.begin(reference=str(workspace.id)))) == 200
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_forged_old_tampered_and_unsigned_events_are_refused(payments: Payments) -> None:
    session = payments.begin(reference=str(make_workspace().id))
    payments.pay(session)
    body = event(session)
    now = int(time.time())
    bad = (sign(body, "guess", now), sign(body, SECRET, now - 301), sign(body + b" ", SECRET, now), "")
    assert [tell(body, signature) for signature in bad] == [400] * 4
    assert tell(b"no json") == 400
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_an_event_of_an_unknown_type_is_accepted_and_ignored(payments: Payments) -> None:
    assert tell(event("cs_0", "customer.created")) == 200


@pytest.mark.django_db
def test_an_event_about_an_unknown_payment_is_not_swallowed(payments: Payments) -> None:
    assert tell(event("cs_0")) == 404
    stranger = payments.begin(reference="nobody")
    payments.pay(stranger)
    assert tell(event(stranger)) == 404
    assert not Posting.objects.exists()


@pytest.mark.django_db
def test_without_a_provider_there_is_nothing_to_pay(settings: Settings) -> None:
    settings.PYLO_PAYMENTS_URL = ""
    assert tell(event("cs_0")) == 404
    assert sign_in(make_workspace()).post(ADD, {"amount": "25"}).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ADD, BACK])
def test_without_payments_there_is_no_way_to_pay(settings: Settings, path: str) -> None:
    settings.PYLO_PAYMENTS_URL = ""
    client = sign_in(make_workspace())
    assert client.get(path).status_code == 404
    assert client.post(ADD, {"amount": "25"}).status_code == 404
    assert Client().post(HOOK).status_code == 404
