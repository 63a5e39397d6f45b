"""One nano-dollar that does not agree is found, and named."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from billing.models import Invoice
from billing.reconciliation import findings
from tests.billing.factories import forged, make_request, record
from tests.billing.reconciliation.accounts import NOVEMBER

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db


def disagreements() -> list[str]:
    now = NOVEMBER + timedelta(days=61)
    return [str(finding) for _, found in findings(now) for finding in found]


def test_books_that_agree_have_no_findings(books: None) -> None:
    assert disagreements() == []
    assert Invoice.objects.count() == 2


@pytest.mark.parametrize(
    ("corruption", "finding"),
    [
        ("UPDATE billing_balance SET nanos = nanos + 1", "a balance is the sum of its entries"),
        ("UPDATE billing_posting SET nanos = nanos - 1", "a posting's entries sum to zero"),
        ("UPDATE billing_entry SET nanos = nanos + 1 WHERE account = 'customer_promo'", "a balance is the sum of its"),
        ("UPDATE billing_entry SET nanos = nanos + 1 WHERE account = 'revenue'", "a posting's entries sum to zero"),
        ("DELETE FROM billing_entry", "a balance is the sum of its entries"),
        ("UPDATE billing_creditgrant SET left_nanos = left_nanos - 1", "what is left of a grant"),
        ("UPDATE billing_requestrecord SET cost_nanos = cost_nanos + 1 WHERE cost_nanos > 0", "what is posted for a"),
        ("UPDATE billing_requestrecord SET batch = workspace_id", "what is posted for a batch"),
        ("DELETE FROM billing_requestrecord WHERE invoice_id IS NULL", "what is posted for a batch"),
        ("UPDATE billing_spend SET nanos = nanos + 1 WHERE period = 'day'", "what a workspace or a key spent in a day"),
        ("DELETE FROM billing_spend WHERE period = 'day'", "what a workspace or a key spent in a day"),
        ("UPDATE billing_spend SET nanos = nanos + 1 WHERE period = 'week'", "what was spent in a week, a month"),
        ("DELETE FROM billing_spend WHERE period = 'total'", "what was spent in a week, a month"),
        ("UPDATE billing_requestrecord SET waived_nanos = waived_nanos + 1", "a record costs, or is waived"),
        ("UPDATE billing_usagerollup SET cost_nanos = cost_nanos + 1", "the rollups of a complete hour"),
        ("UPDATE billing_usagerollup SET requests = requests + 1", "the rollups of a complete hour"),
        ("DELETE FROM billing_usagerollup", "the rollups of a complete hour"),
        ("UPDATE billing_invoice SET usage_nanos = usage_nanos + 1", "an invoice is the sum of its records"),
        ("UPDATE billing_requestrecord SET invoice_id = NULL", "an invoice is the sum of its records"),
        ("UPDATE billing_invoice SET total_cents = total_cents + 1", "an invoice is the sum of its lines"),
        ("UPDATE billing_invoiceline SET exact_nanos = exact_nanos + 1", "an invoice is the sum of its lines"),
        ("UPDATE billing_invoiceline SET tokens = tokens + 1", "a line is its tokens at its price"),
        ("UPDATE billing_invoiceline SET carried_in_nanos = carried_in_nanos + 1", "a line carries in what the last"),
        ("UPDATE billing_invoiceseries SET last = last + 1", "invoice numbers have no gap"),
        ("DELETE FROM billing_invoiceseries", "invoice numbers have no gap"),
        (
            "UPDATE billing_invoice SET number = 'PYLO-2026-000003' WHERE number LIKE '%2'",
            "invoice numbers have no gap",
        ),
        ("UPDATE billing_usagerollup SET failed = failed + 1", "the rollups of a complete hour"),
        ("UPDATE billing_usagerollup SET prompt_tokens = prompt_tokens + 1", "the rollups of a complete hour"),
        ("UPDATE billing_usagerollup SET cached_tokens = cached_tokens + 1", "the rollups of a complete hour"),
        ("UPDATE billing_usagerollup SET completion_tokens = completion_tokens + 1", "the rollups of a complete hour"),
        ("UPDATE billing_usagerollup SET reasoning_tokens = reasoning_tokens + 1", "the rollups of a complete hour"),
        ("UPDATE billing_usagerollup SET waived_nanos = waived_nanos + 1", "the rollups of a complete hour"),
        ("UPDATE billing_invoice SET free_requests = free_requests + 1", "an invoice is the sum of its records"),
        ("UPDATE billing_invoice SET waived_nanos = waived_nanos + 1", "an invoice is the sum of its records"),
        ("UPDATE billing_invoice SET credit_cents = total_cents + 1", "the balance pays an invoice at most"),
        ("UPDATE billing_invoice SET credit_cents = -1", "the balance pays an invoice at most"),
        ("UPDATE billing_invoice SET pdf = pdf || ' '", "an invoice's PDF is the one that was issued"),
        (
            "UPDATE billing_requestrecord SET admitted_at = '2025-12-31'",
            "a record's price is its model's and held then",
        ),
        ("UPDATE billing_requestrecord SET model = 'other/model'", "a record's price is its model's and held then"),
        ("UPDATE billing_requestrecord SET workspace_id = other.id FROM other", "a record's key and invoice are"),
        ("UPDATE billing_invoice SET workspace_id = other.id FROM other", "a record's key and invoice are"),
        ("UPDATE billing_invoice SET period_end = period_start + interval '1 s'", "a record's key and invoice are"),
    ],
)
def test_rule_30_whatever_is_off_by_one_is_found(books: None, corruption: str, finding: str) -> None:
    with forged(), connection.cursor() as cursor:
        cursor.execute(corruption)
    assert any(line.startswith(finding) for line in disagreements())


def test_a_finding_names_the_row_and_both_numbers(books: None, workspace: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_balance SET nanos = nanos + 7")
    expected = 5 * 10**9 - 3 * 2_601_900
    check = "a balance is the sum of its entries"
    assert disagreements() == [f"{check}: workspace {workspace.id}: expected {expected}, found {expected + 7}"]


def test_a_record_that_no_rollup_could_hold_yet_is_no_finding(books: None, key: ApiKey) -> None:
    record(make_request(key, at=NOVEMBER + timedelta(days=30)), at=NOVEMBER + timedelta(days=60, seconds=1))
    assert disagreements() == []
