"""What a workspace's next invoice says, as of its records now. Reads only; `billing.invoicing` makes it final."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from django.db.models import Case, Count, F, Min, Q, QuerySet, Sum, When
from django.db.models.functions import TruncMonth

from billing import money, taxes
from billing.models import Balance, Invoice, InvoiceLine, Price, RequestRecord
from billing.models.invoices import line_title
from billing.periods import month_before, month_of
from gateway.usage import CHARGED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from uuid import UUID

    from accounts.models import Workspace
    from billing.taxes import Tax

Item = InvoiceLine.Item
PAID = Q(outcome__in=[outcome.value for outcome in CHARGED])


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
    """The sums of the records under one price, of one late month or of none."""

    late_month: date | None
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


def draft(workspace: Workspace, until: datetime, tax: Tax = taxes.NONE) -> Draft:
    """Return what an invoice up to then would say; `tax` is what its buyer is charged."""
    start = _start(workspace, until)
    usages = list(_usages(workspace, start, until))
    carried = _carried(workspace)
    lines = tuple(_lines(usages, dict(carried)))
    total = sum(line.cents for line in lines)
    gross = total + tax.cents(total)
    return Draft(
        workspace=workspace,
        period_start=start,
        period_end=until,
        requests=sum(usage.requests for usage in usages),
        free_requests=sum(usage.requests - usage.paid_requests for usage in usages),
        waived_nanos=sum(usage.waived for usage in usages),
        usage_nanos=sum(usage.cost for usage in usages),
        tax=tax,
        credit_cents=min(gross, money.whole_cents(_credit_left(workspace, carried))),
        lines=lines,
    )


def _usages(workspace: Workspace, start: datetime, until: datetime) -> Iterator[_Usage]:
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
    return (_Usage(late and late.date(), *row) for late, *row in rows)


def _lines(usages: list[_Usage], carried: dict[str, int]) -> Iterator[Line]:
    """Go price by price in time order, late months first; an item carries its remainder on whatever the price."""
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
    return _credit_left(workspace, _carried(workspace))


def _credit_left(workspace: Workspace, carried: dict[str, int]) -> int:
    """Return what was posted less what was invoiced.

    The balance is already less by the usage that no invoice holds yet, and by what was rounded off the invoices there
    are: both are put back. It may be a debt: earlier invoices that are not paid.
    """
    balance = Balance.objects.filter(workspace=workspace).aggregate(nanos=Sum("nanos", default=0))["nanos"]
    open_cost = RequestRecord.objects.filter(workspace=workspace, invoice=None).aggregate(
        nanos=Sum(F("cost_nanos"), default=0)
    )["nanos"]
    return int(balance + open_cost + sum(carried.values()))


def _start(workspace: Workspace, until: datetime) -> datetime:
    """Begin where the last invoice ended, at the earliest with the month of the first record that has none."""
    month = month_of(until)
    start = month.start if month.start < until else month_before(until).start
    first = records_of(workspace, until).aggregate(first=Min("admitted_at"))["first"]
    if first is not None:
        start = min(start, month_of(first).start)
    last = Invoice.objects.filter(workspace=workspace).order_by("-period_end").values_list("period_end", flat=True)
    return max([start, *last[:1]])
