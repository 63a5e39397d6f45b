"""The staff reads everything and edits nothing; prices can be added."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.admin import site
from django.urls import reverse

from accounts.models import User
from billing import invoicing, ledger
from billing.models import AutoTopUp, Balance, Budget, Invoice, Payment, Posting, Price, RequestRecord, TopUpAttempt
from tests.billing.factories import MODEL, NOON, make_request, record

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

    from accounts.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, workspace: Workspace, key: ApiKey) -> Client:
    ledger.open_balance(workspace=workspace, credit_nanos=10**9, at=NOON)
    record(make_request(key))
    invoicing.issue(workspace=workspace, until=NOON + timedelta(days=1), now=NOON + timedelta(days=1))
    client.force_login(User.objects.create_superuser("staff@pylo.example", "a long password"))
    return client


@pytest.mark.parametrize("model", [Price, RequestRecord, Balance, Posting, Invoice])
def test_every_list_and_row_can_be_read_and_nothing_edited(staff: Client, model: type[Model]) -> None:
    name = f"admin:billing_{model._meta.model_name}"
    row = model._default_manager.order_by("pk")[0]
    before = list(model._default_manager.order_by("pk").values())
    page = reverse(f"{name}_change", args=[row.pk])
    assert staff.get(reverse(f"{name}_changelist")).status_code == 200
    assert staff.get(page).status_code == 200
    assert staff.post(page, {"nanos": "1", "cost_nanos": "1"}).status_code == 403
    assert staff.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert list(model._default_manager.order_by("pk").values()) == before


def test_a_kind_of_posting_is_called_as_on_the_billing_page(staff: Client) -> None:
    assert "Sign-up credit" in staff.get(reverse("admin:billing_posting_changelist")).content.decode()


def test_only_prices_can_be_added(staff: Client) -> None:
    read_only = {RequestRecord, Balance, Budget, Posting, Invoice, Payment, AutoTopUp, TopUpAttempt}
    for model in read_only:
        assert staff.get(reverse(f"admin:billing_{model._meta.model_name}_add")).status_code == 403
    assert {model for model in site._registry if model._meta.app_label == "billing"} == {Price, *read_only}


def price_form(day: str) -> dict[str, str]:
    rates = {"input_nanos": "600", "cached_nanos": "120", "output_nanos": "2600"}
    return {"model": MODEL, "starts_at_0": day, "starts_at_1": "00:00:00", **rates}


def test_a_price_that_is_added_ends_the_one_before(staff: Client) -> None:
    assert staff.post(reverse("admin:billing_price_add"), price_form("2096-12-01")).status_code == 302
    change = datetime(2096, 12, 1, tzinfo=UTC)
    assert list(Price.objects.order_by("starts_at").values_list("input_nanos", "ends_at")) == [
        (900, change),
        (600, None),
    ]


def test_a_price_that_starts_in_the_past_is_refused_beside_its_field(staff: Client) -> None:
    response = staff.post(reverse("admin:billing_price_add"), price_form("2020-12-01"))
    assert response.status_code == 200
    assert "2020-12-01 00:00:00 UTC is past" in response.content.decode()
    assert Price.objects.count() == 1
