"""What no invoice holds yet, by month and price: it moves with the balance, so that no page has to sum the records."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Sum

from billing.models import UnbilledUsage
from billing.pricing import CHARGED_OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from billing.recording import Inserted

_COLUMNS = (
    "requests",
    "paid_requests",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "cost_nanos",
    "waived_nanos",
)
_MOVE = f"""
INSERT INTO billing_unbilledusage AS kept (workspace_id, month, price_id, {", ".join(_COLUMNS)})
SELECT * FROM unnest(%s::uuid[], %s::date[], %s::uuid[], {", ".join(["%s::int8[]"] * len(_COLUMNS))})
ON CONFLICT (workspace_id, month, price_id) DO UPDATE SET
    {", ".join(f"{name} = kept.{name} + excluded.{name}" for name in _COLUMNS)}
"""  # noqa: S608 - built of the constants above
_COUNT = f"""
INSERT INTO billing_unbilledusage (workspace_id, month, price_id, {", ".join(_COLUMNS)})
SELECT workspace_id, date_trunc('month', admitted_at AT TIME ZONE 'UTC')::date, price_id, count(*),
       count(*) FILTER (WHERE paid), coalesce(sum(prompt_tokens) FILTER (WHERE paid), 0),
       coalesce(sum(cached_tokens) FILTER (WHERE paid), 0), coalesce(sum(completion_tokens) FILTER (WHERE paid), 0),
       sum(cost_nanos), sum(waived_nanos)
FROM (SELECT *, outcome = ANY(%s) AS paid FROM billing_requestrecord WHERE workspace_id = %s AND invoice_id IS NULL) r
GROUP BY 1, 2, 3
"""  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Sums:
    """Of some records; the tokens are those of the ones that are charged. In the order of the table's columns."""

    requests: int
    paid_requests: int
    prompt: int
    cached: int
    completion: int
    cost_nanos: int
    waived_nanos: int

    def __add__(self, other: Sums) -> Sums:
        return Sums(*map(add, self.columns, other.columns))

    @property
    def columns(self) -> tuple[int, ...]:
        return (
            *(self.requests, self.paid_requests, self.prompt, self.cached, self.completion),
            *(self.cost_nanos, self.waived_nanos),
        )


NOTHING = Sums(0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was put right. `before` is None where it was missing, `after` where there should be none."""

    month: date
    price_id: UUID
    before: Sums | None
    after: Sums | None

    def __str__(self) -> str:
        before, after = (
            "none" if sums is None else f"{sums.requests} requests, {sums.cost_nanos} n$"
            for sums in (self.before, self.after)
        )
        return f"not invoiced of {self.month:%Y-%m} at price {self.price_id}: {before}, now {after}"


def move(inserted: Iterable[Inserted]) -> None:
    """Add what was inserted here and now, inside the transaction that did it. The caller holds the balances."""
    sums: dict[tuple[UUID, date, UUID], Sums] = {}
    for each in inserted:
        name = each.workspace_id, each.day.replace(day=1), each.price_id
        sums[name] = each.sums + sums[name] if name in sums else each.sums
    if sums:
        ordered = sorted((*name, *found.columns) for name, found in sums.items())
        with connection.cursor() as cursor:
            cursor.execute(_MOVE, [list(column) for column in zip(*ordered, strict=True)])


def of(workspace_id: UUID) -> dict[tuple[date, UUID], Sums]:
    """Return what is on no invoice, by the first day of its month and its price."""
    rows = UnbilledUsage.objects.filter(workspace=workspace_id).values_list("month", "price_id", *_COLUMNS)
    return {(month, price_id): Sums(*sums) for month, price_id, *sums in rows}


def cost(workspace_id: UUID) -> int:
    """Return what all of it costs."""
    found = UnbilledUsage.objects.filter(workspace=workspace_id).aggregate(nanos=Sum("cost_nanos", default=0))
    return int(found["nanos"])


def recount(workspace_id: UUID) -> list[Change]:
    """Sum a workspace's records anew, and return what that changed. The caller holds its balance."""
    before = of(workspace_id)
    UnbilledUsage.objects.filter(workspace=workspace_id).delete()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [CHARGED_OUTCOMES, workspace_id])
    after = of(workspace_id)
    return [
        Change(*name, before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def forget(before: date) -> None:
    """Drop what was of records that are kept no longer: nothing of it was charged."""
    UnbilledUsage.objects.filter(month__lt=before).delete()
