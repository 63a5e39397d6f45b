"""Invoices and credit notes as PDF, by typst. What a customer wrote reaches it as JSON only, so it is never code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typst
from django.conf import settings

from billing import money
from billing.errors import BillingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.models import CreditNote, Invoice, InvoiceLine

TYPST = Path(__file__).resolve().parent / "typst"
Standard = Literal["a-3b"]
STANDARD: Standard = "a-3b"  # PDF/A: everything inside, readable in decades


class Unprintable(BillingError):  # noqa: N818 - reads as what it is
    """Typst refused the document."""


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    address: tuple[str, ...]
    lines: tuple[str, ...]  # the address and all else that identifies them


@dataclass(frozen=True, slots=True)
class PaperLine:
    item: str
    model: str
    tokens: str
    unit: str
    exact: str
    carried_in: str
    carried_out: str
    amount: str


@dataclass(frozen=True, slots=True)
class Paper:
    """An invoice with everything spelled as it is printed."""

    number: str
    issued: str
    period: str
    seller: Party
    buyer: Party
    lines: tuple[PaperLine, ...]
    subtotal: str
    tax_label: str  # empty: no tax is named
    tax: str
    tax_note: str
    total: str
    credit: str
    due: str
    requests: str
    usage: str
    carried_out: str
    url: str
    root: str  # over its receipts


@dataclass(frozen=True, slots=True)
class Note:
    """A credit note likewise."""

    number: str
    issued: str
    seller: Party
    buyer: Party
    invoice: str
    invoice_issued: str
    reason: str
    net: str
    tax_label: str
    tax: str
    total: str


def paper(invoice: Invoice, lines: Sequence[InvoiceLine], *, url: str) -> Paper:
    """Spell an invoice out. The last line of each item says what of it is carried to the next invoice."""
    carried = {line.item: line.carried_out_nanos for line in lines}
    return Paper(
        number=invoice.number,
        issued=_day(invoice.issued_at),
        period=_period(invoice.period_start, invoice.period_end),
        seller=_party(invoice.seller),
        buyer=_party(invoice.buyer),
        lines=tuple(_line(line) for line in lines),
        subtotal=money.cents(invoice.total_cents),
        tax_label=invoice.tax_label,
        tax=money.cents(invoice.tax_cents),
        tax_note=invoice.tax_note,
        total=money.cents(invoice.gross_cents),
        credit=money.cents(-invoice.credit_cents),
        due=money.cents(invoice.due_cents),
        requests=_requests(invoice.requests, invoice.free_requests),
        usage=money.exact(invoice.usage_nanos),
        carried_out=money.exact(sum(carried.values())),
        url=url,
        root=invoice.merkle_root,
    )


def note(credit: CreditNote) -> Note:
    """Spell a credit note out, with the parties as its invoice has them."""
    invoice = credit.invoice
    return Note(
        number=credit.number,
        issued=_day(credit.issued_at),
        seller=_party(invoice.seller),
        buyer=_party(invoice.buyer),
        invoice=invoice.number,
        invoice_issued=_day(invoice.issued_at),
        reason=credit.reason,
        net=money.cents(credit.cents),
        tax_label=invoice.tax_label,
        tax=money.cents(credit.tax_cents),
        total=money.cents(credit.total_cents),
    )


def pdf(document: Paper | Note, *, issued_at: datetime) -> bytes:
    """Print it: the same bytes for the same input.

    PDF/A forbids a character that no font has. For a name that Inter lacks, the machine's own fonts help out;
    where they lack it too, the invoice is printed as plain PDF.
    """
    for own_fonts_only in (True, False):
        try:
            return _compile(document, issued_at, ignore_system_fonts=own_fonts_only, standard=STANDARD)
        except typst.TypstError:
            continue
    try:
        return _compile(document, issued_at, ignore_system_fonts=False, standard=None)
    except typst.TypstError as error:
        raise Unprintable(f"{document.number}: {error}") from error


def _compile(
    document: Paper | Note, issued_at: datetime, *, ignore_system_fonts: bool, standard: Standard | None
) -> bytes:
    name = "invoice.typ" if isinstance(document, Paper) else "credit_note.typ"
    return bytes(
        typst.compile(
            TYPST / name,
            root=TYPST,
            font_paths=[TYPST / "fonts"],
            ignore_system_fonts=ignore_system_fonts,
            format="pdf",
            sys_inputs={"document": json.dumps(asdict(document)), "logo": _logo()},
            pdf_standards=standard,
            timestamp=int(issued_at.timestamp()),
        )
    )


def _logo() -> str:
    """Return the seller's logo as typst takes it: a list of bytes. Typst reads files of its own folder only."""
    file = Path(settings.PYLO_SELLER_LOGO) if settings.PYLO_SELLER_LOGO else TYPST / "logo.svg"
    return json.dumps(list(file.read_bytes()))


def _line(line: InvoiceLine) -> PaperLine:
    return PaperLine(
        item=line.title,
        model=line.model,
        tokens=money.thousands(line.tokens),
        unit=money.per_million(line.unit_nanos),
        exact=money.exact(line.exact_nanos),
        carried_in=money.exact(line.carried_in_nanos),
        carried_out=money.exact(line.carried_out_nanos),
        amount=money.cents(line.cents),
    )


def _party(snapshot: dict[str, object]) -> Party:
    address = tuple(str(line) for line in snapshot.get("address") or ())  # type: ignore[attr-defined]
    more = [str(snapshot[name]) for name in ("email", "tax_id") if snapshot.get(name)]
    if snapshot.get("reference"):
        more.append(f"Reference: {snapshot['reference']}")
    return Party(name=str(snapshot["name"]), address=address, lines=(*address, *more))


def _requests(number: int, free: int) -> str:
    count = f"{money.thousands(number)} {'request' if number == 1 else 'requests'}"
    return f"{count}, {money.thousands(free)} of them free" if free else count


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _period(start: datetime, end: datetime) -> str:
    """Name whole days by the first and the last; anything else to the second, the end not included."""
    if start.time() == end.time() == time():
        return f"{_day(start)} – {_day(end - timedelta(days=1))}"
    return f"{start:%Y-%m-%d %H:%M:%S} – {end:%Y-%m-%d %H:%M:%S}"
