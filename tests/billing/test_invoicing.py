"""Invoices: exact, numbered without gaps, issued once and never edited."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.db.models import Sum

from accounts.models import Membership, Role, User
from billing import invoicing, ledger, prices
from billing.models import Balance, Invoice, InvoiceLine, InvoiceSeries, Issued, Posting, RequestRecord
from billing.money import NANOS_PER_CENT
from billing.pricing import Rates
from gateway.usage import Outcome, Tokens
from tests.billing.factories import MODEL, NOON, chance, forged, make_key, make_request, make_workspace, record
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace
    from billing.models import Price

pytestmark = pytest.mark.django_db
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NINE_DOLLARS = Tokens(10_000_000)


def credit(workspace: Workspace, dollars: int, key: str = "topup:1") -> None:
    kind, nanos = Posting.Kind.TOP_UP, dollars * 10**9
    ledger.credit(workspace=workspace, kind=kind, nanos=nanos, key=key, at=NOON)


def issue(workspace: Workspace, until: datetime = NOVEMBER) -> Invoice:
    return invoicing.issue(workspace=workspace, until=until, now=until + DAY)


def nothing_was_issued() -> bool:
    marked = RequestRecord.objects.exclude(invoice=None).exists()
    return not (Invoice.objects.exists() or InvoiceLine.objects.exists() or InvoiceSeries.objects.exists() or marked)


def test_an_invoice_has_a_line_an_item_and_marks_its_records(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key), make_request(key, tokens=Tokens(40_000, 0, 9_000)))
    record(make_request(key, outcome=Outcome.UPSTREAM_CUT))
    invoice = issue(workspace)
    assert (invoice.number, invoice.period_start, invoice.period_end) == ("PYLO-2026-000001", OCTOBER, NOVEMBER)
    lines = invoice.lines.values_list(
        "position", "item", "tokens", "unit_nanos", "exact_nanos", "cents", "carried_out_nanos"
    )
    assert list(lines) == [
        (1, "input", 40_234, 900, 36_210_600, 3, 6_210_600),
        (2, "cached", 1_000, 180, 180_000, 0, 180_000),
        (3, "output", 9_567, 3900, 37_311_300, 3, 7_311_300),
    ]
    assert (invoice.usage_nanos, invoice.total_cents) == (73_701_900, 6)
    assert (invoice.requests, invoice.free_requests, invoice.waived_nanos) == (3, 1, 2_601_900)
    assert set(RequestRecord.objects.values_list("invoice", flat=True)) == {invoice.pk}


def test_an_invoice_is_a_snapshot_with_its_pdf(workspace: Workspace, key: ApiKey) -> None:
    owner = User.objects.create(email="olga@acme.example")
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    record(make_request(key))
    issue(workspace)
    workspace.name = "Renamed"
    workspace.save()
    invoice = Invoice.objects.get()
    assert invoice.buyer == {"workspace": str(workspace.id), "name": "Acme", "email": "olga@acme.example"}
    assert invoice.seller["name"] == "Pylo"
    assert bytes(invoice.pdf).startswith(b"%PDF-1.7")
    assert invoice.pdf_sha256 == sha256(invoice.pdf).hexdigest()


def test_rule_29_an_issued_invoice_is_neither_edited_nor_deleted(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    invoice = issue(workspace)
    for thing in (invoice, InvoiceLine.objects.order_by("position")[0]):
        with pytest.raises(Issued):
            thing.save()
        with pytest.raises(Issued):
            thing.delete()
    assert Invoice.objects.values().get()["total_cents"] == invoice.total_cents


def test_issuing_the_same_period_twice_gives_one_invoice(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    first = issue(workspace)
    record(make_request(key))
    assert issue(workspace) == first
    assert Invoice.objects.count() == 1


def test_a_late_record_comes_with_the_next_invoice(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    issue(workspace)
    late = make_request(key, at=NOON + DAY)
    record(late)
    second = issue(workspace, DECEMBER)
    assert (second.period_start, second.period_end, second.requests) == (NOVEMBER, DECEMBER, 1)
    assert second.records.get().uid == late.uid


def test_a_record_at_the_end_of_the_period_is_in_the_next(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key, at=NOVEMBER - timedelta(milliseconds=1)), make_request(key, at=NOVEMBER))
    assert issue(workspace).requests == 1
    assert RequestRecord.objects.get(invoice=None).admitted_at == NOVEMBER


def test_a_period_without_charged_requests_is_not_invoiced(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key, outcome=Outcome.SHED), make_request(key, at=NOVEMBER))
    with pytest.raises(invoicing.NothingToInvoice):
        issue(workspace)
    assert nothing_was_issued()


def test_a_period_that_has_not_ended_is_not_invoiced(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    with pytest.raises(invoicing.NotYet):
        invoicing.issue(workspace=workspace, until=NOVEMBER, now=NOVEMBER - timedelta(seconds=1))
    assert nothing_was_issued()


def test_a_period_inside_an_issued_one_is_not_invoiced_again(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    invoice = issue(workspace)
    with pytest.raises(invoicing.AlreadyInvoiced, match=f"{invoice.number} reaches beyond 2026-10-20"):
        issue(workspace, datetime(2026, 10, 20, tzinfo=UTC))
    assert Invoice.objects.count() == 1


def test_an_invoice_takes_nothing_of_another_workspace(workspace: Workspace, key: ApiKey) -> None:
    stranger = make_key(make_workspace("Stranger"))
    record(make_request(key), make_request(stranger))
    assert issue(workspace).records.get().workspace_id == workspace.id
    assert RequestRecord.objects.get(invoice=None).workspace_id == stranger.workspace_id


def test_lines_that_are_not_the_sum_of_the_records_issue_nothing(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    with forged():
        RequestRecord.objects.update(cost_nanos=2_601_901)
    with pytest.raises(invoicing.DoesNotAddUp):
        issue(workspace)
    assert nothing_was_issued()


@pytest.mark.parametrize(("topped_up", "paid", "due"), [(0, 0, 2700), (20, 2000, 700), (27, 2700, 0), (50, 2700, 0)])
def test_credit_pays_first_and_the_rest_is_due(
    workspace: Workspace, key: ApiKey, topped_up: int, paid: int, due: int
) -> None:
    if topped_up:
        credit(workspace, topped_up)
    record(
        *(make_request(key, tokens=NINE_DOLLARS) for _ in range(3)), make_request(key, at=NOVEMBER, tokens=NINE_DOLLARS)
    )
    invoice = issue(workspace)
    assert (invoice.total_cents, invoice.credit_cents, invoice.due_cents) == (2700, paid, due)


def test_what_an_earlier_invoice_used_of_the_credit_is_not_there_for_the_next(
    workspace: Workspace, key: ApiKey
) -> None:
    credit(workspace, 20)
    record(*(make_request(key, tokens=NINE_DOLLARS) for _ in range(3)))
    assert issue(workspace).due_cents == 700
    record(make_request(key, at=NOVEMBER, tokens=NINE_DOLLARS))
    assert issue(workspace, DECEMBER).credit_cents == 0


def test_credit_that_pays_an_earlier_due_first_pays_the_next_with_the_rest(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key, tokens=NINE_DOLLARS))
    assert issue(workspace).due_cents == 900
    credit(workspace, 40)
    record(*(make_request(key, at=NOVEMBER, tokens=NINE_DOLLARS) for _ in range(5)))
    invoice = issue(workspace, DECEMBER)
    assert (invoice.credit_cents, invoice.due_cents) == (3100, 1400)


def test_credit_of_exactly_the_usage_pays_all_though_invoices_round_down(workspace: Workspace, key: ApiKey) -> None:
    credit(workspace, 1)
    halves = Tokens(0, 0, 10**9 // 3900 // 2)
    record(make_request(key, tokens=halves))
    first = issue(workspace)
    record(make_request(key, at=NOVEMBER, tokens=halves))
    second = issue(workspace, DECEMBER)
    assert (first.due_cents, second.due_cents) == (0, 0)
    assert first.credit_cents + second.credit_cents == first.total_cents + second.total_cents == 99


def test_a_remainder_is_carried_across_a_change_of_price(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key, tokens=Tokens(7)))
    issue(workspace)
    cheaper = Rates(input_nanos=600, cached_nanos=120, output_nanos=2600)
    price = prices.schedule(model=MODEL, rates=cheaper, starts_at=NOVEMBER + 9 * DAY, now=NOVEMBER)
    record(make_request(key, at=NOVEMBER, tokens=Tokens(10)))
    record(make_request(key, at=NOVEMBER + 9 * DAY, tokens=Tokens(100_000), price_id=price.id))
    lines = issue(workspace, DECEMBER).lines.values_list("unit_nanos", "carried_in_nanos", "cents", "carried_out_nanos")
    assert list(lines) == [(900, 6_300, 0, 15_300), (600, 15_300, 6, 15_300)]


def test_an_item_that_was_not_used_keeps_its_remainder_for_later(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key, tokens=Tokens(7)))
    issue(workspace)
    record(make_request(key, at=NOVEMBER, tokens=Tokens(0, 0, 1)))
    issue(workspace, DECEMBER)
    record(make_request(key, at=DECEMBER, tokens=Tokens(1)))
    line = issue(workspace, DECEMBER + 31 * DAY).lines.get()
    assert (line.carried_in_nanos, line.carried_out_nanos) == (6_300, 7_200)


@pytest.mark.parametrize("seed", range(4))
def test_rule_29_what_was_invoiced_and_what_is_carried_is_what_was_used(
    workspace: Workspace, key: ApiKey, seed: int
) -> None:
    dice = chance(seed)
    now = OCTOBER
    for _ in range(6):
        for _ in range(dice.randrange(1, 12)):
            prompt = dice.randrange(1, 200_000)
            tokens = Tokens(prompt, dice.randrange(prompt), dice.randrange(9_000))
            record(make_request(key, at=now, tokens=tokens, outcome=dice.choice([*Outcome, Outcome.COMPLETED])))
        now += timedelta(days=dice.randrange(1, 20))
        record(make_request(key, at=now - DAY))
        invoice = invoicing.issue(workspace=workspace, until=now, now=now)
        exact = invoice.lines.aggregate(nanos=Sum("exact_nanos"))["nanos"]
        assert exact == invoice.usage_nanos == invoice.records.aggregate(nanos=Sum("cost_nanos"))["nanos"]
        assert invoice.total_cents == invoice.lines.aggregate(cents=Sum("cents"))["cents"]
    last = InvoiceLine.objects.order_by("item", "-invoice__period_start", "-position").distinct("item")
    carried = sum(last.values_list("carried_out_nanos", flat=True))
    invoiced = Invoice.objects.aggregate(cents=Sum("total_cents"))["cents"] * NANOS_PER_CENT
    assert invoiced + carried == Invoice.objects.aggregate(nanos=Sum("usage_nanos"))["nanos"]
    assert invoiced + carried == -Balance.objects.get(workspace=workspace).nanos


def test_a_draft_says_what_an_invoice_would_and_writes_nothing(workspace: Workspace, key: ApiKey) -> None:
    credit(workspace, 1)
    record(make_request(key, tokens=Tokens(40_000, 0, 9_000)))
    draft = invoicing.draft(workspace, NOVEMBER)
    assert nothing_was_issued()
    invoice = issue(workspace)
    for name in (
        "requests",
        "free_requests",
        "usage_nanos",
        "total_cents",
        "credit_cents",
        "period_start",
        "period_end",
    ):
        assert getattr(draft, name) == getattr(invoice, name)
    assert [line.cents for line in draft.lines] == list(invoice.lines.values_list("cents", flat=True))


def test_a_draft_of_nothing_has_no_lines(workspace: Workspace) -> None:
    draft = invoicing.draft(workspace, NOON)
    assert (draft.lines, draft.total_cents, draft.period_start) == ((), 0, OCTOBER)


def test_rule_29_the_month_is_invoiced_after_a_day_of_grace(workspace: Workspace, key: ApiKey) -> None:
    other = make_key(make_workspace("Other"))
    idle = make_key(make_workspace("Idle"))
    record(make_request(key), make_request(other), make_request(idle, outcome=Outcome.SHED))
    assert invoicing.issue_month(NOVEMBER + DAY - timedelta(seconds=1)) == 0
    assert nothing_was_issued()
    assert invoicing.issue_month(NOVEMBER + DAY) == 2
    assert invoicing.issue_month(NOVEMBER + 2 * DAY) == 0
    assert set(Invoice.objects.values_list("number", flat=True)) == {"PYLO-2026-000001", "PYLO-2026-000002"}


def test_a_workspace_that_cannot_be_invoiced_keeps_no_other_waiting(workspace: Workspace, key: ApiKey) -> None:
    other = make_key(make_workspace("Other"))
    record(make_request(key), make_request(other))
    with forged():
        RequestRecord.objects.filter(workspace=workspace).update(cost_nanos=1)
    assert invoicing.issue_month(NOVEMBER + DAY) == 1
    assert Invoice.objects.get().workspace_id == other.workspace_id


def test_whatever_is_wrong_with_one_workspace_keeps_no_other_waiting(workspace: Workspace, key: ApiKey) -> None:
    other = make_key(make_workspace("Other"))
    record(make_request(key))
    issue(workspace, OCTOBER + 14 * DAY)
    with forged():
        InvoiceLine.objects.update(carried_out_nanos=-1)  # which no code of ours expects
    record(make_request(key, at=OCTOBER + 20 * DAY), make_request(other))
    assert invoicing.issue_month(NOVEMBER + DAY) == 1
    assert Invoice.objects.get(workspace=other.workspace).number == "PYLO-2026-000002"
    assert RequestRecord.objects.get(invoice=None).workspace_id == workspace.id


def test_numbers_start_again_each_year(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key), make_request(key, at=DECEMBER))
    january = datetime(2027, 1, 2, tzinfo=UTC)
    assert issue(workspace).number == "PYLO-2026-000001"
    assert invoicing.issue(workspace=workspace, until=january, now=january).number == "PYLO-2027-000001"


@pytest.mark.django_db(transaction=True)
def test_rule_28_numbers_have_no_gaps_though_a_third_is_undone(launch_price: Price) -> None:
    keys = [make_key(make_workspace(f"W{number}")) for number in range(60)]
    for key in keys:
        record(make_request(key))

    def run(number: int) -> None:
        with transaction.atomic():
            issue(keys[number].workspace)
            transaction.set_rollback(number % 10 < 3)

    at_once(60, run)
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"PYLO-2026-{number:06d}" for number in range(1, 43)]
    assert RequestRecord.objects.filter(invoice=None).count() == 18


@pytest.mark.django_db(transaction=True)
def test_records_that_arrive_while_invoices_are_issued_are_in_exactly_one(launch_price: Price) -> None:
    key = make_key(make_workspace())
    record(make_request(key))

    def run(number: int) -> None:
        if number % 4:
            record(*(make_request(key) for _ in range(20)))
        else:
            now = NOON + timedelta(minutes=number + 1)
            with suppress(invoicing.NothingToInvoice, invoicing.AlreadyInvoiced):
                invoicing.issue(workspace=key.workspace, until=now, now=now)

    at_once(40, run)
    record(make_request(key))  # so that something is left, whoever came last
    issue(key.workspace)
    assert not RequestRecord.objects.filter(invoice=None).exists()
    for invoice in Invoice.objects.all():
        assert invoice.usage_nanos == invoice.records.aggregate(nanos=Sum("cost_nanos"))["nanos"]
    assert Invoice.objects.aggregate(count=Sum("requests"))["count"] == 602


def test_rule_29_late_usage_is_a_line_of_its_own_that_names_its_month(workspace: Workspace, key: ApiKey) -> None:
    record(make_request(key))
    issue(workspace)
    record(make_request(key, at=NOON + DAY), make_request(key, at=NOVEMBER + DAY))
    lines = issue(workspace, DECEMBER).lines.all()
    assert [(line.title, line.tokens) for line in lines] == [
        ("Input tokens, adjustment for October 2026", 234),
        ("Cached input tokens, adjustment for October 2026", 1000),
        ("Output tokens, adjustment for October 2026", 567),
        ("Input tokens", 234),
        ("Cached input tokens", 1000),
        ("Output tokens", 567),
    ]
