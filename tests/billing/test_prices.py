"""The price book: effective dates that never overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from billing import prices
from billing.models import Price, RequestRecord
from billing.pricing import Rates
from tests.billing.factories import LAUNCH_PRICE, MODEL, NOON, make_request, record

if TYPE_CHECKING:
    from accounts.models import ApiKey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("launch_price")]
CHEAPER = Rates(input_nanos=600, cached_nanos=120, output_nanos=2600)
CHANGE = datetime(2026, 12, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def book() -> list[tuple[int, datetime, datetime | None]]:
    return list(Price.objects.order_by("starts_at").values_list("input_nanos", "starts_at", "ends_at"))


def test_the_launch_price_is_in_the_book() -> None:
    price = prices.current(MODEL, NOON)
    assert (price.id, price.input_nanos, price.cached_nanos, price.output_nanos) == (LAUNCH_PRICE, 900, 180, 3900)


def test_there_is_no_price_before_the_first_nor_of_another_model() -> None:
    with pytest.raises(prices.NoPrice, match="no price at 2025-12-31 23:59:59 UTC"):
        prices.current(MODEL, datetime(2026, 1, 1, tzinfo=UTC) - MILLISECOND)
    with pytest.raises(prices.NoPrice):
        prices.current("moonshotai/kimi-k3", NOON)


def test_rule_6_a_change_holds_from_its_moment_and_not_a_millisecond_before() -> None:
    new = prices.schedule(model=MODEL, rates=CHEAPER, starts_at=CHANGE, now=NOON)
    assert prices.current(MODEL, CHANGE - MILLISECOND).id == LAUNCH_PRICE
    assert prices.current(MODEL, CHANGE).id == new.id
    assert prices.current(MODEL, CHANGE + MILLISECOND).id == new.id


def test_rule_6_a_change_leaves_what_was_recorded_as_it_was(key: ApiKey) -> None:
    record(make_request(key))
    before = RequestRecord.objects.values().get()
    prices.schedule(model=MODEL, rates=CHEAPER, starts_at=CHANGE, now=NOON)
    assert RequestRecord.objects.values().get() == before
    assert before["cost_nanos"] == 2_601_900


@pytest.mark.parametrize(
    ("starts_at", "now"),
    [(NOON - MILLISECOND, NOON), (datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))],
)
def test_a_price_that_would_reach_back_is_refused(starts_at: datetime, now: datetime) -> None:
    before = book()
    with pytest.raises(prices.TooEarly):
        prices.schedule(model=MODEL, rates=CHEAPER, starts_at=starts_at, now=now)
    assert book() == before


def test_a_model_without_a_price_gets_its_first() -> None:
    first = prices.schedule(model="moonshotai/kimi-k3", rates=CHEAPER, starts_at=NOON, now=NOON)
    assert prices.current("moonshotai/kimi-k3", NOON) == first


@pytest.mark.parametrize("ends_at", [None, CHANGE])
def test_rule_6_postgres_refuses_prices_that_overlap(ends_at: datetime | None) -> None:
    before = book()
    with pytest.raises(IntegrityError, match="price_no_overlap"), transaction.atomic():
        Price.objects.create(
            model=MODEL, input_nanos=1, cached_nanos=1, output_nanos=1, starts_at=NOON, ends_at=ends_at
        )
    assert book() == before


def test_rule_2_a_price_is_a_whole_number_of_nano_dollars() -> None:
    with pytest.raises(IntegrityError, match="price_not_negative"), transaction.atomic():
        Price.objects.create(model="m", input_nanos=-1, cached_nanos=1, output_nanos=1, starts_at=NOON)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = 'billing_price' AND column_name LIKE '%nanos'"
        )
        assert cursor.fetchall() == [("bigint",)] * 3


@pytest.mark.django_db
def test_the_launch_price_can_be_taken_back_and_put_again() -> None:
    migration = import_module("billing.migrations.0002_launch_price")
    migration.remove(apps, None)
    assert book() == []
    migration.add(apps, None)
    assert book() == [(900, datetime(2026, 1, 1, tzinfo=UTC), None)]
