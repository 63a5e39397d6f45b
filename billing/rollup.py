"""Usage by hour, workspace and key: a pure function of the records.

Whole hours are counted anew and put in place of what was there: running it twice, in parallel or late changes nothing.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction

from billing.models import RollupMark
from billing.periods import HOUR, Period, hour_of, joined, whole_hours
from billing.pricing import CHARGED_OUTCOMES

if TYPE_CHECKING:
    from datetime import datetime

ADVISORY_LOCK = 0x70796C6F_0001  # "pylo" and a number; one transaction at a time recomputes
MARK = "hourly"
OVERLAP = timedelta(minutes=10)  # a record is stamped before it is committed, by the clock of the shipper's machine
ALWAYS = 2 * HOUR

_RECOMPUTE = """
WITH fresh AS (
    SELECT date_trunc('hour', admitted_at, 'UTC') AS hour, workspace_id, key_id,
           count(*) AS requests, count(*) FILTER (WHERE outcome <> ALL(%(charged)s)) AS failed,
           sum(prompt_tokens) AS prompt, sum(cached_tokens) AS cached,
           sum(completion_tokens) AS completion, sum(reasoning_tokens) AS reasoning,
           sum(cost_nanos) AS cost, sum(waived_nanos) AS waived
    FROM billing_requestrecord
    WHERE admitted_at >= %(start)s AND admitted_at < %(end)s
    GROUP BY 1, 2, 3
), placed AS (
    INSERT INTO billing_usagerollup (hour, workspace_id, key_id, requests, failed, prompt_tokens, cached_tokens,
                                     completion_tokens, reasoning_tokens, cost_nanos, waived_nanos)
    SELECT * FROM fresh
    ON CONFLICT (workspace_id, hour, key_id) DO UPDATE SET
        requests = excluded.requests, failed = excluded.failed, prompt_tokens = excluded.prompt_tokens,
        cached_tokens = excluded.cached_tokens, completion_tokens = excluded.completion_tokens,
        reasoning_tokens = excluded.reasoning_tokens, cost_nanos = excluded.cost_nanos,
        waived_nanos = excluded.waived_nanos
    RETURNING 1
), emptied AS (
    DELETE FROM billing_usagerollup AS old
    WHERE old.hour >= %(start)s AND old.hour < %(end)s AND NOT EXISTS (
        SELECT 1 FROM fresh
        WHERE fresh.hour = old.hour AND fresh.workspace_id = old.workspace_id AND fresh.key_id = old.key_id
    )
)
SELECT count(*) FROM placed
"""
_TOUCHED = """
SELECT DISTINCT date_trunc('hour', admitted_at, 'UTC') FROM billing_requestrecord WHERE recorded_at >= %s
"""


def recompute(period: Period) -> int:
    """Count the hours that `period` touches anew; return how many rollups they have now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        return _recompute(period)


def catch_up(now: datetime) -> int:
    """Recompute the hours of what was recorded since the last run, and the last two hours; return their rollups.

    Where another run is at it, leave it to that one.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        if cursor.fetchone() != (True,):
            return 0
        rows = sum(_recompute(period) for period in joined([*_touched(), Period(now - ALWAYS, now + HOUR)]))
        RollupMark.objects.update_or_create(name=MARK, defaults={"up_to": now})
        return rows


def complete_up_to(now: datetime) -> datetime | None:
    """Return the moment before which all that was recorded is in the rollups; None when none were ever made."""
    mark = RollupMark.objects.filter(name=MARK).values_list("up_to", flat=True).first()
    return None if mark is None else min(mark, now)


def _touched() -> list[Period]:
    mark = RollupMark.objects.filter(name=MARK).values_list("up_to", flat=True).first()
    with connection.cursor() as cursor:
        if mark is None:
            cursor.execute("SELECT min(admitted_at), max(admitted_at) FROM billing_requestrecord")
            bounds = [moment.astimezone(UTC) for moment in cursor.fetchone() or () if moment is not None]
            return [Period(bounds[0], bounds[1] + HOUR)] if bounds else []
        cursor.execute(_TOUCHED, [mark - OVERLAP])
        return [hour_of(hour) for (hour,) in cursor.fetchall()]


def _recompute(period: Period) -> int:
    hours = whole_hours(period)
    with connection.cursor() as cursor:
        cursor.execute(
            _RECOMPUTE,
            {"start": hours.start, "end": hours.end, "charged": CHARGED_OUTCOMES},
        )
        return int((cursor.fetchone() or (0,))[0])
