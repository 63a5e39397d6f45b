"""The requests of an invoice as CSV: what it sums, line by line, to the nano-dollar.

A row has all that its receipt states but the workspace, and the receipt's hash, so `billing/offline/pylo_verify.py` can
say which row was changed. The rows are in the order of the tree's leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing import receipt_trees
from billing.receipts import moment
from billing.reports import sheets
from billing.reports.pieces import pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.db.models import QuerySet

    from billing.models import RequestRecord

CHUNK = 1000
HEADER = (
    "admitted_at_utc",
    "request_id",
    "uid",
    "key",
    "model",
    "outcome",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "input_nanos_per_token",
    "cached_nanos_per_token",
    "output_nanos_per_token",
    "cost_nanos",
    "cost_usd",
    "waived_nanos",
    "key_id",
    "usage_source",
    "price_id",
    "receipt_hash",
)


async def chunks(records: QuerySet[RequestRecord]) -> AsyncIterator[str]:
    """Yield the sheet in pieces. An asynchronous iterator, since under ASGI Django gathers any other kind up first."""
    yield sheets.lines([HEADER])
    async for piece in pieces(records, CHUNK):
        yield sheets.lines(map(_row, piece))


def cells(record: RequestRecord) -> tuple[str, ...]:
    """Return a row's texts as whoever reads the sheet has them."""
    return tuple(map(sheets.cell, _row(record)))


def _row(record: RequestRecord) -> tuple[str | int | None, ...]:
    return (
        moment(record.admitted_at),
        record.request_id,
        str(record.uid),
        record.key.name,
        record.model,
        record.outcome,
        record.prompt_tokens - record.cached_tokens,
        record.cached_tokens,
        record.completion_tokens,
        record.reasoning_tokens,
        record.price.input_nanos,
        record.price.cached_nanos,
        record.price.output_nanos,
        record.cost_nanos,
        sheets.usd(record.cost_nanos),
        record.waived_nanos,
        str(record.key_id),
        record.usage_source,
        str(record.price_id),
        receipt_trees.leaf(receipt_trees.facts(record, record.price)).hex(),
    )
