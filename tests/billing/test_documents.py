"""Invoices on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader

from billing import documents
from billing.models import Invoice, InvoiceLine

if TYPE_CHECKING:
    from pathlib import Path

    from billing.documents import Paper

ISSUED = datetime(2026, 11, 2, 0, 7, tzinfo=UTC)
URL = "https://pylo.example/invoices/PYLO-2026-000042/"


def line(position: int, item: InvoiceLine.Item, tokens: int, unit: int) -> InvoiceLine:
    cents, left = divmod(tokens * unit, 10_000_000)
    return InvoiceLine(
        position=position,
        item=item,
        model="moonshotai/kimi-k2.6",
        tokens=tokens,
        unit_nanos=unit,
        exact_nanos=tokens * unit,
        carried_in_nanos=0,
        cents=cents,
        carried_out_nanos=left,
    )


def invoice_for(name: str = "Brontë & Söhne GmbH") -> Paper:
    invoice = Invoice(
        number="PYLO-2026-000042",
        issued_at=ISSUED,
        period_start=datetime(2026, 10, 1, tzinfo=UTC),
        period_end=datetime(2026, 11, 1, tzinfo=UTC),
        seller={"name": "Pylo", "address": ["1 Example Street", "10115 Berlin"], "tax_id": "DE123456789"},
        buyer={"name": name, "email": "olga@acme.example"},
        requests=48_213,
        free_requests=112,
        usage_nanos=197_108_041_400,
        total_cents=19_709,
        credit_cents=15_000,
    )
    lines = [line(1, InvoiceLine.Item.INPUT, 98_113_224, 900), line(2, InvoiceLine.Item.OUTPUT, 27_898_012, 3900)]
    return documents.paper(invoice, lines, url=URL)


def text_of(pdf: bytes) -> str:
    return " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_an_invoice_says_all_that_it_counts() -> None:
    text = text_of(documents.pdf(invoice_for(), issued_at=ISSUED))
    for words in (
        *("PYLO-2026-000042", "2 November 2026", "1 October 2026 – 31 October 2026", "Pylo", "10115 Berlin"),
        *("DE123456789", "Brontë & Söhne GmbH", "olga@acme.example", "Input tokens", "98,113,224", "$0.90"),
        *("$88.3019016", "$88.30", "$0.0019016 carried out", "Output tokens", "27,898,012", "$3.90", "$108.80"),
        *("Total $197.09", "Paid from credit −$150.00", "Amount due, USD $47.09"),
        *("48,213 requests, 112 of them free.", "exactly $197.1080414", URL),
    ):
        assert words in text


def test_a_part_of_a_month_is_named_to_the_second() -> None:
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 9, 8, 30, 5, tzinfo=UTC)
    assert documents._period(start, end) == "2026-10-01 00:00:00 – 2026-10-09 08:30:05"


def test_the_same_invoice_is_the_same_bytes() -> None:
    assert documents.pdf(invoice_for(), issued_at=ISSUED) == documents.pdf(invoice_for(), issued_at=ISSUED)


def test_a_sellers_own_logo_is_printed(settings: Any, tmp_path: Path) -> None:
    with_ours = documents.pdf(invoice_for(), issued_at=ISSUED)
    own = tmp_path / "logo.svg"
    own.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>')
    settings.PYLO_SELLER_LOGO = str(own)
    pdf = documents.pdf(invoice_for(), issued_at=ISSUED)
    assert pdf != with_ours
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf


def test_an_invoice_is_made_for_the_archive() -> None:
    pdf = documents.pdf(invoice_for("Ελλάδα Ολγα Київ Đặng"), issued_at=ISSUED)
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert "Ελλάδα Ολγα Київ Đặng" in text_of(pdf)


@pytest.mark.parametrize("name", ["株式会社ピロ", "شركة بايلو", "🦊 & co", "\u2028\ufffe\U000e0001", "𒀀"])
def test_a_name_that_no_font_can_spell_still_gets_its_invoice(name: str) -> None:
    pdf = documents.pdf(invoice_for(name), issued_at=ISSUED)
    assert pdf.startswith(b"%PDF-")
    assert "PYLO-2026-000042" in text_of(pdf)


@pytest.mark.parametrize(
    "name", ['#read("invoice.typ")', '"); #panic("x', "$x^2$ *bold* _it_ @ref <label>", "\\u{41} // no"]
)
def test_a_name_is_never_code(name: str) -> None:
    assert name in text_of(documents.pdf(invoice_for(name), issued_at=ISSUED))


def test_many_lines_go_on_over_pages() -> None:
    paper = invoice_for()
    pdf = documents.pdf(replace(paper, lines=paper.lines * 30), issued_at=ISSUED)
    assert len(PdfReader(BytesIO(pdf)).pages) == 4
    assert "page 4 of 4" in text_of(pdf)


def test_a_very_long_name_is_wrapped() -> None:
    assert text_of(documents.pdf(invoice_for("Donaudampfschiff " * 5), issued_at=ISSUED)).count("Donaudampfschiff") == 5


@pytest.mark.parametrize(("number", "free", "said"), [(1, 0, "1 request"), (2, 1, "2 requests, 1 of them free")])
def test_requests_are_counted_in_words(number: int, free: int, said: str) -> None:
    assert documents._requests(number, free) == said


def test_a_document_that_typst_refuses_is_named() -> None:
    with pytest.raises(documents.Unprintable, match="PYLO-2026-000042: "):
        documents.pdf(replace(invoice_for(), url=""), issued_at=ISSUED)
