"""Request records by month: partitions made ahead, and dropped when they have been kept long enough.

The money stays: postings, spends, rollups and invoices are of other tables. A month with a charge that is on no invoice
is never dropped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from django.db import connection, transaction

from billing import unbilled
from billing.models import RollupMark
from billing.periods import month_before, month_of

log = structlog.get_logger(__name__)

AHEAD = 3  # months
MARK = "dropped"
AT_ONCE = 10_000
_MONTHS = """
SELECT substring(child.relname FROM 'y([0-9]{4}m[0-9]{2})$') FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'billing_requestrecord'::regclass AND child.relname ~ 'y[0-9]{4}m[0-9]{2}$' ORDER BY 1
"""
_BLANK = """
UPDATE billing_requestrecord SET request_id = '' WHERE uid IN (
    SELECT uid FROM billing_requestrecord WHERE admitted_at < %s AND request_id <> '' LIMIT %s
)
"""


def make_ahead(now: datetime) -> int:
    """Make the partitions of this month and the next ones; return how many were not there."""
    month, made = month_of(now), 0
    with connection.cursor() as cursor:
        for _ in range(AHEAD + 1):
            cursor.execute("SELECT billing_make_partition(%s)", [month.start.date()])
            made += (cursor.fetchone() or (False,))[0]
            month = month_of(month.end)
    return made


def drop_old(now: datetime, months: int) -> list[datetime]:
    """Drop the months that ended so many whole months ago; return those that went. The first that may not stops it."""
    oldest = month_of(now)
    for _ in range(months):
        oldest = month_before(oldest.start)
    dropped = []
    for month in present():
        if month >= oldest.start or not _drop(month):
            break
        dropped.append(month)
    return dropped


def kept_since() -> datetime | None:
    """Return the moment from which on no record was dropped; None when none ever was."""
    return RollupMark.objects.filter(name=MARK).values_list("up_to", flat=True).first()


def blank_old(now: datetime, days: int) -> int:
    """Take the X-Request-Id, a client's own words, out of records that are so old; return how many."""
    before, blanked = now - timedelta(days=days), 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_BLANK, [before, AT_ONCE])
            blanked += int(cursor.rowcount)
            if cursor.rowcount < AT_ONCE:
                return blanked


def present() -> list[datetime]:
    """Return the first moments of the months that have a partition."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS)
        return [datetime(int(name[:4]), int(name[5:]), 1, tzinfo=UTC) for (name,) in cursor.fetchall()]


def _drop(month: datetime) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT billing_drop_partition(%s)", [month.date()])
        (said,) = cursor.fetchone() or ("",)
        if said != "dropped":
            log.error("records_not_dropped", month=f"{month:%Y-%m}", reason=said)
            return False
        end = month_of(month).end
        unbilled.forget(end.date())
        RollupMark.objects.update_or_create(name=MARK, defaults={"up_to": end})
        return True
