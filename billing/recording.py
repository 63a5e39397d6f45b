"""Request records as rows: made of what the gateway tells, priced, and inserted once for each uid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import psycopg
from django.db import connection

from accounts.models import ApiKey
from billing import pricing, repeats
from billing.errors import BillingError
from billing.models import Price, RequestRecord
from billing.unbilled import Sums
from gateway.usage import CHARGED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gateway.usage import RequestRecord as Record
    from gateway.usage import Try

AHEAD = timedelta(minutes=5)  # that a gateway's clock may be
BACK = timedelta(days=35)  # that a record may be late; both as Stripe's meters have them
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
    "batch": "uuid",
    "tries": "jsonb",
}
SAME = ("request_id", "status", "prompt_tokens", "cached_tokens", "completion_tokens", "duration_ms")
_NAMES = ", ".join(COLUMNS)
_ARRAYS = ", ".join(f"%b::{kind}[]" for kind in COLUMNS.values())


# A balance can move only by the rows that were inserted here and now: those that RETURNING gives back.
_INSERT = f"""
WITH inserted AS (
    INSERT INTO billing_requestrecord ({_NAMES})
    SELECT * FROM unnest({_ARRAYS})
    ON CONFLICT (uid) DO NOTHING
    RETURNING workspace_id, key_id, admitted_at, price_id, outcome = ANY(%b) AS paid,
              prompt_tokens, cached_tokens, completion_tokens, cost_nanos, waived_nanos
)
SELECT workspace_id, key_id, (admitted_at AT TIME ZONE 'UTC')::date, price_id,
       count(*)::int8, (count(*) FILTER (WHERE paid))::int8,
       coalesce(sum(prompt_tokens) FILTER (WHERE paid), 0)::int8,
       coalesce(sum(cached_tokens) FILTER (WHERE paid), 0)::int8,
       coalesce(sum(completion_tokens) FILTER (WHERE paid), 0)::int8, sum(cost_nanos)::int8, sum(waived_nanos)::int8
FROM inserted GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - built of the constants above


class Unrecordable(BillingError):  # noqa: N818 - reads as what it is
    """One record of the batch can never be written, because of what it says. The others may be, without it."""

    def __init__(self, uid: UUID, reason: str) -> None:
        self.uid = uid
        self.reason = reason
        super().__init__(f"request {uid}: {reason}")


@dataclass(frozen=True, slots=True)
class Inserted:
    """What rows of one key, one UTC day, by admission, and one price were really inserted."""

    workspace_id: UUID
    key_id: UUID
    day: date
    price_id: UUID
    sums: Sums


@dataclass(frozen=True, slots=True)
class Row:
    uid: UUID
    workspace_id: UUID
    values: tuple[object, ...]
    charge: repeats.Charge | None  # of a request that may be a retry of one that is charged

    def as_duplicate(self) -> Row:
        values = dict(zip(COLUMNS, self.values, strict=True))
        values |= {"outcome": Outcome.DUPLICATE.value, "cost_nanos": 0, "waived_nanos": values["cost_nanos"]}
        return replace(self, values=tuple(values.values()))


def rows(records: Sequence[Record], *, batch: UUID, recorded_at: datetime) -> list[Row]:
    """Price the records; raise `Unrecordable` for the first that can never be written."""
    prices = Price.objects.in_bulk({record.price_id for record in records})
    owners = dict(ApiKey.objects.filter(id__in={record.key_id for record in records}).values_list("id", "workspace_id"))
    old = _recorded_strays(records, recorded_at)
    result = []
    for record in records:
        if record.uid in old:
            continue
        price = prices.get(record.price_id)
        if price is None:
            raise Unrecordable(record.uid, f"there is no price {record.price_id}")
        if owners.get(record.key_id) != record.workspace_id:
            raise Unrecordable(record.uid, f"workspace {record.workspace_id} has no key {record.key_id}")
        result.append(_row(record, price, batch, recorded_at))
    return result


def insert(rows: Sequence[Row]) -> list[Inserted]:
    """Insert those that are not there yet, inside the caller's transaction. The caller holds the balances."""
    if not rows:
        return []
    charges = [row.charge for row in rows if row.charge is not None]
    if charges and (free := repeats.repeated(charges)):
        rows = [row.as_duplicate() if row.uid in free else row for row in rows]
    columns = [list(column) for column in zip(*(row.values for row in rows), strict=True)]
    # psycopg's own cursor sends the arrays as binary; Django's would spell them out, at three times the cost.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        found = cursor.execute(_INSERT, [*columns, pricing.CHARGED_OUTCOMES]).fetchall()
    return [Inserted(workspace, key, day, price, Sums(*sums)) for workspace, key, day, price, *sums in found]


def conflicts(rows: Sequence[Row]) -> list[UUID]:
    """Return those that are recorded with something else than they say. What is recorded stays."""
    known = RequestRecord.objects.filter(uid__in=[row.uid for row in rows]).values_list("uid", *SAME)
    told = {row.uid: tuple(dict(zip(COLUMNS, row.values, strict=True))[name] for name in SAME) for row in rows}
    return [uid for uid, *there in known if told[uid] != tuple(there)]


def _recorded_strays(records: Sequence[Record], recorded_at: datetime) -> set[UUID]:
    """Return those of an impossible time that are recorded all the same: a replay, however old, changes nothing."""
    earliest, latest = (_ms(recorded_at + span) for span in (-BACK, AHEAD))
    strays = [record.uid for record in records if not earliest <= record.admitted_at_ms <= latest]
    if not strays:
        return set()
    known = set(RequestRecord.objects.filter(uid__in=strays).values_list("uid", flat=True))
    for uid in strays:
        if uid not in known:
            raise Unrecordable(uid, f"it is of more than {AHEAD} ahead or {BACK.days} days back")
    return known


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _row(record: Record, price: pricing.Priced, batch: UUID, recorded_at: datetime) -> Row:
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
        batch,
        _spelled(record.tries),
    )
    charge = None
    if record.digests and record.outcome in CHARGED:
        charge = repeats.Charge(record.uid, record.workspace_id, record.digests, admitted_at)
    return Row(record.uid, record.workspace_id, values, charge)


def _spelled(tries: Sequence[Try]) -> str | None:
    """Return the attempts as JSON; one that answered is told by the row's other columns."""
    if not tries or (len(tries) == 1 and not tries[0].fault):
        return None
    return msgspec.json.encode(tries).decode()
