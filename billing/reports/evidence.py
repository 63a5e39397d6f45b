"""The requests of an invoice as CSV: what it sums, line by line, to the nano-dollar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.reports import sheets

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
)


async def chunks(records: QuerySet[RequestRecord]) -> AsyncIterator[str]:
    """Yield the sheet in pieces. An asynchronous iterator, since under ASGI Django gathers any other kind up first."""
    rows: list[tuple[str | int | None, ...]] = [HEADER]
    async for record in records.aiterator(chunk_size=CHUNK):
        rows.append(_row(record))
        if len(rows) >= CHUNK:
            yield sheets.lines(rows)
            rows = []
    yield sheets.lines(rows)


def _row(record: RequestRecord) -> tuple[str | int | None, ...]:
    return (
        f"{record.admitted_at:%Y-%m-%dT%H:%M:%S.%f}Z",
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
    )
