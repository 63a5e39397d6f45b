"""The CSV and the statement of each late invoice as customers are given them, checked by the program that they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing import partitions, statements
from billing.models import Invoice
from billing.offline import pylo_verify
from billing.reconciliation.check import Finding
from billing.reports import evidence, receipt
from billing.reports import invoices as report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

NAME = "the CSV and the statement of an invoice verify, as customers verify them"
EVERY = 50_000  # rows between two words of progress
MOST_NAMED = 100  # of an invoice


def findings(since: datetime, tell: Callable[[str], None]) -> list[Finding]:
    """Verify the invoices issued since then whose records are all kept; a finding has what does not hold in words.

    The signature is left out: it is made when the statement is asked for.
    """
    invoices = Invoice.objects.filter(issued_at__gte=since).exclude(merkle_root="")
    kept = partitions.kept_since()
    if kept is not None:
        invoices = invoices.filter(period_start__gte=kept)
    found: list[Finding] = []
    for invoice in invoices.select_related("workspace").defer("pdf").order_by("number"):
        words = [wrong for wrong, _ in zip(_wrong(invoice, tell), range(MOST_NAMED + 1), strict=False)]
        if len(words) > MOST_NAMED:
            words[MOST_NAMED] = "and more"
        found += [Finding(NAME, f"invoice {invoice.number}: {each}", 1, 0) for each in words]
    return found


def _wrong(invoice: Invoice, tell: Callable[[str], None]) -> Iterator[str]:
    stated = statements.content(receipt.statement(invoice))
    sums = pylo_verify.Sums()
    for row in _rows(invoice):
        for wrong in pylo_verify.check_row(row, str(invoice.workspace_id), sums):
            yield f"request req_{row['uid']}: {wrong}"
        if sums.rows % EVERY == 0:
            tell(f"{invoice.number}: {sums.rows} of {invoice.requests} rows")
    yield from pylo_verify.check_sums(stated, sums)
    yield from pylo_verify.check_lines(stated)


def _rows(invoice: Invoice) -> Iterator[dict[str, str]]:
    """Yield the rows of the sheet as a reader of it has them."""
    records = report.requests(invoice.workspace, invoice.number)
    for record in records.iterator(chunk_size=evidence.CHUNK) if records is not None else ():
        yield dict(zip(evidence.HEADER, evidence.cells(record), strict=True))
