"""What is paid of issued invoices, and what is still due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.db.utils import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from billing import dues, invoicing, ledger
from billing.models import Invoice, Posting
from gateway.usage import Tokens
from tests.billing.factories import NOON, make_request, record

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace

MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (11, 12)]
DAY = timedelta(days=1)
NINE_DOLLARS = Tokens(10_000_000)


def add(workspace: Workspace, cents: int, key: str) -> None:
    nanos = cents * 10**7
    ledger.credit(workspace=workspace, kind=Posting.Kind.TOP_UP, nanos=nanos, key=key, at=NOON)
    dues.settle(workspace, NOON)


def two_invoices(key: ApiKey) -> list[Invoice]:
    """Two months of $9.00 each, of which nothing is paid."""
    made = []
    for end in MONTHS:
        record(make_request(key, at=end - DAY, tokens=NINE_DOLLARS), at=end)
        made.append(invoicing.issue(workspace=key.workspace, until=end, now=end + DAY))
    return made


def states(workspace: Workspace) -> list[str]:
    return list(Invoice.objects.filter(workspace=workspace).order_by("number").values_list("status", flat=True))


@given(st.lists(st.integers(0, 100), max_size=6), st.integers(0, 300))
def test_a_debt_is_left_on_the_newest_and_never_more_than_is_owed(owed: list[int], debt: int) -> None:
    parts = dues.left(owed, debt)
    assert sum(parts) == min(debt, sum(owed))
    assert all(0 <= part <= most for part, most in zip(parts, owed, strict=True))
    first = next((index for index, part in enumerate(parts) if part), len(parts))
    assert parts[first + 1 :] == owed[first + 1 :]


@pytest.mark.django_db
def test_credit_that_is_added_pays_the_oldest_invoice_first(workspace: Workspace, key: ApiKey) -> None:
    old, new = two_invoices(key)
    assert [dues.payable_cents(each) for each in (old, new)] == [900, 900]
    add(workspace, 899, "a")
    assert (states(workspace), dues.payable_cents(old)) == (["finalised", "finalised"], 1)
    add(workspace, 1, "b")
    assert (states(workspace), dues.payable_cents(new)) == (["paid", "finalised"], 900)
    add(workspace, 5000, "c")
    assert states(workspace) == ["paid", "paid"]
    assert Invoice.objects.get(number=old.number).settled_at == NOON


@pytest.mark.django_db
def test_an_invoice_that_the_balance_pays_is_paid_when_it_is_issued(workspace: Workspace, key: ApiKey) -> None:
    add(workspace, 900, "a")
    record(make_request(key, at=MONTHS[0] - DAY, tokens=NINE_DOLLARS), at=MONTHS[0])
    invoice = invoicing.issue(workspace=workspace, until=MONTHS[0], now=MONTHS[0] + DAY)
    assert (invoice.due_cents, invoice.status, invoice.settled_at) == (0, "paid", MONTHS[0] + DAY)


@pytest.mark.django_db
def test_usage_since_is_no_debt_of_an_invoice(workspace: Workspace, key: ApiKey) -> None:
    two_invoices(key)
    record(make_request(key, at=MONTHS[1] + DAY, tokens=NINE_DOLLARS), at=MONTHS[1] + DAY)
    add(workspace, 1800, "a")
    assert states(workspace) == ["paid", "paid"]


@pytest.mark.django_db
def test_credit_that_no_payment_brought_pays_with_the_next_nights_run(workspace: Workspace, key: ApiKey) -> None:
    two_invoices(key)
    ledger.credit(workspace=workspace, kind=Posting.Kind.PROMOTION, nanos=18 * 10**9, key="promo", at=NOON)
    assert (dues.settle_all(NOON), states(workspace)) == (2, ["paid", "paid"])
    assert dues.settle_all(NOON) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"status": "finalised"}, {"status": "void"}, {"settled_at": NOON}])
def test_rule_29_what_is_paid_stays_paid(workspace: Workspace, key: ApiKey, change: dict[str, object]) -> None:
    two_invoices(key)
    add(workspace, 1800, "a")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Invoice.objects.update(**change)
    assert states(workspace) == ["paid", "paid"]
