"""An invoice's root beside its records: whoever changes a receipt is found."""

from __future__ import annotations

import pytest

from billing.models import Invoice, ReceiptTree, RequestRecord, RollupMark
from billing.partitions import MARK
from billing.reconciliation import roots
from tests.billing.factories import forged
from tests.billing.reconciliation.accounts import NOVEMBER

pytestmark = pytest.mark.django_db
PART = "invoice PYLO-2026-000001, 512 from req_"


def found() -> list[str]:
    return [each.about for each in roots.findings(lambda _: None)]


def test_roots_that_agree_have_no_finding(books: None) -> None:
    assert found() == []
    assert Invoice.objects.exclude(merkle_root="").count() == 2


def test_rule_30_a_record_that_was_changed_changes_the_root(books: None) -> None:
    invoice = Invoice.objects.get(number="PYLO-2026-000001")
    with forged():
        RequestRecord.objects.filter(invoice=invoice).update(usage_source="estimate")
    about, part = found()
    assert about == "invoice PYLO-2026-000001"
    assert part.startswith(PART)


def test_rule_30_a_root_that_was_changed_is_found_with_both(books: None) -> None:
    invoice = Invoice.objects.get(number="PYLO-2026-000001")
    with forged():
        Invoice.objects.filter(pk=invoice.pk).update(merkle_root="ab" * 32)
    (finding,) = roots.findings(lambda _: None)
    assert (finding.about, finding.expected, finding.found) == (
        "invoice PYLO-2026-000001",
        "ab" * 32,
        invoice.merkle_root,
    )


def test_a_part_that_was_changed_is_found(books: None) -> None:
    with forged():
        ReceiptTree.objects.filter(invoice__number="PYLO-2026-000001").update(parts=b"\0" * 48)
    assert [about.startswith(PART) for about in found()] == [True]


def test_invoices_whose_records_were_dropped_are_not_compared(books: None) -> None:
    with forged():
        Invoice.objects.filter(number="PYLO-2026-000001").update(merkle_root="ab" * 32)
    RollupMark.objects.create(name=MARK, up_to=NOVEMBER)
    assert found() == []
