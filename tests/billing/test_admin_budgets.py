"""The staff sees how each budget stands, and changes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from accounts.models import User
from billing import budgets
from billing.models import Budget, BudgetPeriod
from tests.billing.factories import make_request, record
from tests.billing.seed import NOW

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from accounts.models import ApiKey, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
COST = 2_601_900
LIST = "/admin/billing/budget/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff@pylo.example", "a long password"))
    return client


@pytest.fixture
def two(workspace: Workspace, key: ApiKey) -> list[Budget]:
    """A key's of a day with a request in it, and the workspace's of a month."""
    record(make_request(key, at=NOW))
    by, day, month = User.objects.create_user("o@pylo.example", "a long password"), BudgetPeriod.DAY, BudgetPeriod.MONTH
    return [
        budgets.put(workspace=workspace, key=key, period=day, limit_nanos=2 * COST, by=by, at=NOW),
        budgets.put(workspace=workspace, key=None, period=month, limit_nanos=10**9, by=by, at=NOW),
    ]


def test_the_list_has_holder_period_limit_and_what_is_spent_now(staff: Client, two: list[Budget], key: ApiKey) -> None:
    page = staff.get(LIST).content.decode()
    for text in (f"key ci ({key.masked})", "a day", "$0.0052038", "$0.0026019", "the workspace", "a month", "$1.00"):
        assert text in page


def test_the_list_reads_its_rows_at_once(
    staff: Client, two: list[Budget], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        staff.get(LIST)


def test_nothing_can_be_added_or_edited(staff: Client, two: list[Budget]) -> None:
    page = reverse("admin:billing_budget_change", args=[two[0].pk])
    assert staff.get(page).status_code == 200
    assert staff.post(page, {"limit_nanos": "1"}).status_code == 403
    assert staff.post(reverse("admin:billing_budget_delete", args=[two[0].pk]), {"post": "yes"}).status_code == 403
    assert staff.get(reverse("admin:billing_budget_add")).status_code == 403
    assert Budget.objects.get(pk=two[0].pk).limit_nanos == 2 * COST
