"""How the upstreams did of late, from the request records: real traffic, and nobody's in particular.

A day is counted in half hours. One that has been over for a while does not change any more, so it is counted once; what
is asked again and again is the last hour, however many requests a day has.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from gateway.usage import Outcome
from pylo_site.status.tally import NOTHING, Tally, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

QUARTER, SLOT = timedelta(minutes=15), timedelta(minutes=30)
SLOTS = 48
LATE = timedelta(minutes=30)  # a record that comes later than this is in the bill, and not in the picture
PATIENCE_MS = 5000
FAILED = (Outcome.UPSTREAM_ERROR, Outcome.UPSTREAM_TIMEOUT, Outcome.UPSTREAM_CUT, Outcome.STALLED, Outcome.NO_TOKENS)
SAYS_NOTHING = (Outcome.CLIENT_GONE_EARLY,)  # of who served it

# A request counts for the upstream that was asked last, with the time that this one took; those that it left have it
# under `moved`. Times are rounded to two digits, so that they can be counted instead of sorted: a tenth of the cost.
COUNTED = """
SELECT upstream, slot,
       CASE WHEN first_token < 1000 THEN (first_token + 5) / 10 * 10
            WHEN first_token < 10000 THEN (first_token + 50) / 100 * 100
            ELSE (first_token + 500) / 1000 * 1000 END,
       count(*), count(*) FILTER (WHERE outcome = ANY(%(failed)s)), count(*) FILTER (WHERE outcome = 'shed'), 0
FROM (SELECT upstream, outcome, date_bin(%(slot)s, admitted_at, %(since)s) AS slot,
             CASE WHEN tries IS NULL OR first_token_ms IS NULL THEN first_token_ms
                  ELSE (tries -> -1 ->> 'duration_ms')::int END AS first_token
      FROM billing_requestrecord
      WHERE admitted_at >= %(since)s AND admitted_at < %(until)s AND outcome <> ALL(%(nothing)s)) AS record
GROUP BY 1, 2, 3
UNION ALL
SELECT attempt ->> 'upstream', date_bin(%(slot)s, admitted_at, %(since)s), NULL, 0, 0, 0, count(*)
FROM billing_requestrecord, LATERAL jsonb_array_elements(tries) WITH ORDINALITY AS each (attempt, number)
WHERE admitted_at >= %(since)s AND admitted_at < %(until)s AND tries IS NOT NULL
      AND number < jsonb_array_length(tries) AND attempt ->> 'fault' <> 'throttled'
GROUP BY 1, 2
"""

Slots = dict[datetime, dict[str, Tally]]  # by their beginning, then by the upstream's name; '' is where none was called


@dataclass(frozen=True, slots=True)
class Window:
    """Some time until `until`, by the upstreams' names."""

    since: datetime
    until: datetime
    totals: Mapping[str, Tally] = field(default_factory=dict)
    slots: Slots = field(default_factory=dict)

    def slot(self, number: int, upstream: str) -> Tally:
        return self.slots.get(self.since + number * SLOT, {}).get(upstream, NOTHING)


# In the name of what is kept: another release, with other fields, neither reads ours nor has its own read by us.
LAYOUT = zlib.crc32(" ".join(each.name for kind in (Window, Tally) for each in fields(kind)).encode())


def quarter(now: datetime) -> Window:
    """Return the last 15 minutes."""
    since = now - QUARTER
    return Window(since, now, _totals(_counted(since, now, QUARTER)))


def day(now: datetime, before: Window | None = None) -> Window:
    """Return the last 24 hours, the half hour that runs among them; what `before` has settled is not asked again."""
    running = _slot_of(now)
    since = running - (SLOTS - 1) * SLOT
    fresh_from, kept = since, Slots()
    if before is not None and before.since <= since:
        fresh_from = max(since, _slot_of(before.until - LATE))
        kept = {at: found for at, found in before.slots.items() if since <= at < fresh_from}
    slots = kept | _counted(fresh_from, now, SLOT)
    return Window(since, now, _totals(slots), slots)


def _slot_of(at: datetime) -> datetime:
    """Return the beginning of the half hour."""
    seconds = SLOT.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def _counted(since: datetime, until: datetime, slot: timedelta) -> Slots:
    """Ask Postgres, for five seconds at most."""
    asked: dict[str, Any] = {
        "since": since,
        "until": until,
        "slot": slot,
        "failed": [outcome.value for outcome in FAILED],
        "nothing": [outcome.value for outcome in SAYS_NOTHING],
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
        cursor.execute("SET LOCAL jit = off")  # it takes longer than the query
        cursor.execute(COUNTED, asked)
        return _gathered(cursor.fetchall())


def _gathered(rows: Iterable[tuple[Any, ...]]) -> Slots:
    parts: dict[datetime, dict[str, list[Tally]]] = {}
    for upstream, slot, first_token, requests, failed, shed, moved in rows:
        times = {} if first_token is None else {first_token: requests}
        parts.setdefault(slot, {}).setdefault(upstream, []).append(Tally(requests, failed, shed, moved, times))
    return {slot: {name: together(each) for name, each in names.items()} for slot, names in parts.items()}


def _totals(slots: Slots) -> dict[str, Tally]:
    names = sorted({name for found in slots.values() for name in found})
    return {name: together(found.get(name, NOTHING) for found in slots.values()) for name in names}
