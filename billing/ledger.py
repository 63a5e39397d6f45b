"""The only writer of request records, postings and balances. Whatever comes twice is written once.

Every writer locks the balance rows first, in the order of their workspace ids: so writers queue instead of
deadlocking, and whoever holds a workspace's balance (`invoicing.issue`) sees its set of records stand still.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import psycopg
from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import ApiKey
from billing import pricing, repeats
from billing.errors import BillingError
from billing.models import JournalOffset, Posting, Price
from gateway.usage import CHARGED, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from accounts.models import Workspace
    from gateway.usage import RequestRecord, Try

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Column → its type in Postgres; `_row` gives the values in this order.
COLUMNS = {
    "uid": "uuid",
    "request_id": "text",
    "workspace_id": "uuid",
    "key_id": "uuid",
    "price_id": "uuid",
    "model": "text",
    "stream": "bool",
    "admitted_at": "timestamptz",
    "recorded_at": "timestamptz",
    "upstream": "text",
    "attempts": "int8",
    "status": "int8",
    "outcome": "text",
    "finish_reason": "text",
    "error_code": "text",
    "prompt_tokens": "int8",
    "cached_tokens": "int8",
    "completion_tokens": "int8",
    "reasoning_tokens": "int8",
    "usage_source": "text",
    "first_token_ms": "int8",
    "duration_ms": "int8",
    "cost_nanos": "int8",
    "waived_nanos": "int8",
    "tries": "jsonb",
}
_NAMES = ", ".join(COLUMNS)
_ARRAYS = ", ".join(f"%b::{kind}[]" for kind in COLUMNS.values())

# One statement, so that a balance can move only by the rows that were inserted here and now.
_APPEND = f"""
WITH inserted AS (
    INSERT INTO billing_requestrecord ({_NAMES})
    SELECT * FROM unnest({_ARRAYS})
    ON CONFLICT (uid) DO NOTHING
    RETURNING workspace_id, cost_nanos
), sums AS (
    SELECT workspace_id, count(*) AS requests, sum(cost_nanos)::int8 AS cost FROM inserted GROUP BY workspace_id
), moved AS (
    UPDATE billing_balance SET nanos = billing_balance.nanos - sums.cost
    FROM sums WHERE billing_balance.workspace_id = sums.workspace_id
)
SELECT coalesce(sum(requests), 0)::int8, coalesce(sum(cost), 0)::int8 FROM sums
"""  # noqa: S608 - built of the constants above
_LOCK = "SELECT workspace_id FROM billing_balance WHERE workspace_id = ANY(%s) ORDER BY workspace_id FOR UPDATE"
_OPEN = """
INSERT INTO billing_balance (workspace_id, nanos, credit_line_nanos)
SELECT unnest(%s::uuid[]), 0, 0 ON CONFLICT (workspace_id) DO NOTHING
"""
_CREDIT = """
WITH posted AS (
    INSERT INTO billing_posting (workspace_id, kind, nanos, key, note, posted_at) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (key) DO NOTHING
    RETURNING workspace_id, nanos
)
UPDATE billing_balance SET nanos = billing_balance.nanos + posted.nanos
FROM posted WHERE billing_balance.workspace_id = posted.workspace_id
"""
_SHIPPED = """
INSERT INTO billing_journaloffset (segment, shipped) VALUES (%s, %s)
ON CONFLICT (segment) DO UPDATE SET shipped = excluded.shipped
"""


class Unrecordable(BillingError):  # noqa: N818 - reads as what it is
    """One record of the batch can never be written, because of what it says. The others may be, without it."""

    def __init__(self, uid: UUID, reason: str) -> None:
        self.uid = uid
        self.reason = reason
        super().__init__(f"request {uid}: {reason}")


@dataclass(frozen=True, slots=True)
class Appended:
    inserted: int
    duplicates: int  # were there before, under the same uid
    cost_nanos: int


def append(records: Sequence[RequestRecord], *, segment: str, shipped: int, recorded_at: datetime) -> Appended:
    """Write the records that are not there yet, charge them, and remember how far the segment is shipped: all or none.

    Raises `Unrecordable`, naming the first record that can never be written; nothing is written then.
    """
    rows = _rows(records, recorded_at)
    try:
        with transaction.atomic():
            appended = _append(rows)
            with connection.cursor() as cursor:
                cursor.execute(_SHIPPED, [segment, shipped])
    except (DataError, IntegrityError, UnicodeEncodeError):
        _name_the_culprit(rows)
        raise
    return appended


def shipped_offset(segment: str) -> int:
    return JournalOffset.objects.filter(segment=segment).values_list("shipped", flat=True).first() or 0


def forget(segment: str) -> None:
    """Drop the offset of a segment whose file is gone."""
    JournalOffset.objects.filter(segment=segment).delete()


def credit(*, workspace: Workspace, kind: Posting.Kind, nanos: int, key: str, note: str = "", at: datetime) -> bool:
    """Move the balance by `nanos` once for `key`; say whether this call did it. False: it was posted before."""
    with transaction.atomic(), connection.cursor() as cursor:
        lock([workspace.id])
        cursor.execute(_CREDIT, [workspace.id, kind.value, nanos, key, note, at])
        return bool(cursor.rowcount == 1)


def open_balance(*, workspace: Workspace, credit_nanos: int, at: datetime) -> None:
    """Give a new workspace its balance, and its sign-up credit when there is any. Safe to repeat."""
    with transaction.atomic():
        lock([workspace.id])
        if credit_nanos > 0:
            credit(
                workspace=workspace,
                kind=Posting.Kind.SIGNUP_CREDIT,
                nanos=credit_nanos,
                key=f"signup:{workspace.id}",
                at=at,
            )


def lock(workspaces: Collection[UUID]) -> None:
    """Hold these workspaces' balances until the transaction ends; a workspace without one gets it."""
    wanted = list(workspaces)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [wanted])
        if cursor.rowcount < len(wanted):
            cursor.execute(_OPEN, [sorted(wanted)])
            cursor.execute(_LOCK, [wanted])


@dataclass(frozen=True, slots=True)
class _Row:
    uid: UUID
    workspace_id: UUID
    values: tuple[object, ...]
    charge: repeats.Charge | None  # of a request that may be a retry of one that is charged

    def as_duplicate(self) -> _Row:
        values = dict(zip(COLUMNS, self.values, strict=True))
        values |= {"outcome": Outcome.DUPLICATE.value, "cost_nanos": 0, "waived_nanos": values["cost_nanos"]}
        return replace(self, values=tuple(values.values()))


def _rows(records: Sequence[RequestRecord], recorded_at: datetime) -> list[_Row]:
    prices = Price.objects.in_bulk({record.price_id for record in records})
    owners = dict(ApiKey.objects.filter(id__in={record.key_id for record in records}).values_list("id", "workspace_id"))
    rows = []
    for record in records:
        price = prices.get(record.price_id)
        if price is None:
            raise Unrecordable(record.uid, f"there is no price {record.price_id}")
        if owners.get(record.key_id) != record.workspace_id:
            raise Unrecordable(record.uid, f"workspace {record.workspace_id} has no key {record.key_id}")
        rows.append(_row(record, price, recorded_at))
    return rows


def _row(record: RequestRecord, price: pricing.Priced, recorded_at: datetime) -> _Row:
    try:
        bill = pricing.bill(record.tokens, record.outcome, price)
        admitted_at = EPOCH + timedelta(milliseconds=record.admitted_at_ms)
    except (pricing.ImpossibleTokens, OverflowError) as error:
        raise Unrecordable(record.uid, str(error)) from error
    values = (
        record.uid,
        record.request_id,
        record.workspace_id,
        record.key_id,
        record.price_id,
        record.model,
        record.stream,
        admitted_at,
        recorded_at,
        record.upstream,
        record.attempts,
        record.status,
        record.outcome.value,
        record.finish_reason,
        record.error_code,
        record.tokens.prompt,
        record.tokens.cached,
        record.tokens.completion,
        record.tokens.reasoning,
        record.usage_source.value,
        record.first_token_ms,
        record.duration_ms,
        bill.cost_nanos,
        bill.waived_nanos,
        _spelled(record.tries),
    )
    charge = None
    if record.digests and record.outcome in CHARGED:
        charge = repeats.Charge(record.uid, record.workspace_id, record.digests, admitted_at)
    return _Row(record.uid, record.workspace_id, values, charge)


def _spelled(tries: Sequence[Try]) -> str | None:
    """Return the attempts as JSON; one that answered is told by the row's other columns."""
    if not tries or (len(tries) == 1 and not tries[0].fault):
        return None
    return msgspec.json.encode(tries).decode()


def _append(rows: Sequence[_Row]) -> Appended:
    """Insert and charge, inside the caller's transaction."""
    if not rows:
        return Appended(inserted=0, duplicates=0, cost_nanos=0)
    lock({row.workspace_id for row in rows})
    charges = [row.charge for row in rows if row.charge is not None]
    if charges and (free := repeats.repeated(charges)):
        rows = [row.as_duplicate() if row.uid in free else row for row in rows]
    columns = [list(column) for column in zip(*(row.values for row in rows), strict=True)]
    # psycopg's own cursor sends the arrays as binary; Django's would spell them out, at three times the cost.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        inserted, cost = cursor.execute(_APPEND, columns).fetchone() or (0, 0)
    return Appended(inserted=inserted, duplicates=len(rows) - inserted, cost_nanos=cost)


def _name_the_culprit(rows: Sequence[_Row]) -> None:
    """Postgres refuses a batch without saying which row it was for: try them one by one, and undo each."""
    for row in rows:
        try:
            with transaction.atomic():
                _append([row])
                transaction.set_rollback(True)
        except (DataError, IntegrityError, UnicodeEncodeError) as error:
            raise Unrecordable(row.uid, str(error).splitlines()[0]) from error
