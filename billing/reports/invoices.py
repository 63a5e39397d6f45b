"""A workspace's invoices, each checked against the requests it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Sum

from billing import dues
from billing.models import CreditNote, Invoice, InvoiceLine, RequestRecord

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.models import Workspace


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice as a line of the list. What is due is what the balance did not pay."""

    number: str
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    requests: int
    free_requests: int
    usage_nanos: int
    waived_nanos: int
    total_cents: int
    tax_cents: int
    tax_label: str
    tax_note: str
    gross_cents: int
    credit_cents: int
    due_cents: int
    status: str
    status_label: str
    merkle_root: str


@dataclass(frozen=True, slots=True)
class Line:
    """An item at one price: exact, with what the last invoice carried, rounded down, and what is carried on."""

    item: str
    model: str
    tokens: int
    unit_nanos: int
    exact_nanos: int
    carried_in_nanos: int
    cents: int
    carried_out_nanos: int


@dataclass(frozen=True, slots=True)
class Check:
    """What the invoice's requests say now, counted from their records."""

    requests: int
    nanos: int
    agrees: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A credit note of the invoice; cents with their tax."""

    number: str
    issued_at: datetime
    reason: str
    total_cents: int


@dataclass(frozen=True, slots=True)
class Statement:
    """An invoice opened."""

    issued: Issued
    lines: tuple[Line, ...]
    exact_nanos: int
    carried_in_nanos: int
    carried_out_nanos: int
    check: Check
    notes: tuple[Note, ...]
    payable_cents: int


@dataclass(frozen=True, slots=True)
class Pdf:
    content: bytes
    sha256: str


def invoices(workspace: Workspace) -> tuple[Issued, ...]:
    """Return all of them, newest first; there is one a month."""
    return tuple(map(_issued, _of(workspace).order_by("-period_start")))


def statement(workspace: Workspace, number: str) -> Statement | None:
    """Open the invoice of that number, if it is this workspace's."""
    invoice = _of(workspace).filter(number=number).first()
    if invoice is None:
        return None
    lines = tuple(map(_line, InvoiceLine.objects.filter(invoice=invoice)))
    exact = sum(line.exact_nanos for line in lines)
    return Statement(
        issued=_issued(invoice),
        lines=lines,
        exact_nanos=exact,
        carried_in_nanos=carried_in(lines),
        carried_out_nanos=carried_out(lines),
        check=_check(invoice, exact),
        notes=tuple(map(_note, CreditNote.objects.filter(invoice=invoice).defer("pdf").order_by("number"))),
        payable_cents=dues.payable_cents(invoice),
    )


def carried_in(lines: tuple[Line, ...]) -> int:
    """Sum what the last invoice left: where an item has several prices, it is on the first line of them."""
    return sum({line.item: line.carried_in_nanos for line in reversed(lines)}.values())


def carried_out(lines: tuple[Line, ...]) -> int:
    """Sum what is left for the next invoice: where an item has several prices, it is on the last line of them."""
    return sum({line.item: line.carried_out_nanos for line in lines}.values())


def pdf(workspace: Workspace, number: str) -> Pdf | None:
    """Return the document as it was issued, if it is this workspace's."""
    found = Invoice.objects.filter(workspace=workspace, number=number).values_list("pdf", "pdf_sha256").first()
    return found and Pdf(bytes(found[0]), found[1])


def note_pdf(workspace: Workspace, number: str) -> Pdf | None:
    """Likewise of a credit note."""
    found = CreditNote.objects.filter(workspace=workspace, number=number).values_list("pdf", "pdf_sha256").first()
    return found and Pdf(bytes(found[0]), found[1])


def requests(workspace: Workspace, number: str) -> QuerySet[RequestRecord] | None:
    """Return the records that sum to the invoice, in order of their uids, if it is this workspace's."""
    invoice = _of(workspace).filter(number=number).first()
    if invoice is None:
        return None
    records = RequestRecord.objects.filter(workspace=workspace, invoice=invoice)
    return records.select_related("key", "price").order_by("uid")


def _of(workspace: Workspace) -> QuerySet[Invoice]:
    return Invoice.objects.filter(workspace=workspace).defer("pdf", "seller", "buyer")


def _check(invoice: Invoice, exact_nanos: int) -> Check:
    found = RequestRecord.objects.filter(invoice=invoice).aggregate(requests=Count("uid"), nanos=Sum("cost_nanos"))
    nanos = int(found["nanos"] or 0)
    agrees = found["requests"] == invoice.requests and nanos == invoice.usage_nanos == exact_nanos
    return Check(found["requests"], nanos, agrees)


def _issued(invoice: Invoice) -> Issued:
    return Issued(
        number=invoice.number,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        issued_at=invoice.issued_at,
        requests=invoice.requests,
        free_requests=invoice.free_requests,
        usage_nanos=invoice.usage_nanos,
        waived_nanos=invoice.waived_nanos,
        total_cents=invoice.total_cents,
        tax_cents=invoice.tax_cents,
        tax_label=invoice.tax_label,
        tax_note=invoice.tax_note,
        gross_cents=invoice.gross_cents,
        credit_cents=invoice.credit_cents,
        due_cents=invoice.due_cents,
        status=invoice.status,
        status_label=Invoice.Status(invoice.status).label,
        merkle_root=invoice.merkle_root,
    )


def _note(note: CreditNote) -> Note:
    return Note(note.number, note.issued_at, note.reason, note.total_cents)


def _line(line: InvoiceLine) -> Line:
    return Line(
        item=line.title,
        model=line.model,
        tokens=line.tokens,
        unit_nanos=line.unit_nanos,
        exact_nanos=line.exact_nanos,
        carried_in_nanos=line.carried_in_nanos,
        cents=line.cents,
        carried_out_nanos=line.carried_out_nanos,
    )
