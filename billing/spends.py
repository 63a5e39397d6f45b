"""What workspaces and keys spent in a day, a week, a month and altogether: it moves with the balance."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import connection

from billing.models import BudgetPeriod

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from billing.recording import Inserted

BEGINNING = date(1970, 1, 1)  # of the period that has no end
_MOVE = """
INSERT INTO billing_spend AS spend (holder, period, starts_on, nanos)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::int8[])
ON CONFLICT (holder, period, starts_on) DO UPDATE SET nanos = spend.nanos + excluded.nanos
"""


def starts_on(period: BudgetPeriod, day: date) -> date:
    """Return the first day of the period that a UTC day is in. Weeks begin on Monday."""
    match period:
        case BudgetPeriod.DAY:
            return day
        case BudgetPeriod.WEEK:
            return day - timedelta(days=day.weekday())
        case BudgetPeriod.MONTH:
            return day.replace(day=1)
        case _:
            return BEGINNING


def move(inserted: Iterable[Inserted]) -> None:
    """Add what was inserted here and now, inside the transaction that did it."""
    sums: defaultdict[tuple[UUID, str, date], int] = defaultdict(int)
    for each in inserted:
        if each.sums.cost_nanos:
            for holder in (each.workspace_id, each.key_id):
                for period in BudgetPeriod:
                    sums[holder, period.value, starts_on(period, each.day)] += each.sums.cost_nanos
    if sums:
        ordered = sorted((*name, nanos) for name, nanos in sums.items())
        with connection.cursor() as cursor:
            cursor.execute(_MOVE, [list(column) for column in zip(*ordered, strict=True)])
