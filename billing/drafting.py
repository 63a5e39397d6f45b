"""What a workspace's next invoice says, as of its records now. Reads only; `billing.invoicing` makes it final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from billing import money
from billing.models import Balance, Invoice, InvoiceLine, Price, RequestRecord
from billing.periods import month_before, month_of
from gateway.usage import CHARGED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from accounts.models import Workspace

Item = InvoiceLine.Item
PAID = Q(outcome__in=[outcome.value for outcome in CHARGED])


@dataclass(frozen=True, slots=True)
class Line:
    """One item at one price, rounded down to cents once."""

    item: InvoiceLine.Item
    model: str
    tokens: int
    unit_nanos: int
    carried_in_nanos: int
    cents: int
    carried_out_nanos: int

    @property
    def exact_nanos(self) -> int:
        return self.tokens * self.unit_nanos

    def get_item_display(self) -> str:
        return str(self.item.label)


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice that nobody issued yet: it still moves with the records. Its names are those of `models.Invoice`."""

    workspace: Workspace
    period_start: datetime
    period_end: datetime
    requests: int
    free_requests: int
    waived_nanos: int
    usage_nanos: int
    credit_cents: int
    lines: tuple[Line, ...]

    @property
    def total_cents(self) -> int:
        return sum(line.cents for line in self.lines)

    @property
    def due_cents(self) -> int:
        return self.total_cents - self.credit_cents


@dataclass(frozen=True, slots=True)
class _Usage:
    """The sums of the records under one price."""

    price_id: UUID
    requests: int
    paid_requests: int
    prompt: int
    cached: int
    completion: int
    cost: int
    waived: int


def records_of(workspace: Workspace, until: datetime) -> QuerySet[RequestRecord]:
    """Return the records that the next invoice takes: those not invoiced yet, late ones of earlier periods included."""
    return RequestRecord.objects.filter(workspace=workspace, invoice=None, admitted_at__lt=until)


def draft(workspace: Workspace, until: datetime) -> Draft:
    usages = list(_usages(workspace, until))
    carried = _carried(workspace)
    lines = tuple(_lines(usages, dict(carried)))
    total = sum(line.cents for line in lines)
    return Draft(
        workspace=workspace,
        period_start=_start(workspace, until),
        period_end=until,
        requests=sum(usage.requests for usage in usages),
        free_requests=sum(usage.requests - usage.paid_requests for usage in usages),
        waived_nanos=sum(usage.waived for usage in usages),
        usage_nanos=sum(usage.cost for usage in usages),
        credit_cents=min(total, money.whole_cents(_credit_left(workspace, sum(carried.values())))),
        lines=lines,
    )


def _usages(workspace: Workspace, until: datetime) -> Iterator[_Usage]:
    rows = (
        records_of(workspace, until)
        .values("price_id")
        .order_by("price__starts_at", "price_id")
        .annotate(
            all=Count("uid"),
            paid=Count("uid", filter=PAID),
            prompt=Sum("prompt_tokens", filter=PAID, default=0),
            cached=Sum("cached_tokens", filter=PAID, default=0),
            completion=Sum("completion_tokens", filter=PAID, default=0),
            cost=Sum("cost_nanos"),
            waived=Sum("waived_nanos"),
        )
        .values_list("price_id", "all", "paid", "prompt", "cached", "completion", "cost", "waived")
    )
    return (_Usage(*row) for row in rows)


def _lines(usages: list[_Usage], carried: dict[str, int]) -> Iterator[Line]:
    """Go price by price in time order; an item carries its remainder from line to line whatever the price."""
    prices = Price.objects.in_bulk([usage.price_id for usage in usages])
    for usage in usages:
        price = prices[usage.price_id]
        for item, tokens, unit in (
            (Item.INPUT, usage.prompt - usage.cached, price.input_nanos),
            (Item.CACHED, usage.cached, price.cached_nanos),
            (Item.OUTPUT, usage.completion, price.output_nanos),
        ):
            if tokens:
                carried_in = carried.get(item, 0)
                cents, carried[item] = money.floor_cents(tokens * unit, carried_in)
                yield Line(item, price.model, tokens, unit, carried_in, cents, carried[item])


def _carried(workspace: Workspace) -> dict[str, int]:
    """Return what each item's last line left over."""
    last = (
        InvoiceLine.objects.filter(invoice__workspace=workspace)
        .order_by("item", "-invoice__period_start", "-position")
        .distinct("item")
    )
    return dict(last.values_list("item", "carried_out_nanos"))


def _credit_left(workspace: Workspace, carried: int) -> int:
    """Return what was posted less what was invoiced.

    The balance is already less by the usage that no invoice holds yet, and by what was rounded off the invoices there
    are: both are put back. It may be a debt: earlier invoices that are not paid.
    """
    balance = Balance.objects.filter(workspace=workspace).aggregate(nanos=Sum("nanos", default=0))["nanos"]
    open_cost = RequestRecord.objects.filter(workspace=workspace, invoice=None).aggregate(
        nanos=Sum(F("cost_nanos"), default=0)
    )["nanos"]
    return int(balance + open_cost + carried)


def _start(workspace: Workspace, until: datetime) -> datetime:
    """Begin where the last invoice ended, at the earliest with the month of the first record that has none."""
    month = month_of(until)
    start = month.start if month.start < until else month_before(until).start
    first = records_of(workspace, until).aggregate(first=Min("admitted_at"))["first"]
    if first is not None:
        start = min(start, month_of(first).start)
    last = Invoice.objects.filter(workspace=workspace).order_by("-period_end").values_list("period_end", flat=True)
    return max([start, *last[:1]])
