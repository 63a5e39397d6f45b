"""One request, whole: what it cost and why, and every field that is stored about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.models import InvoiceLine, RequestRecord
from billing.pricing import charge
from billing.reports.attempts import Attempt, attempts
from billing.reports.requests import Row, row
from gateway.usage import Outcome, Tokens, UsageSource

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import Workspace
    from billing.models import Price


@dataclass(frozen=True, slots=True)
class Term:
    """Tokens of one kind at the price they were admitted under."""

    item: str
    tokens: int
    unit_nanos: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A column of the row, and what is in it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A request with its arithmetic. `total_nanos` was charged, or waived when `row.reason.charged` is false."""

    row: Row
    terms: tuple[Term, ...]
    total_nanos: int
    estimated: bool
    invoice_number: str
    stored: tuple[Stored, ...]
    attempts: tuple[Attempt, ...]  # none where one upstream was asked and answered
    repeats: bool  # another request of the same id is charged in its place


def detail(workspace: Workspace, uid: UUID) -> Detail | None:
    """Return the request of that uid, if it is this workspace's."""
    record = (
        RequestRecord.objects.select_related("key", "price", "invoice")
        .defer("invoice__pdf")
        .filter(workspace=workspace, uid=uid)
        .first()
    )
    if record is None:
        return None
    terms = _terms(record, record.price)
    return Detail(
        row=row(record),
        terms=terms,
        total_nanos=sum(term.nanos for term in terms),
        estimated=record.usage_source == UsageSource.COUNTED,
        invoice_number=record.invoice.number if record.invoice else "",
        stored=_stored(record),
        attempts=attempts(record),
        repeats=record.outcome == Outcome.DUPLICATE,
    )


def _terms(record: RequestRecord, price: Price) -> tuple[Term, ...]:
    fresh = record.prompt_tokens - record.cached_tokens
    tokens = Tokens(record.prompt_tokens, record.cached_tokens, record.completion_tokens, record.reasoning_tokens)
    cost = charge(tokens, price)
    item = InvoiceLine.Item
    return (
        Term(item.INPUT.label, fresh, price.input_nanos, cost.input_nanos),
        Term(item.CACHED.label, record.cached_tokens, price.cached_nanos, cost.cached_nanos),
        Term(item.OUTPUT.label, record.completion_tokens, price.output_nanos, cost.output_nanos),
    )


def _stored(record: RequestRecord) -> tuple[Stored, ...]:
    columns = RequestRecord._meta.concrete_fields  # noqa: SLF001 - Django documents it
    return tuple(Stored(str(column.column), _text(getattr(record, column.attname))) for column in columns)


def _text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list) else str(value)
