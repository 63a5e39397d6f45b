"""The requests of one line of an invoice as CSV: tokens × price of each, whose sum is the line, to the nano-dollar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from django.db.models import F, Q, QuerySet, Sum

from billing.drafting import PAID
from billing.models import InvoiceLine, RequestRecord
from billing.periods import month_of
from billing.receipts import moment
from billing.reports import sheets
from billing.reports.pieces import pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from accounts.models import Workspace

CHUNK = 1000
HEADER = ("admitted_at_utc", "request_id", "uid", "key", "model", "item", "tokens", "nanos_per_token", "exact_nanos")
TOKENS = {
    InvoiceLine.Item.INPUT.value: F("prompt_tokens") - F("cached_tokens"),
    InvoiceLine.Item.CACHED.value: F("cached_tokens"),
    InvoiceLine.Item.OUTPUT.value: F("completion_tokens"),
}


@dataclass(frozen=True, slots=True)
class LineRequests:
    """A line and its records, in order of their uids; each record has its tokens of the item as `tokens`."""

    line: InvoiceLine
    records: QuerySet[RequestRecord]


def line_requests(workspace: Workspace, number: str, position: int) -> LineRequests | None:
    """Open a line down to its requests, if the invoice is this workspace's.

    A line does not name its price, and two prices may ask the same for an item. Lines of one item and month stand in
    the order of their prices, as `billing.drafting` made them: the nth is the nth price that has tokens of it.
    """
    mine = InvoiceLine.objects.filter(invoice__workspace=workspace, invoice__number=number, position=position)
    line = mine.select_related("invoice").defer("invoice__pdf").first()
    if line is None:
        return None
    alike = InvoiceLine.objects.filter(invoice=line.invoice_id, item=line.item, late_month=line.late_month)
    before = alike.filter(position__lt=position).count()
    records = RequestRecord.objects.filter(PAID, _of_month(line), workspace=workspace, invoice=line.invoice_id)
    counted = records.annotate(tokens=TOKENS[line.item]).filter(tokens__gt=0)
    prices = (
        counted.values("price_id")
        .order_by("price__starts_at", "price_id")
        .annotate(sum=Sum("tokens"))
        .values_list("price_id", flat=True)
    )
    of_line = counted.filter(price=prices[before]).select_related("key", "price").order_by("uid")
    return LineRequests(line, of_line)


def _of_month(line: InvoiceLine) -> Q:
    """Tell the records of the line's month, if it is of one that was invoiced before, from those of the period.

    An invoice from before late months had lines of their own has none, and its lines have what was late in them.
    """
    start = line.invoice.period_start
    if line.late_month is None:
        return Q(admitted_at__gte=start) if line.invoice.lines.exclude(late_month=None).exists() else Q()
    month = month_of(datetime.combine(line.late_month, time(), UTC))
    return Q(admitted_at__gte=month.start, admitted_at__lt=min(month.end, start))


async def chunks(found: LineRequests) -> AsyncIterator[str]:
    """Yield the sheet in pieces, without holding them all."""
    yield sheets.lines([HEADER])
    async for piece in pieces(found.records, CHUNK):
        yield sheets.lines(_row(record, found.line) for record in piece)


def _row(record: RequestRecord, line: InvoiceLine) -> tuple[str | int | None, ...]:
    tokens: int = record.tokens  # type: ignore[attr-defined]  # annotated above
    return (
        moment(record.admitted_at),
        record.request_id,
        str(record.uid),
        record.key.name,
        record.model,
        line.item,
        tokens,
        line.unit_nanos,
        tokens * line.unit_nanos,
    )
