"""Records by month: made ahead, dropped only when every charge of theirs is on an invoice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from django.db import connection

from billing import invoicing, partitions
from billing.models import Balance, RequestRecord
from billing.reconciliation import findings
from tests.billing.factories import EPOCH, check_now, make_request, record

if TYPE_CHECKING:
    from accounts.models import ApiKey

pytestmark = pytest.mark.django_db
MARCH = datetime(2027, 3, 1, tzinfo=UTC)
LATE = datetime(2028, 5, 20, tzinfo=UTC)


def served(key: ApiKey, at: datetime, number: int = 0) -> UUID:
    uid = UUID(int=((at - EPOCH) // timedelta(milliseconds=1) << 80) | (7 << 76) | (2 << 62) | number)
    record(make_request(key, at=at, uid=uid))
    check_now()
    return uid


def table_of(uid: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM billing_requestrecord WHERE uid = %s", [uid])
        (name,) = cursor.fetchone() or ("",)
        return str(name)


def test_partitions_are_made_ahead_once_and_take_what_is_theirs(key: ApiKey) -> None:
    first, last = served(key, MARCH), served(key, MARCH + timedelta(days=31) - timedelta(milliseconds=1), 1)
    other = served(key, MARCH - timedelta(milliseconds=1), 2)
    assert [table_of(uid) for uid in (first, last)] == ["billing_requestrecord_rest"] * 2
    assert [partitions.make_ahead(MARCH) for _ in range(2)] == [4, 0]
    assert [table_of(uid) for uid in (first, last)] == ["billing_requestrecord_y2027m03"] * 2
    assert table_of(other) != table_of(first)
    assert RequestRecord.objects.count() == 3
    assert MARCH in partitions.present()


def test_a_record_of_a_partition_is_written_once(key: ApiKey) -> None:
    partitions.make_ahead(MARCH)
    uid = served(key, MARCH)
    assert record(make_request(key, at=MARCH, uid=uid)).inserted == 0


def test_a_month_with_a_charge_on_no_invoice_is_kept(key: ApiKey) -> None:
    partitions.make_ahead(MARCH)
    uid = served(key, MARCH)
    assert MARCH not in partitions.drop_old(LATE, months=13)
    assert RequestRecord.objects.get().uid == uid


def test_an_invoiced_month_goes_and_the_books_agree(key: ApiKey) -> None:
    partitions.make_ahead(MARCH)
    served(key, MARCH)
    invoicing.issue(workspace=key.workspace, until=MARCH + timedelta(days=31), now=LATE)
    check_now()
    assert MARCH in partitions.drop_old(LATE, months=13)
    assert not RequestRecord.objects.exists()
    assert Balance.objects.get().nanos == -2_601_900
    assert [str(each) for _, found in findings(LATE) for each in found] == []
    assert (partitions.kept_since() or LATE) > MARCH


def test_what_is_younger_than_the_months_kept_stays(key: ApiKey) -> None:
    partitions.make_ahead(MARCH)
    assert MARCH not in partitions.drop_old(datetime(2028, 4, 30, tzinfo=UTC), months=13)


def test_a_clients_own_id_is_blanked_when_it_is_old(key: ApiKey) -> None:
    old, young = served(key, MARCH), served(key, MARCH + timedelta(days=20), 1)
    assert partitions.blank_old(MARCH + timedelta(days=31), days=30) == 1
    assert RequestRecord.objects.get(uid=old).request_id == ""
    assert RequestRecord.objects.get(uid=young).request_id == f"req_{young}"
