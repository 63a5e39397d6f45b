"""A key is made with a budget, or neither is made; its row shows how the budget stands."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from accounts.models import ApiKey, Role
from billing import budgets
from billing.models import Budget
from tests.billing.seed import NOW, Tenant, member, record, tenant

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
COST = 2_601_900


@pytest.fixture
def alice() -> Tenant:
    return tenant("alice")


@pytest.fixture
def pages(client: Client, alice: Tenant) -> Client:
    client.force_login(alice.owner)
    return client


def form(**fields: str) -> dict[str, str]:
    return {"name": "batch", "form_token": str(uuid4())} | fields


def test_a_key_is_made_with_a_budget_of_its_own(pages: Client) -> None:
    assert pages.post("/keys/new/", form(budget="$2.50", budget_period="day")).status_code == 200
    budget = Budget.objects.get()
    assert budget.key is not None
    assert (budget.key.name, budget.period, budget.limit_nanos) == ("batch", "day", 2_500_000_000)


def test_a_budget_is_of_a_month_where_no_period_is_given(pages: Client) -> None:
    pages.post("/keys/new/", form(budget="0"))
    assert Budget.objects.values_list("period", "limit_nanos").get() == ("month", 0)


def test_without_a_budget_there_is_none(pages: Client) -> None:
    pages.post("/keys/new/", form(budget="", budget_period="week"))
    assert ApiKey.objects.filter(name="batch").exists()
    assert not Budget.objects.exists()


@pytest.mark.parametrize("fields", [{"budget": "lots"}, {"budget": "-1"}, {"budget": "1", "budget_period": "year"}])
def test_a_budget_that_cannot_be_makes_no_key(pages: Client, fields: dict[str, str]) -> None:
    page = pages.post("/keys/new/", form(**fields))
    assert 'class="error"' in page.content.decode()
    assert "<details open>" in page.content.decode()
    assert not ApiKey.objects.filter(name="batch").exists()
    assert not Budget.objects.exists()


def test_a_form_sent_twice_makes_one_key_and_one_budget(pages: Client) -> None:
    twice = form(budget="1")
    assert [pages.post("/keys/new/", twice).status_code for _ in range(2)] == [200, 409]
    assert (ApiKey.objects.filter(name="batch").count(), Budget.objects.count()) == (1, 1)


def test_a_budget_that_fails_leaves_no_key_without_its_wall(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: object) -> None:
        raise budgets.ImpossibleLimit

    monkeypatch.setattr(budgets, "put", fails)
    with pytest.raises(budgets.ImpossibleLimit):
        pages.post("/keys/new/", form(budget="1"))
    assert not ApiKey.objects.filter(name="batch").exists()


def test_a_developer_gives_a_new_key_a_budget_but_does_not_change_it(client: Client, alice: Tenant) -> None:
    client.force_login(member(alice.workspace, Role.DEVELOPER))
    assert client.post("/keys/new/", form(budget="1")).status_code == 200
    budget = Budget.objects.get()
    assert client.post(f"/billing/budgets/{budget.id}/", {"limit": "5"}).status_code == 403
    assert Budget.objects.get().limit_nanos == 10**9


def test_the_row_of_a_key_shows_its_budgets_with_one_look_for_all(
    pages: Client, alice: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    pages.post("/keys/new/", form(budget="3"))
    key = ApiKey.objects.get(name="batch")
    record(key, NOW)
    Budget.objects.update(limit_nanos=2 * COST)
    for number in range(5):
        pages.post("/keys/new/", form(name=f"other {number}", budget="3"))
    with django_assert_max_num_queries(9):
        page = " ".join(pages.get("/keys/").content.decode().split())
    assert '$0.0052038 a month, <span class="muted">50 % used</span>' in page
    assert page.count("$3.00 a month") == 5
    limits = pages.get(f"/keys/{key.pk}/limits/").content.decode()
    assert "$0.0026019 spent" in " ".join(limits.split())
