"""Budgets of a workspace and of its keys, and how they stand. That none is passed is the gateway's doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from billing import ledger, spends
from billing.errors import BillingError
from billing.models import Budget, BudgetAlert, BudgetPeriod, Spend

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from accounts.models import ApiKey, User, Workspace

log = structlog.get_logger(__name__)

MOST_NANOS = 10**9 * 10**9  # a billion dollars


class NoSuchKey(BillingError):  # noqa: N818 - reads as what it is
    """The key is not the workspace's."""


class ImpossibleLimit(BillingError):  # noqa: N818 - reads as what it is
    """A limit is not negative, and below a billion dollars."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget in its current period. `resets_at` is None where it never does."""

    budget: Budget
    spent_nanos: int
    starts_on: date
    resets_at: datetime | None

    @property
    def left_nanos(self) -> int:
        return max(self.budget.limit_nanos - self.spent_nanos, 0)

    @property
    def over_nanos(self) -> int:
        """How much was spent before the limit was set below it."""
        return max(self.spent_nanos - self.budget.limit_nanos, 0)

    @property
    def percent(self) -> int:
        """Rounded down: 100 only where nothing is left."""
        limit = self.budget.limit_nanos
        return min(self.spent_nanos * 100 // limit, 100) if limit else 100


def put(
    *, workspace: Workspace, key: ApiKey | None, period: BudgetPeriod, limit_nanos: int, by: User, at: datetime
) -> Budget:
    """Set the budget of a holder and period; one there is gets the new limit. Gateways follow within seconds."""
    if key is not None and key.workspace_id != workspace.id:
        raise NoSuchKey(str(key.id))
    if not 0 <= limit_nanos < MOST_NANOS:
        raise ImpossibleLimit(str(limit_nanos))
    with transaction.atomic():
        ledger.changed(workspace.id)
        budget, _ = Budget.objects.update_or_create(
            workspace=workspace, key=key, period=period, defaults={"limit_nanos": limit_nanos}
        )
        _forget_alerts(budget, at)
    log.info("budget.set", workspace=str(workspace.id), budget=str(budget.id), user=by.pk, nanos=limit_nanos)
    return budget


def remove(budget: Budget, by: User) -> None:
    with transaction.atomic():
        ledger.changed(budget.workspace_id)
        budget.delete()
    log.info("budget.removed", workspace=str(budget.workspace_id), user=by.pk)


def standing(workspace: Workspace, at: datetime) -> list[Standing]:
    """Return the workspace's budgets, its own first, then those of its keys by name."""
    budgets = Budget.objects.filter(workspace=workspace, key__revoked_at=None).select_related("key")
    order = list(BudgetPeriod)
    ordered = sorted(
        budgets,
        key=lambda each: (
            each.key is not None,
            each.key.name if each.key else "",
            order.index(BudgetPeriod(each.period)),
        ),
    )
    return standings(ordered, at)


def standings(budgets: Iterable[Budget], at: datetime) -> list[Standing]:
    """Return how budgets stand at a moment, in their order."""
    budgets = list(budgets)
    today = at.astimezone(UTC).date()
    starts = {period: spends.starts_on(period, today) for period in BudgetPeriod}
    rows = Spend.objects.filter(
        holder__in={_holder(budget) for budget in budgets}, starts_on__in=set(starts.values())
    ).values_list("holder", "period", "starts_on", "nanos")
    spent = {(holder, period, day): nanos for holder, period, day, nanos in rows}
    result = []
    for budget in budgets:
        period = BudgetPeriod(budget.period)
        start = starts[period]
        result.append(
            Standing(budget, spent.get((_holder(budget), period.value, start), 0), start, ends(period, start))
        )
    return result


def ends(period: BudgetPeriod, start: date) -> datetime | None:
    """Return when a period that starts on a day is over: 00:00 UTC of the first day that is not in it."""
    match period:
        case BudgetPeriod.DAY:
            day = start + timedelta(days=1)
        case BudgetPeriod.WEEK:
            day = start + timedelta(days=7)
        case BudgetPeriod.MONTH:
            day = (start + timedelta(days=31)).replace(day=1)
        case _:
            return None
    return datetime.combine(day, time(), UTC)


def _holder(budget: Budget) -> UUID:
    return budget.key_id or budget.workspace_id


def _forget_alerts(budget: Budget, at: datetime) -> None:
    """What a raised limit has moved ahead again is told again when it is reached."""
    (stands,) = standings([budget], at)
    BudgetAlert.objects.filter(budget=budget, starts_on=stands.starts_on, percent__gt=stands.percent).delete()
