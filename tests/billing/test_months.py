"""Three months of two workspaces, day by day, to the nano-dollar: usage, top-ups, tasks, invoices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.db.models import Sum

from billing import ledger, prices, tasks
from billing.models import Balance, Invoice, InvoiceLine, Posting, RequestRecord, UsageRollup
from billing.money import NANOS_PER_CENT
from billing.pricing import Rates
from billing.reconciliation import findings
from gateway.usage import CHARGED, Outcome, Tokens
from tests.billing.factories import LAUNCH_PRICE, MODEL, chance, make_key, make_request, make_workspace, record

if TYPE_CHECKING:
    from random import Random
    from uuid import UUID

    from accounts.models import ApiKey
    from billing.models import Price
    from gateway.usage import RequestRecord as Request

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
CHANGE = datetime(2026, 11, 16, 13, 30, tzinfo=UTC)
MONTHS = [START, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), END]
LAUNCH, CHEAPER = Rates(900, 180, 3900), Rates(600, 120, 2600)
ENDS = (*[Outcome.COMPLETED] * 6, Outcome.CLIENT_GONE, Outcome.UPSTREAM_CUT, Outcome.SHED, Outcome.CLIENT_GONE_EARLY)


@dataclass
class Customer:
    """A workspace, and what is true of it: counted here, by other means than the ledger's."""

    key: ApiKey
    posted: int = 0
    spent: int = 0
    late: list[Request] = field(default_factory=list)

    def pay(self, dollars: int, at: datetime) -> None:
        self.posted += dollars * 10**9
        for _ in range(2):  # the webhook, and the browser that comes back
            ledger.credit(
                workspace=self.key.workspace, kind=Posting.Kind.TOP_UP, nanos=dollars * 10**9, key=f"{self}{at}", at=at
            )

    def ask(self, dice: Random, at: datetime, new_price: UUID) -> Request:
        prompt = dice.randrange(1, 60_000)
        cached = 0 if at.month == 11 else dice.randrange(prompt)  # in November nothing is read from the cache
        tokens, outcome = Tokens(prompt, cached, dice.randrange(9_000)), dice.choice(ENDS)
        rates = LAUNCH if at < CHANGE else CHEAPER
        if outcome in CHARGED:
            self.spent += (prompt - cached) * rates.input_nanos + cached * rates.cached_nanos
            self.spent += tokens.completion * rates.output_nanos
        price_id = LAUNCH_PRICE if at < CHANGE else new_price
        return make_request(self.key, at=at, tokens=tokens, outcome=outcome, price_id=price_id)

    def __str__(self) -> str:
        return self.key.workspace.name

    @property
    def invoices(self) -> list[Invoice]:
        return list(Invoice.objects.filter(workspace=self.key.workspace).order_by("period_start"))


@pytest.fixture
def customers(launch_price: Price) -> list[Customer]:
    """Walk the three months. What is admitted in a month's last minute ships three days late."""
    made = [Customer(make_key(make_workspace(name))) for name in ("Prepaid", "On credit")]
    with time_machine.travel(START, tick=False) as clock:
        new = prices.schedule(model=MODEL, rates=CHEAPER, starts_at=CHANGE, now=START)
        dice = chance(29)
        for number in range((END - START).days + 5):
            midnight = START + number * DAY
            for customer in made:
                walk(customer, dice, midnight, new.id)
            clock.move_to(midnight + DAY + timedelta(minutes=7))
            tasks.roll_up_recent()
            tasks.issue_monthly_invoices()
            tasks.issue_monthly_invoices()  # delivered twice
    return made


def walk(customer: Customer, dice: Random, midnight: datetime, new_price: UUID) -> None:
    if midnight < END:
        moments = [midnight, CHANGE - timedelta(milliseconds=1), CHANGE, midnight + dice.random() * DAY]
        asked = [customer.ask(dice, at, new_price) for at in moments if midnight <= at < midnight + DAY]
        record(*asked, *asked[:1], at=midnight + timedelta(minutes=7) + DAY)  # the shipper repeats itself
    if midnight + DAY in MONTHS[1:3]:
        customer.late.append(customer.ask(dice, midnight + DAY - timedelta(milliseconds=1), new_price))
    if midnight.day == 4 and customer.late:
        record(customer.late.pop(), at=midnight)
    if str(customer) == "Prepaid" and midnight.day in {1, 15} and midnight < END:
        customer.pay(2, midnight)


def test_what_was_invoiced_and_what_is_carried_is_what_was_used(customers: list[Customer]) -> None:
    for customer in customers:
        last = InvoiceLine.objects.filter(invoice__workspace=customer.key.workspace)
        last = last.order_by("item", "-invoice__period_start", "-position").distinct("item")
        invoiced = sum(invoice.total_cents for invoice in customer.invoices)
        carried = sum(last.values_list("carried_out_nanos", flat=True))
        assert invoiced * NANOS_PER_CENT + carried == customer.spent > 10**9
        assert 0 <= carried < 3 * NANOS_PER_CENT
    assert not RequestRecord.objects.filter(invoice=None).exists()


def test_balances_are_what_was_paid_less_what_was_used(customers: list[Customer]) -> None:
    for customer in customers:
        assert Balance.objects.get(workspace=customer.key.workspace).nanos == customer.posted - customer.spent
    rolled = UsageRollup.objects.aggregate(nanos=Sum("cost_nanos"))["nanos"]
    assert rolled == sum(customer.spent for customer in customers)


def test_each_month_has_one_invoice_and_numbers_have_no_gap(customers: list[Customer]) -> None:
    for customer in customers:
        periods = [(invoice.period_start, invoice.period_end) for invoice in customer.invoices]
        assert periods == list(pairwise(MONTHS))
        assert [invoice.issued_at - invoice.period_end for invoice in customer.invoices] == [
            DAY + timedelta(minutes=7)
        ] * 3
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [*(f"PYLO-2026-{number:06d}" for number in range(1, 5)), "PYLO-2027-000001", "PYLO-2027-000002"]


def test_credit_pays_until_it_is_used_up_and_never_more(customers: list[Customer]) -> None:
    prepaid, on_credit = customers
    paid = sum(invoice.credit_cents for invoice in prepaid.invoices)
    due = sum(invoice.due_cents for invoice in prepaid.invoices)
    total = sum(invoice.total_cents for invoice in prepaid.invoices)
    assert paid + due == total
    assert paid * NANOS_PER_CENT <= prepaid.posted
    assert [invoice.credit_cents for invoice in on_credit.invoices] == [0, 0, 0]


def test_a_late_record_and_the_old_price_are_on_the_next_months_invoice(customers: list[Customer]) -> None:
    for customer in customers:
        october, november, december = customer.invoices
        assert october.records.filter(admitted_at=MONTHS[1] - timedelta(milliseconds=1)).count() == 0
        assert november.records.filter(admitted_at=MONTHS[1] - timedelta(milliseconds=1)).count() == 1
        assert set(november.lines.values_list("unit_nanos", flat=True)) >= {900, 3900, 600, 2600}
        assert set(december.lines.values_list("unit_nanos", flat=True)) == {600, 120, 2600}


def test_the_books_agree(customers: list[Customer]) -> None:
    assert [str(finding) for _, found in findings(END + 5 * DAY) for finding in found] == []
