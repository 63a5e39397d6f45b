"""The root that stands on each invoice, beside the root of its receipts as its records make them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing import partitions, receipt_trees
from billing.models import Invoice, ReceiptTree, RequestRecord
from billing.reconciliation.check import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from billing.receipts import Facts

NAME = "an invoice's root is the root of its records' receipts, and of the parts that were kept"
EVERY, INVOICES = 50_000, 100  # rows, invoices between two words of progress


def findings(tell: Callable[[str], None]) -> list[Finding]:
    """Recompute the root of each invoice whose records are all kept; `tell` is given words, now and then.

    One without a root was issued before receipts were: nothing stands there to compare.
    """
    invoices = Invoice.objects.exclude(merkle_root="").order_by("number")
    since = partitions.kept_since()
    if since is not None:
        invoices = invoices.filter(period_start__gte=since)
    total = invoices.count()
    found: list[Finding] = []
    for number, invoice in enumerate(invoices.defer("pdf").iterator(chunk_size=100), start=1):
        if number % INVOICES == 0:
            tell(f"invoice {number} of {total}")
        found += _of(invoice, tell)
    return found


def _of(invoice: Invoice, tell: Callable[[str], None]) -> Iterator[Finding]:
    records = RequestRecord.objects.filter(invoice=invoice)
    made = receipt_trees.tree(_counting(receipt_trees.facts_of(records), invoice, tell))
    about = f"invoice {invoice.number}"
    if made.root.hex() != invoice.merkle_root:
        yield Finding(NAME, about, invoice.merkle_root, made.root.hex())
    kept = ReceiptTree.objects.filter(invoice=invoice).first()
    for part in receipt_trees.changed(bytes(kept.parts), made) if kept else ():
        now = next((each.root.hex() for each in made.parts if each.first == part.first), "none")
        yield Finding(NAME, f"{about}, {receipt_trees.PART} from req_{part.first} on", part.root.hex(), now)


def _counting(every: Iterable[Facts], of: Invoice, tell: Callable[[str], None]) -> Iterator[Facts]:
    for count, one in enumerate(every, start=1):
        if count % EVERY == 0:
            tell(f"{of.number}: {count} of {of.requests} rows")
        yield one
