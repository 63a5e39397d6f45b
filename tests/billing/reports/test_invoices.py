"""Invoices, checked against the records they were made of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing import invoicing
from billing.models import RequestRecord
from billing.reports import invoices as report
from billing.reports.invoices import Check
from gateway.usage import Outcome, Tokens
from tests.billing.factories import forged
from tests.billing.seed import NOW, Tenant, record, tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Tenant:
    return tenant("alice")


def issue(alice: Tenant, days: int = 0) -> str:
    now = NOW + timedelta(days=days)
    return invoicing.issue(workspace=alice.workspace, until=now, now=now).number


def test_a_statement_opens_down_to_sums_that_match(alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    record(alice.key, NOW - timedelta(hours=1), outcome=Outcome.STALLED)
    found = report.statement(alice.workspace, issue(alice))
    assert found is not None
    assert found.check == Check(requests=2, nanos=2_601_900, agrees=True)
    assert [(line.item, line.tokens, line.exact_nanos) for line in found.lines] == [
        ("Input tokens", 234, 210_600),
        ("Cached input tokens", 1000, 180_000),
        ("Output tokens", 567, 2_211_300),
    ]
    assert (found.exact_nanos, found.carried_in_nanos, found.carried_out_nanos) == (2_601_900, 0, 2_601_900)
    assert (found.issued.free_requests, found.issued.waived_nanos, found.issued.due_cents) == (1, 2_601_900, 0)


def test_what_one_invoice_carries_on_the_next_carries_in(alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    issue(alice)
    record(alice.key, NOW + timedelta(hours=2), Tokens(100_000, 0, 10_000))
    found = report.statement(alice.workspace, issue(alice, days=1))
    assert found is not None
    assert found.carried_in_nanos == 210_600 + 2_211_300
    assert found.exact_nanos + found.carried_in_nanos == found.issued.total_cents * 10**7 + found.carried_out_nanos


@pytest.mark.parametrize(
    "change", [{"cost_nanos": 2_601_901}, {"invoice": None}], ids=["a nano-dollar more", "a request less"]
)
def test_a_record_that_was_tampered_with_is_noticed(alice: Tenant, change: dict[str, int | None]) -> None:
    made = record(alice.key, NOW - timedelta(hours=2))
    record(alice.key, NOW - timedelta(hours=1))
    number = issue(alice)
    with forged():
        RequestRecord.objects.filter(uid=made.uid).update(**change)
    found = report.statement(alice.workspace, number)
    assert found is not None
    assert not found.check.agrees


def test_another_workspaces_invoice_is_not_found(alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    number = issue(alice)
    mallory = tenant("mallory")
    assert report.invoices(mallory.workspace) == ()
    assert report.statement(mallory.workspace, number) is None
    assert report.pdf(mallory.workspace, number) is None
    assert report.requests(mallory.workspace, number) is None


def test_invoices_are_newest_first(alice: Tenant) -> None:
    numbers = []
    for days in (0, 1):
        record(alice.key, NOW + timedelta(days=days, hours=-1))
        numbers.append(issue(alice, days))
    assert [found.number for found in report.invoices(alice.workspace)] == numbers[::-1]


def line(item: str, carried_in: int, carried_out: int) -> report.Line:
    return report.Line(item, "m", 1, 900, 900, carried_in, 0, carried_out)


def test_an_item_with_two_prices_carries_in_by_its_first_line_and_on_by_its_last() -> None:
    lines = (line("a", 1, 2), line("b", 10, 20), line("a", 2, 3))
    assert (report.carried_in(lines), report.carried_out(lines)) == (11, 23)
