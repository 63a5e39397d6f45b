"""Every posting has two sides; what is written stays; promotional credit goes first and expires."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from billing import expiry, invoicing, ledger
from billing.models import Account, Balance, CreditGrant, Entry, Posting, Spend
from billing.postings import Side
from gateway.usage import Tokens
from tests.billing.factories import NOON, check_now, make_request, record

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db
COST = 2_601_900
DAY = timedelta(days=1)


def entries(key: str) -> list[tuple[str, int]]:
    found = Entry.objects.filter(posting__key=key).order_by("id")
    return list(found.values_list("account", "nanos"))


def test_rule_17_what_a_batch_costs_is_one_posting_of_its_own_key(workspace: Workspace, key: ApiKey) -> None:
    batch = uuid4()
    requests = [make_request(key), make_request(key)]
    for _ in range(2):
        ledger.append(requests, segment="a", shipped=9, recorded_at=NOON, batch=batch)
    (posting,) = Posting.objects.all()
    assert (posting.key, posting.kind, posting.nanos) == (f"usage:{batch}:{workspace.id}", "usage", -2 * COST)
    assert entries(posting.key) == [("customer_paid", -2 * COST), ("revenue", 2 * COST)]


def test_rule_17_a_posting_of_any_sides_is_written_once_for_its_key(workspace: Workspace) -> None:
    sides = (Side(Account.CUSTOMER_PAID, -7), Side(Account.TAX, 7))
    wrote = [
        ledger.post(workspace=workspace, kind=Posting.Kind.TAX, key="tax:1", at=NOON, sides=sides) for _ in range(2)
    ]
    assert wrote == [True, False]
    assert (Balance.objects.get().nanos, Balance.objects.get().version) == (-7, 1)
    with pytest.raises(ledger.NotCredit):
        ledger.post(workspace=workspace, kind=Posting.Kind.TAX, key="tax:2", at=NOON, sides=sides[:1])


ENTRY = "INSERT INTO billing_entry (posting_id, account, nanos) SELECT id, 'revenue', 1 FROM billing_posting"
POSTING = """
INSERT INTO billing_posting (workspace_id, kind, nanos, key, note, posted_at)
SELECT workspace_id, kind, 5, 'x', '', posted_at FROM billing_posting
"""


@pytest.mark.parametrize("forgery", [ENTRY, POSTING])
def test_rule_15_postgres_refuses_what_does_not_sum_to_zero(workspace: Workspace, forgery: str) -> None:
    ledger.credit(workspace=workspace, kind=Posting.Kind.TOP_UP, nanos=5, key="a", at=NOON)
    check_now()
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        forge(forgery)
    assert (Posting.objects.count(), Entry.objects.count()) == (1, 2)


def forge(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    check_now()


@pytest.mark.parametrize(
    ("kind", "nanos", "sides"),
    [
        (Posting.Kind.TOP_UP, 5, [("customer_paid", 5), ("psp_clearing", -5)]),
        (Posting.Kind.REFUND, -5, [("customer_paid", -5), ("psp_clearing", 5)]),
        (Posting.Kind.CREDIT_NOTE, 5, [("customer_paid", 5), ("refunds", -5)]),
        (Posting.Kind.ADJUSTMENT, -5, [("customer_paid", -5), ("adjustments", 5)]),
        (Posting.Kind.PROMOTION, 5, [("customer_promo", 5), ("promotions", -5)]),
        (Posting.Kind.ADJUSTMENT, 0, []),
    ],
)
def test_each_kind_of_credit_has_its_other_side(
    workspace: Workspace, kind: Posting.Kind, nanos: int, sides: list[tuple[str, int]]
) -> None:
    ledger.credit(workspace=workspace, kind=kind, nanos=nanos, key="a", at=NOON)
    assert entries("a") == sides
    assert Balance.objects.get().nanos == nanos


@pytest.mark.parametrize(
    ("kind", "nanos", "expires"), [("usage", 5, False), ("promotion", 0, False), ("top_up", 5, True)]
)
def test_what_is_no_credit_is_refused_and_nothing_is_written(
    workspace: Workspace, kind: str, nanos: int, *, expires: bool
) -> None:
    with pytest.raises(ledger.NotCredit):
        ledger.credit(
            workspace=workspace,
            kind=Posting.Kind(kind),
            nanos=nanos,
            key="a",
            at=NOON,
            expires_at=NOON if expires else None,
        )
    assert not Posting.objects.exists()


def test_rule_18_usage_takes_promotional_credit_first_and_what_is_left_expires(
    workspace: Workspace, key: ApiKey
) -> None:
    ledger.credit(workspace=workspace, kind=Posting.Kind.TOP_UP, nanos=COST, key="paid", at=NOON)
    for name, nanos, days in (("late", COST, 9), ("early", 2 * COST, 3)):
        kind = Posting.Kind.PROMOTION
        ledger.credit(workspace=workspace, kind=kind, nanos=nanos, key=name, at=NOON, expires_at=NOON + days * DAY)
    record(make_request(key))
    assert list(CreditGrant.objects.order_by("id").values_list("left_nanos", flat=True)) == [COST, COST]
    assert [expiry.expire(NOON + 3 * DAY) for _ in range(2)] == [COST, 0]
    early, late = CreditGrant.objects.get(posting__key="early"), CreditGrant.objects.get(posting__key="late")
    expired = Posting.objects.get(key=f"expire:{early.id}")
    assert (expired.nanos, expired.posted_at) == (-COST, NOON + 3 * DAY)
    assert entries(expired.key) == [("customer_promo", -COST), ("breakage", COST)]
    record(make_request(key, at=NOON + 4 * DAY), make_request(key, at=NOON + 4 * DAY))
    late.refresh_from_db()
    assert (late.left_nanos, Balance.objects.get().nanos) == (0, 0)


def test_spends_and_the_version_move_with_the_balance(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key), make_request(key, tokens=Tokens()))
    expected = [("day", "2026-10-14"), ("month", "2026-10-01"), ("total", "1970-01-01"), ("week", "2026-10-12")]
    for holder in (workspace.id, key.id):
        rows = Spend.objects.filter(holder=holder).order_by("period").values_list("period", "starts_on", "nanos")
        assert [(period, f"{day}", nanos) for period, day, nanos in rows] == [(*each, COST) for each in expected]
    assert Balance.objects.get().version == 1
    ledger.changed(workspace.id)
    assert Balance.objects.get().version == 2


@pytest.mark.parametrize("table", ["posting", "entry", "invoice", "invoiceline", "requestrecord"])
@pytest.mark.parametrize("change", ["DELETE FROM billing_{}", "UPDATE billing_{} SET {}"])
def test_rule_16_what_is_written_is_neither_changed_nor_deleted(key: ApiKey, table: str, change: str) -> None:
    columns = {
        "posting": "nanos = nanos + 1",
        "entry": "nanos = nanos + 1",
        "invoice": "usage_nanos = 0",
        "invoiceline": "cents = 0",
        "requestrecord": "cost_nanos = 0",
    }
    ledger.credit(workspace=key.workspace, kind=Posting.Kind.TOP_UP, nanos=5, key="a", at=NOON)
    record(make_request(key))
    invoicing.issue(workspace=key.workspace, until=NOON + DAY, now=NOON + DAY)
    check_now()
    refused = pytest.raises(IntegrityError, match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(table, columns[table]))
    assert Entry.objects.aggregate(total=Sum("nanos"))["total"] == 0
