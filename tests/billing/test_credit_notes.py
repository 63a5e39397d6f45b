"""Credit notes: a document, a number and a posting, once; and what an invoice is after them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.db.utils import IntegrityError
from pypdf import PdfReader

from accounts.models import Membership, Role, User
from billing import credit_notes, invoicing, ledger
from billing.models import Balance, CreditNote, Entry, Invoice, InvoiceSeries, Issued, Posting
from billing.reconciliation import findings
from billing.taxes import Rules
from gateway.usage import Tokens
from tests.billing.factories import make_request, record

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import ApiKey

pytestmark = pytest.mark.django_db
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
LATER = NOVEMBER + timedelta(days=9)
CENT = 10**7


@pytest.fixture
def taxed(settings: Any) -> None:
    """Every buyer is where 19 % is due."""
    settings.PYLO_TAX = Rules("VAT", {"": 190_000}, frozenset())


@pytest.fixture
def invoice(taxed: None, key: ApiKey) -> Invoice:
    """$9.00 and $1.71 of tax, none of it paid."""
    record(make_request(key, tokens=Tokens(10_000_000)))
    return invoicing.issue(workspace=key.workspace, until=NOVEMBER, now=NOVEMBER + timedelta(days=1))


def balance(invoice: Invoice) -> int:
    return int(Balance.objects.get(workspace=invoice.workspace).nanos)


def note(invoice: Invoice, cents: int) -> CreditNote:
    return credit_notes.issue(invoice, cents=cents, reason="Slow answers", by="staff", now=LATER)


def agrees() -> bool:
    return not [found for check, found in findings(LATER) if found and "rollup" not in check.name]


def test_an_invoice_is_charged_its_tax(invoice: Invoice) -> None:
    assert (invoice.total_cents, invoice.tax_cents, invoice.gross_cents, invoice.due_cents) == (900, 171, 1071, 1071)
    assert balance(invoice) == -1071 * CENT
    posting = Posting.objects.get(key=f"tax:{invoice.number}")
    assert dict(Entry.objects.filter(posting=posting).values_list("account", "nanos")) == {
        "customer_paid": -171 * CENT,
        "tax": 171 * CENT,
    }
    text = PdfReader(BytesIO(bytes(invoice.pdf))).pages[0].extract_text()
    assert all(words in text for words in ("Subtotal", "VAT 19 %", "$1.71", "$10.71"))
    assert agrees()


def test_a_credit_note_puts_its_part_and_the_tax_of_it_on_the_balance(invoice: Invoice) -> None:
    one = note(invoice, 300)
    assert (one.number, one.cents, one.tax_cents) == ("PYLO-CN-2026-000001", 300, 57)
    assert balance(invoice) == -(1071 - 357) * CENT
    posting = Posting.objects.get(key=f"credit_note:{one.number}")
    assert dict(Entry.objects.filter(posting=posting).values_list("account", "nanos")) == {
        "customer_paid": 357 * CENT,
        "refunds": -300 * CENT,
        "tax": -57 * CENT,
    }
    assert agrees()


def test_a_credit_note_is_a_document_that_names_its_invoice(invoice: Invoice) -> None:
    one = note(invoice, 300)
    text = PdfReader(BytesIO(bytes(one.pdf))).pages[0].extract_text()
    for words in (one.number, invoice.number, "Slow answers", "$3.00", "VAT 19 %", "$0.57", "$3.57", "Acme"):
        assert words in text
    assert one.pdf_sha256 == sha256(one.pdf).hexdigest()
    assert b"<pdfaid:part>3</pdfaid:part>" in one.pdf


def test_the_taxes_of_all_parts_are_the_tax_of_the_whole(invoice: Invoice) -> None:
    taxes = [note(invoice, cents).tax_cents for cents in (1, 1, 1, 447, 450)]
    assert (sum(taxes), credit_notes.left_cents(invoice), balance(invoice)) == (171, 0, 0)
    assert Invoice.objects.get().status == "paid"


@pytest.mark.parametrize("cents", [0, -1, 601])
def test_no_more_is_taken_back_than_is_left(invoice: Invoice, cents: int) -> None:
    note(invoice, 300)
    before = balance(invoice)
    with pytest.raises(credit_notes.TooMuch) as caught:
        note(invoice, cents)
    assert caught.value.left_cents == 600
    assert (balance(invoice), CreditNote.objects.count()) == (before, 1)
    assert InvoiceSeries.objects.get(name="PYLO-CN-2026").last == 1


def test_rule_28_credit_notes_have_numbers_of_their_own(invoice: Invoice) -> None:
    assert [note(invoice, 1).number[-6:] for _ in range(3)] == ["000001", "000002", "000003"]
    assert invoice.number == "PYLO-2026-000001"


def test_a_void_invoice_is_taken_back_whole_and_nothing_is_due(invoice: Invoice) -> None:
    note(invoice, 100)
    one = credit_notes.void(invoice, reason="Made twice", by="staff", now=LATER)
    assert (one.cents, one.tax_cents) == (800, 152)
    assert (Invoice.objects.get().status, balance(invoice)) == ("void", 0)
    assert agrees()


def test_what_was_paid_cannot_be_void(invoice: Invoice) -> None:
    ledger.credit(workspace=invoice.workspace, kind=Posting.Kind.TOP_UP, nanos=1071 * CENT, key="t", at=LATER)
    note(invoice, 1)
    with pytest.raises(credit_notes.NotVoidable):
        credit_notes.void(invoice, reason="", by="staff", now=LATER)
    assert (Invoice.objects.get().status, CreditNote.objects.count()) == ("paid", 1)


def test_rule_29_a_credit_note_is_neither_edited_nor_deleted(invoice: Invoice) -> None:
    one = note(invoice, 300)
    for change in (one.save, one.delete):
        with pytest.raises(Issued):
            change()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        CreditNote.objects.update(cents=1)
    assert CreditNote.objects.aggregate(cents=Sum("cents"))["cents"] == 300


def test_a_customer_reads_the_credit_notes_of_an_invoice_and_nobody_else(invoice: Invoice, client: Client) -> None:
    one, user = note(invoice, 300), User.objects.create(email="olga@acme.example")
    client.force_login(user)
    assert client.get(f"/credit-notes/{one.number}/pdf/").status_code in {403, 404}
    Membership.objects.create(workspace=invoice.workspace, user=user, role=Role.OWNER)
    page = client.get(f"/invoices/{invoice.number}/").content.decode()
    assert all(words in page for words in (one.number, "Slow answers", "$3.57", "VAT 19 %", "$1.71", "$10.71", "Due"))
    assert client.get(f"/credit-notes/{one.number}/pdf/").content == bytes(one.pdf)


def test_the_staff_void_an_invoice_by_a_form(invoice: Invoice, client: Client) -> None:
    client.force_login(User.objects.create_superuser("staff@pylo.example", "a long password"))
    url = f"/admin/billing/invoice/{invoice.pk}/credit-note/"
    assert "At most" in client.get(url).content.decode()
    wrong = client.post(url, {"amount": "9.01", "reason": "Slow answers"})
    assert "At most $9.00 before tax is left" in wrong.content.decode()
    assert client.post(url, {"amount": "9.00", "reason": "Slow answers", "void": "on"}).status_code == 302
    assert (Invoice.objects.get().status, balance(invoice)) == ("void", 0)
