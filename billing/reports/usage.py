"""Usage over a window: whole hours from the rollups, the hours that may still move from the records themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDay, TruncHour

from billing import rollup
from billing.models import RequestRecord, UsageRollup
from billing.periods import Period, hour_of, joined
from billing.reports.windows import LENGTH, Step, Window
from gateway.usage import CHARGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Aggregate, QuerySet

    from accounts.models import ApiKey, Workspace

SCATTERED = 24  # more stretches of live hours than this are read as one
NOTHING = Q(pk__in=())
TRUNCATE = {Step.HOUR: TruncHour, Step.DAY: TruncDay}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some requests. `cached` is part of `prompt`, `reasoning` is part of `completion`."""

    requests: int = 0
    failed: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0
    cost_nanos: int = 0
    waived_nanos: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Totals)))

    @property
    def input(self) -> int:
        """Prompt tokens that were not read from a cache."""
        return self.prompt - self.cached

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    @property
    def failed_per_mille(self) -> int:
        return (1000 * self.failed + self.requests // 2) // self.requests if self.requests else 0

    @property
    def error_rate(self) -> str:
        whole, tenth = divmod(self.failed_per_mille, 10)
        return f"{whole}.{tenth}%"


@dataclass(frozen=True, slots=True)
class Bucket:
    start: datetime
    end: datetime
    totals: Totals


@dataclass(frozen=True, slots=True)
class Usage:
    """A window's buckets, oldest first, and their sum. Every request recorded by `complete_to` is in it."""

    window: Window
    key: ApiKey | None
    buckets: tuple[Bucket, ...]
    totals: Totals
    complete_to: datetime


def usage(workspace: Workspace, window: Window, *, key: ApiKey | None = None, now: datetime) -> Usage:
    """Return what `workspace` used in `window`, by `key` alone when one is given; exactly what its records say."""
    live = _live(workspace, window, now)
    found: dict[datetime, Totals] = {}
    for start, totals in (
        *_rolled(workspace, window, key, live),
        *_recorded(workspace, window, key, live),
    ):
        found[start] = found.get(start, Totals()) + totals
    length = LENGTH[window.step]
    buckets = tuple(Bucket(start, start + length, found.get(start, Totals())) for start in window.starts())
    return Usage(window, key, buckets, sum((bucket.totals for bucket in buckets), Totals()), now)


def _live(workspace: Workspace, window: Window, now: datetime) -> list[Period]:
    """Return the hours that the rollups may not hold whole: those something was recorded in since they last ran."""
    everything = Period(window.start, window.end)
    rolled_to = rollup.complete_up_to(now)
    if rolled_to is None:
        return [everything]
    fresh = RequestRecord.objects.filter(
        workspace=workspace,
        admitted_at__gte=window.start,
        admitted_at__lt=window.end,
        recorded_at__gte=rolled_to - rollup.OVERLAP,
    )
    hours = fresh.annotate(hour=TruncHour("admitted_at", tzinfo=UTC)).values_list("hour", flat=True).distinct()
    live = joined(hour_of(hour) for hour in hours)
    return live if len(live) <= SCATTERED else [Period(live[0].start, window.end)]


def _in(periods: list[Period], moment: str) -> Q:
    """Match the rows whose `moment` is in one of the periods."""
    return reduce(or_, (Q((f"{moment}__gte", each.start), (f"{moment}__lt", each.end)) for each in periods), NOTHING)


def _rolled(
    workspace: Workspace, window: Window, key: ApiKey | None, live: list[Period]
) -> Iterator[tuple[datetime, Totals]]:
    rollups = UsageRollup.objects.filter(workspace=workspace, hour__gte=window.start, hour__lt=window.end)
    if live:
        rollups = rollups.exclude(_in(live, "hour"))
    if key is not None:
        rollups = rollups.filter(key=key)
    return _summed(rollups, window, "hour", requests=Sum("requests"), failed=Sum("failed"))


def _recorded(
    workspace: Workspace, window: Window, key: ApiKey | None, live: list[Period]
) -> Iterator[tuple[datetime, Totals]]:
    records = RequestRecord.objects.filter(_in(live, "admitted_at"), workspace=workspace)
    if key is not None:
        records = records.filter(key=key)
    failed = Count("uid", filter=~Q(outcome__in=CHARGED))
    return _summed(records, window, "admitted_at", requests=Count("uid"), failed=failed)


def _summed(
    rows: QuerySet[UsageRollup] | QuerySet[RequestRecord],
    window: Window,
    moment: str,
    *,
    requests: Aggregate,
    failed: Aggregate,
) -> Iterator[tuple[datetime, Totals]]:
    """Sum either table by the window's step: both name tokens and money alike, and count requests each its own way."""
    sums = (
        rows.annotate(start=TRUNCATE[window.step](moment, tzinfo=UTC))
        .values("start")
        .annotate(
            n=requests,
            bad=failed,
            prompt=Sum("prompt_tokens"),
            cached=Sum("cached_tokens"),
            completion=Sum("completion_tokens"),
            reasoning=Sum("reasoning_tokens"),
            cost=Sum("cost_nanos"),
            waived=Sum("waived_nanos"),
        )
        .values_list("start", "n", "bad", "prompt", "cached", "completion", "reasoning", "cost", "waived")
    )
    return ((start, Totals(*map(int, each))) for start, *each in sums)
