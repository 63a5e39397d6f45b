"""The billing page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from accounts.models import Role
from billing import ledger
from billing.models import Balance, Posting
from tests.billing.seed import NOW, Tenant, member, record, tenant

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def alice(client: Client) -> Tenant:
    made = tenant("alice")
    client.force_login(made.owner)
    return made


def test_the_page_shows_the_balance_what_is_open_and_the_postings(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=1))
    page = client.get("/billing/").content.decode()
    assert '<div class="stat-value">$4.99</div>' in page
    assert '<div class="stat-value">$0.0026019</div>' in page
    assert "Sign-up credit" in page
    assert "$5.00" in page


def test_the_page_says_that_no_request_takes_the_balance_below_zero(client: Client, alice: Tenant) -> None:
    page = " ".join(client.get("/billing/").content.decode().split())
    assert "the most that it can cost is held, so requests never take it below zero" in page


@pytest.mark.parametrize("path", ["/billing/", "/usage/", "/keys/"])
def test_a_balance_that_is_used_up_says_on_every_page_what_the_api_answers(
    client: Client, alice: Tenant, path: str
) -> None:
    warning = "requests are answered with 402 until credit is added"
    assert warning not in client.get(path).content.decode()
    Balance.objects.update(nanos=0)
    assert warning in client.get(path).content.decode()


def test_a_debt_within_the_credit_line_is_no_warning(client: Client, alice: Tenant) -> None:
    Balance.objects.update(nanos=-1_000_000_000, credit_line_nanos=3_000_000_000)
    assert "answered with 402" not in client.get("/usage/").content.decode()


def test_a_credit_line_is_part_of_what_can_be_spent(client: Client, alice: Tenant) -> None:
    Balance.objects.update(nanos=-1_000_000_000, credit_line_nanos=3_000_000_000)
    page = client.get("/billing/").content.decode()
    assert "−$1.00" in page
    assert "With your credit line of $3.00, $2.00 can be spent." in page


@pytest.mark.parametrize("role", Role)
def test_everybody_may_read_it_and_only_payers_are_offered_to_pay(
    client: Client, alice: Tenant, settings: Settings, role: Role
) -> None:
    settings.PYLO_PAYMENTS_URL = "http://127.0.0.1:1"
    client.force_login(member(alice.workspace, role))
    answer = client.get("/billing/")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    payer = role in {Role.OWNER, Role.ADMIN, Role.BILLING}
    assert ('value="25"' in answer.content.decode()) is payer


def test_without_a_payment_page_nobody_is_offered_to_pay(client: Client, alice: Tenant, settings: Settings) -> None:
    settings.PYLO_PAYMENTS_URL = ""
    page = client.get("/billing/").content.decode()
    assert 'name="amount"' not in page
    assert "No payment page is configured here" in page


def test_an_outsider_sees_nothing_of_it(client: Client, alice: Tenant) -> None:
    post(alice, "their secret payment")
    client.force_login(tenant("mallory").owner)
    assert "their secret payment" not in client.get("/billing/").content.decode()


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "٣"])
def test_a_place_that_no_page_links_to_is_not_found(client: Client, alice: Tenant, before: str) -> None:
    assert client.get("/billing/", {"before": before}).status_code == 404


def test_many_postings_are_paged_and_cost_no_more_questions(
    client: Client, alice: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        post(alice, f"payment {number}")
    with django_assert_max_num_queries(15):
        first = client.get("/billing/").content.decode()
    assert first.count('data-label="Amount"') == 50
    oldest = Posting.objects.order_by("-id")[49].id
    assert f"?before={oldest}" in first
    assert client.get("/billing/", {"before": str(oldest)}).content.decode().count('data-label="Amount"') == 11


def post(who: Tenant, note: str) -> None:
    ledger.credit(workspace=who.workspace, kind=Posting.Kind.TOP_UP, nanos=10**9, key=note, note=note, at=NOW)
