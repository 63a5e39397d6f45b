"""What workspaces and keys spent, and what is on no invoice, counted anew from the records."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from django.db import connection, transaction

from accounts.models import ApiKey
from billing import ledger, partitions, spends, unbilled
from billing.models import BudgetPeriod, Spend

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date
    from uuid import UUID

    Name = tuple[UUID, str, date]

log = structlog.get_logger(__name__)

_DAYS = """
SELECT key_id, (admitted_at AT TIME ZONE 'UTC')::date AS day, sum(cost_nanos)::int8
FROM billing_requestrecord
WHERE workspace_id = %s AND admitted_at >= coalesce(%s::timestamptz, '-infinity')
GROUP BY key_id, day HAVING sum(cost_nanos) > 0
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was put right. `before` is None where it was missing, `after` where there should be none."""

    holder: UUID
    period: str
    starts_on: date
    before: int | None
    after: int | None

    def __str__(self) -> str:
        before, after = ("none" if nanos is None else f"{nanos} n$" for nanos in (self.before, self.after))
        return f"{self.holder}, {self.period} from {self.starts_on}: {before}, now {after}"


def rebuild(workspace_id: UUID) -> list[Change]:
    """Put the spends of a workspace and its keys right, and return what was wrong. Nothing ships for it meanwhile.

    Days before the first month that is kept stay as they are: their records are gone. All else is the sum of days.
    """
    with transaction.atomic():
        ledger.lock([workspace_id])
        keys = ApiKey.objects.filter(workspace=workspace_id).values_list("id", flat=True)
        before = _rows([workspace_id, *keys])
        after = _right(workspace_id, before)
        changes = [
            Change(*name, before.get(name), after.get(name))
            for name in sorted({*before, *after})
            if before.get(name, 0) != after.get(name, 0)
        ]
        for change in changes:
            _put(change)
        if changes:
            ledger.changed(workspace_id)  # Redis is told anew what is left of budgets
    if changes:
        log.warning("spends.rebuilt", workspace=str(workspace_id), rows=len(changes))
    return changes


def rebuild_unbilled(workspace_id: UUID) -> list[unbilled.Change]:
    """Put what a workspace has on no invoice right, and return what was wrong. Nothing ships for it meanwhile."""
    with transaction.atomic():
        ledger.lock([workspace_id])
        changes = unbilled.recount(workspace_id)
    if changes:
        log.warning("unbilled.rebuilt", workspace=str(workspace_id), rows=len(changes))
    return changes


def _right(workspace_id: UUID, before: Mapping[Name, int]) -> dict[Name, int]:
    since = partitions.kept_since()
    days: defaultdict[tuple[UUID, date], int] = defaultdict(int)
    if since is not None:
        for (holder, period, day), nanos in before.items():
            if period == BudgetPeriod.DAY and day < since.date():
                days[holder, day] = nanos
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [workspace_id, since])
        for key_id, day, nanos in cursor.fetchall():
            days[workspace_id, day] += nanos
            days[key_id, day] += nanos
    right: defaultdict[Name, int] = defaultdict(int)
    for (holder, day), nanos in days.items():
        for each in BudgetPeriod:
            right[holder, each.value, spends.starts_on(each, day)] += nanos
    return dict(right)


def _rows(holders: Collection[UUID]) -> dict[Name, int]:
    rows = Spend.objects.filter(holder__in=holders).values_list("holder", "period", "starts_on", "nanos")
    return {(holder, period, day): nanos for holder, period, day, nanos in rows}


def _put(change: Change) -> None:
    rows = Spend.objects.filter(holder=change.holder, period=change.period, starts_on=change.starts_on)
    if change.after is None:
        rows.delete()
    elif not rows.update(nanos=change.after):
        Spend.objects.create(holder=change.holder, period=change.period, starts_on=change.starts_on, nanos=change.after)
