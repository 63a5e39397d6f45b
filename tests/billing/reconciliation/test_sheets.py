"""What customers are given of an invoice holds when they verify it; else it is found before they do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from billing.models import Invoice, InvoiceLine, RequestRecord, RollupMark
from billing.partitions import MARK
from billing.reconciliation import sheets
from tests.billing.factories import forged
from tests.billing.reconciliation.accounts import NOVEMBER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books")]
FIRST = "PYLO-2026-000001"


def found(*, days: int = 0) -> list[str]:
    return [each.about for each in sheets.findings(NOVEMBER + timedelta(days=days), lambda _: None)]


def test_what_was_issued_verifies() -> None:
    assert found() == []


def test_rule_30_a_row_that_is_off_is_named_with_the_sums_it_changes() -> None:
    record = RequestRecord.objects.filter(invoice__number=FIRST, cost_nanos__gt=0).get()
    with forged():
        RequestRecord.objects.filter(pk=record.pk).update(cost_nanos=F("cost_nanos") + 1)
    cost = record.cost_nanos
    row, sums, root = found()
    assert row == (
        f"invoice {FIRST}: request req_{record.uid}: its tokens come to {cost} n$ charged, not {cost + 1} and 0 waived"
    )
    assert sums == f"invoice {FIRST}: the statement has usage_nanos {cost}, the rows have {cost + 1}"
    assert root.startswith(f"invoice {FIRST}: the rows have the root ")


def test_a_line_that_is_off_is_named() -> None:
    with forged():
        InvoiceLine.objects.filter(invoice__number=FIRST, position=1).update(tokens=F("tokens") + 1)
    tokens, line = found()
    assert tokens.startswith(f"invoice {FIRST}: input of moonshotai/kimi-k2.6 at 900 n$: ")
    assert line.startswith(f"invoice {FIRST}: line 1: ")


def test_older_invoices_and_those_whose_records_were_dropped_are_left_out() -> None:
    with forged():
        Invoice.objects.filter(number=FIRST).update(usage_nanos=7)
    assert len(found()) == 1
    assert found(days=1) == []
    RollupMark.objects.create(name=MARK, up_to=NOVEMBER)
    assert found() == []
