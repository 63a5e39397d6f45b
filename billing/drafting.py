"""What a workspace's next invoice says, as of its records now. Reads only; `billing.invoicing` makes it final."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from django.db.models import Case, Count, F, Min, Q, QuerySet, Sum, When
from django.db.models.functions import TruncMonth

from billing import money, taxes, unbilled
from billing.models import Balance, Invoice, InvoiceLine, Price, RequestRecord
from billing.models.invoices import line_title
from billing.periods import month_before, month_of
from billing.pricing import CHARGED_OUTCOMES
from billing.unbilled import Sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from accounts.models import Workspace
    from billing.taxes import Tax

Item = InvoiceLine.Item
PAID = Q(outcome__in=CHARGED_OUTCOMES)


@dataclass(frozen=True, slots=True)
class Line:
    """One item at one price, rounded down to cents once; of requests that came too late, their month by itself."""

    item: InvoiceLine.Item
    late_month: date | None
    model: str
    tokens: int
    unit_nanos: int
    carried_in_nanos: int
    cents: int
    carried_out_nanos: int

    @property
    def exact_nanos(self) -> int:
        return self.tokens * self.unit_nanos

    @property
    def title(self) -> str:
        return line_title(self.item, self.late_month)


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
    tax: Tax
    credit_cents: int
    lines: tuple[Line, ...]

    @property
    def total_cents(self) -> int:
        return sum(line.cents for line in self.lines)

    @property
    def tax_cents(self) -> int:
        return self.tax.cents(self.total_cents)

    @property
    def gross_cents(self) -> int:
        return self.total_cents + self.tax_cents

    @property
    def due_cents(self) -> int:
        return self.gross_cents - self.credit_cents


@dataclass(frozen=True, slots=True)
class _Usage:
    """The records under one price, of one late month or of none."""

    late_month: date | None
    price_id: UUID
    sums: Sums


def records_of(workspace: Workspace, until: datetime) -> QuerySet[RequestRecord]:
    """Return the records that the next invoice takes: those not invoiced yet, late ones of earlier periods included."""
    return RequestRecord.objects.filter(workspace=workspace, invoice=None, admitted_at__lt=until)


def draft(workspace: Workspace, until: datetime, tax: Tax = taxes.NONE) -> Draft:
    """Return what an invoice up to then says, of the records themselves; `tax` is what its buyer is charged."""
    first = records_of(workspace, until).aggregate(first=Min("admitted_at"))["first"]
    start = _start(workspace, until, first)
    open_cost = RequestRecord.objects.filter(workspace=workspace, invoice=None).aggregate(
        nanos=Sum("cost_nanos", default=0)
    )["nanos"]
    return _draft(workspace, start, until, tax, list(_counted(workspace, start, until)), open_cost)


def current(workspace: Workspace, now: datetime, tax: Tax = taxes.NONE) -> Draft:
    """Return the same as of now, of what moved with the balance: it takes no longer for millions of requests."""
    kept = unbilled.of(workspace.id)
    first = min((datetime(month.year, month.month, 1, tzinfo=UTC) for month, _ in kept), default=None)
    start = _start(workspace, now, first)
    open_cost = sum(sums.cost_nanos for sums in kept.values())
    return _draft(workspace, start, now, tax, list(_kept(kept, start)), open_cost)


def _draft(
    workspace: Workspace, start: datetime, until: datetime, tax: Tax, usages: list[_Usage], open_cost: int
) -> Draft:
    carried = _carried(workspace)
    lines = tuple(_lines(usages, dict(carried)))
    total = sum(line.cents for line in lines)
    gross = total + tax.cents(total)
    sums = sum((usage.sums for usage in usages), unbilled.NOTHING)
    return Draft(
        workspace=workspace,
        period_start=start,
        period_end=until,
        requests=sums.requests,
        free_requests=sums.requests - sums.paid_requests,
        waived_nanos=sums.waived_nanos,
        usage_nanos=sums.cost_nanos,
        tax=tax,
        credit_cents=min(gross, money.whole_cents(_credit_left(workspace, carried, open_cost))),
        lines=lines,
    )


def _kept(kept: Mapping[tuple[date, UUID], Sums], start: datetime) -> Iterator[_Usage]:
    """Join the months that are not late: they are of one period."""
    joined: defaultdict[tuple[date | None, UUID], Sums] = defaultdict(lambda: unbilled.NOTHING)
    for (month, price_id), sums in kept.items():
        joined[month if month < month_of(start).start.date() else None, price_id] += sums
    began = Price.objects.in_bulk([price_id for _, price_id in joined])
    order = sorted(joined, key=lambda name: (name[0] or date.max, began[name[1]].starts_at, name[1]))
    return (_Usage(late, price_id, joined[late, price_id]) for late, price_id in order)


def _counted(workspace: Workspace, start: datetime, until: datetime) -> Iterator[_Usage]:
    rows = (
        records_of(workspace, until)
        .annotate(late=Case(When(admitted_at__lt=start, then=TruncMonth("admitted_at", tzinfo=UTC))))
        .values("late", "price_id")
        .order_by(F("late").asc(nulls_last=True), "price__starts_at", "price_id")
        .annotate(
            all=Count("uid"),
            paid=Count("uid", filter=PAID),
            prompt=Sum("prompt_tokens", filter=PAID, default=0),
            cached=Sum("cached_tokens", filter=PAID, default=0),
            completion=Sum("completion_tokens", filter=PAID, default=0),
            cost=Sum("cost_nanos"),
            waived=Sum("waived_nanos"),
        )
        .values_list("late", "price_id", "all", "paid", "prompt", "cached", "completion", "cost", "waived")
    )
    return (_Usage(late and late.date(), price_id, Sums(*sums)) for late, price_id, *sums in rows)


def _lines(usages: list[_Usage], carried: dict[str, int]) -> Iterator[Line]:
    """Go price by price in time order, late months first; an item carries its remainder on whatever the price."""
    prices = Price.objects.in_bulk([usage.price_id for usage in usages])
    for usage in usages:
        price = prices[usage.price_id]
        sums = usage.sums
        for item, tokens, unit in (
            (Item.INPUT, sums.prompt - sums.cached, price.input_nanos),
            (Item.CACHED, sums.cached, price.cached_nanos),
            (Item.OUTPUT, sums.completion, price.output_nanos),
        ):
            if tokens:
                carried_in = carried.get(item, 0)
                cents, carried[item] = money.floor_cents(tokens * unit, carried_in)
                yield Line(item, usage.late_month, price.model, tokens, unit, carried_in, cents, carried[item])


def _carried(workspace: Workspace) -> dict[str, int]:
    """Return what each item's last line left over."""
    last = (
        InvoiceLine.objects.filter(invoice__workspace=workspace)
        .order_by("item", "-invoice__period_start", "-position")
        .distinct("item")
    )
    return dict(last.values_list("item", "carried_out_nanos"))


def credit_left(workspace: Workspace) -> int:
    return _credit_left(workspace, _carried(workspace), unbilled.cost(workspace.id))


def _credit_left(workspace: Workspace, carried: dict[str, int], open_cost: int) -> int:
    """Return what was posted less what was invoiced.

    The balance is already less by the usage that no invoice holds yet, and by what was rounded off the invoices there
    are: both are put back. It may be a debt: earlier invoices that are not paid.
    """
    balance = Balance.objects.filter(workspace=workspace).aggregate(nanos=Sum("nanos", default=0))["nanos"]
    return int(balance + open_cost + sum(carried.values()))


def _start(workspace: Workspace, until: datetime, first: datetime | None) -> datetime:
    """Begin where the last invoice ended, at the earliest with the month of the first record that has none."""
    month = month_of(until)
    start = month.start if month.start < until else month_before(until).start
    if first is not None:
        start = min(start, month_of(first).start)
    last = Invoice.objects.filter(workspace=workspace).order_by("-period_end").values_list("period_end", flat=True)
    return max([start, *last[:1]])
