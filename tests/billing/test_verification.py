"""`manage.py verify_invoice`: an invoice holds as it was issued, and whatever is changed by one is named."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from billing import invoicing, verification
from billing.models import Invoice, InvoiceLine, RequestRecord
from gateway.usage import Outcome, Tokens
from tests.billing.factories import forged
from tests.billing.seed import NOW, record, tenant

if TYPE_CHECKING:
    from accounts.models import Workspace

pytestmark = pytest.mark.django_db


def record_some(workspace_key: Any, hours: int) -> None:
    at = NOW - timedelta(hours=hours)
    record(workspace_key, at, Tokens(prompt=3_000_001, cached=2_000_000, completion=500_003, reasoning=7))
    record(workspace_key, at + timedelta(seconds=1))
    record(workspace_key, at + timedelta(seconds=2), outcome=Outcome.UPSTREAM_CUT)


@pytest.fixture
def invoice() -> Invoice:
    """The second of a workspace, so that its lines carry something in."""
    alice = tenant("alice")
    record_some(alice.key, 5)
    issue(alice.workspace, 4)
    record_some(alice.key, 3)
    return issue(alice.workspace, 2)


def issue(workspace: Workspace, hours: int) -> Invoice:
    return invoicing.issue(workspace=workspace, until=NOW - timedelta(hours=hours), now=NOW)


def found(invoice: Invoice) -> list[str]:
    return list(verification.findings(Invoice.objects.get(pk=invoice.pk), print))


def records(invoice: Invoice) -> list[RequestRecord]:
    return list(RequestRecord.objects.filter(invoice=invoice).order_by("uid"))


def test_an_invoice_as_issued_holds(invoice: Invoice) -> None:
    assert invoice.lines.exclude(carried_in_nanos=0).exists()
    assert found(invoice) == []


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "cost_nanos", "waived_nanos"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_record_that_no_longer_adds_up_is_named(invoice: Invoice, name: str, index: int) -> None:
    one = records(invoice)[index]
    with forged():
        RequestRecord.objects.filter(uid=one.uid).update(**{name: getattr(one, name) + 1})
    said = found(invoice)
    assert said[0].startswith(f"request req_{one.uid}: its tokens come to ")
    assert any(text.startswith("the root: ") for text in said)


@pytest.mark.parametrize("change", [{"reasoning_tokens": 8}, {"key_id": uuid4()}, {"usage_source": "counted"}])
def test_a_change_that_costs_nothing_changes_the_root_and_its_part_is_named(
    invoice: Invoice, change: dict[str, Any]
) -> None:
    first = records(invoice)[0]
    with forged():
        RequestRecord.objects.filter(uid=first.uid).update(**change)
    root, part = found(invoice)
    assert root.startswith(f"the root: the invoice has {invoice.merkle_root}, its receipts have ")
    assert part == f"receipts changed among the 512 from req_{first.uid} on"


def test_a_free_request_made_to_be_charged_is_named(invoice: Invoice) -> None:
    free = records(invoice)[2]
    with forged():
        RequestRecord.objects.filter(uid=free.uid).update(cost_nanos=free.waived_nanos, waived_nanos=0)
    assert found(invoice)[0].startswith(f"request req_{free.uid}: its tokens come to 2601900 n$ waived")


def test_a_record_that_is_gone_is_missed(invoice: Invoice) -> None:
    with forged():
        RequestRecord.objects.filter(uid=records(invoice)[1].uid).delete()
    said = found(invoice)
    assert said[0] == "requests: the invoice says 3, its records say 2"
    assert "input of moonshotai/kimi-k2.6 at 900 n$: 1000235 tokens invoiced, 1000001 in its records" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tokens", "tokens at"),
        ("exact_nanos", "are not"),
        ("carried_in_nanos", "it carries in"),
        ("cents", "are not all of it"),
        ("carried_out_nanos", "are not all of it"),
    ],
)
def test_a_line_that_is_off_by_one_is_named(invoice: Invoice, name: str, words: str) -> None:
    line = InvoiceLine.objects.get(invoice=invoice, position=2)
    with forged():
        InvoiceLine.objects.filter(pk=line.pk).update(**{name: getattr(line, name) + 1})
    assert any(text.startswith("line 2: ") and words in text for text in found(invoice))


@pytest.mark.parametrize("name", ["requests", "free_requests", "usage_nanos", "waived_nanos", "total_cents"])
def test_a_sum_that_is_off_by_one_is_named(invoice: Invoice, name: str) -> None:
    with forged():
        Invoice.objects.filter(pk=invoice.pk).update(**{name: getattr(invoice, name) + 1})
    (said,) = found(invoice)
    assert str(getattr(invoice, name) + 1) in said
    assert str(getattr(invoice, name)) in said


def test_another_pdf_is_seen(invoice: Invoice) -> None:
    with forged():
        Invoice.objects.filter(pk=invoice.pk).update(pdf=b"%PDF-other")
    assert found(invoice) == ["the PDF is not the one that was issued"]


def test_the_command_says_that_all_holds(invoice: Invoice) -> None:
    out = StringIO()
    call_command("verify_invoice", invoice.number, stdout=out)
    assert out.getvalue() == f"{invoice.number}: 3 requests, root {invoice.merkle_root}: all of it holds.\n"


def test_the_command_fails_with_what_does_not_hold_and_tells_how_far_it_is(
    invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "EVERY", 2)
    with forged():
        Invoice.objects.filter(pk=invoice.pk).update(total_cents=1)
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 things do not hold"):
        call_command("verify_invoice", invoice.number, stdout=out, stderr=err)
    assert out.getvalue().startswith(f"{invoice.number}: the total: the invoice says 1 cents")
    assert err.getvalue() == "2 of 3 requests\n"


def test_an_invoice_that_is_not_there_is_said(db: None) -> None:
    with pytest.raises(CommandError, match="no invoice PYLO-1"):
        call_command("verify_invoice", "PYLO-1")
