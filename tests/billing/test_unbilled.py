"""What is on no invoice, as it moves with the balance: always the sum of the records, whatever happens to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.db.models import F

from billing import drafting, invoicing, partitions, reconciliation, spend_rebuild, unbilled
from billing.models import Price, UnbilledUsage
from gateway.usage import Outcome, Tokens
from tests.billing.factories import LAUNCH_PRICE, NOON, make_key, make_request, make_workspace, record

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))
COST = 2_601_900


@pytest.fixture
def used(key: ApiKey) -> None:
    """Two months of two keys, two prices and another workspace, some of it free."""
    other = Price.objects.create(
        model="other", input_nanos=7, cached_nanos=1, output_nanos=30, starts_at=NOON - timedelta(days=90)
    )
    second = make_key(key.workspace, "second")
    record(
        make_request(key),
        make_request(second, at=NOON + timedelta(hours=1)),
        make_request(key, at=NOON + timedelta(hours=2), outcome=Outcome.UPSTREAM_CUT, status=502),
        make_request(key, at=NOON + timedelta(hours=3), price_id=other.id, model="other"),
        make_request(make_key(make_workspace("Zenith"))),
    )
    record(make_request(second, at=NOVEMBER + timedelta(days=1), tokens=Tokens(prompt=10, completion=5)))


def found(name: str) -> list[int]:
    (check,) = [of for check, of in reconciliation.findings(NOON) if check.name == name]
    return [int(each.found) - int(each.expected) for each in check]


def test_a_draft_of_it_is_the_draft_of_the_records(used: None, workspace: Workspace) -> None:
    now = NOVEMBER + timedelta(days=2)
    assert drafting.current(workspace, now) == drafting.draft(workspace, now)
    assert drafting.current(workspace, now).requests == 5


def test_late_usage_is_a_line_of_its_month_in_both_drafts(used: None, key: ApiKey) -> None:
    workspace = key.workspace
    invoicing.issue(workspace=workspace, until=NOVEMBER, now=DECEMBER)
    record(make_request(key, at=NOON + timedelta(minutes=1)), at=NOVEMBER + timedelta(days=3))
    now = NOVEMBER + timedelta(days=4)
    drafted = drafting.current(workspace, now)
    assert drafted == drafting.draft(workspace, now)
    assert {line.late_month for line in drafted.lines} == {date(2026, 10, 1), None}


def test_a_replayed_batch_moves_nothing(key: ApiKey, workspace: Workspace) -> None:
    request = make_request(key)
    record(request)
    before = unbilled.of(workspace.id)
    record(request)
    assert unbilled.of(workspace.id) == before
    assert before[date(2026, 10, 1), LAUNCH_PRICE] == unbilled.Sums(1, 1, 1234, 1000, 567, COST, 0)


def test_an_invoice_takes_what_it_holds_and_leaves_the_rest(used: None, workspace: Workspace) -> None:
    invoice = invoicing.issue(workspace=workspace, until=NOVEMBER, now=DECEMBER)
    assert list(unbilled.of(workspace.id)) == [(date(2026, 11, 1), LAUNCH_PRICE)]
    assert (invoice.requests, drafting.current(workspace, DECEMBER).requests) == (4, 1)


def test_what_is_open_of_others_is_not_theirs(used: None, workspace: Workspace) -> None:
    invoicing.issue(workspace=workspace, until=NOVEMBER, now=DECEMBER)
    (theirs,) = UnbilledUsage.objects.exclude(workspace=workspace)
    assert (theirs.requests, theirs.cost_nanos) == (1, COST)


def test_a_row_that_is_off_is_a_finding_and_put_right_and_named(used: None, workspace: Workspace) -> None:
    name = "what is on no invoice is the sum of its records"
    before = unbilled.of(workspace.id)
    assert found(name) == []
    UnbilledUsage.objects.filter(workspace=workspace, price=LAUNCH_PRICE, month=OCTOBER).update(
        cost_nanos=F("cost_nanos") + 1
    )
    assert found(name) == [1]
    (change,) = spend_rebuild.rebuild_unbilled(workspace.id)
    assert str(change) == (
        f"not invoiced of 2026-10 at price {LAUNCH_PRICE}: 3 requests, {2 * COST + 1} n$, now 3 requests, {2 * COST} n$"
    )
    assert (unbilled.of(workspace.id), found(name)) == (before, [])


def test_a_row_too_many_or_too_few_is_put_right(used: None, workspace: Workspace) -> None:
    before = unbilled.of(workspace.id)
    row = UnbilledUsage.objects.filter(workspace=workspace, month=NOVEMBER).get()
    UnbilledUsage.objects.filter(workspace=workspace, month=NOVEMBER).delete()
    row.month = date(2026, 8, 1)
    row.save(force_insert=True)
    changes = spend_rebuild.rebuild_unbilled(workspace.id)
    assert [(each.month, each.before is None, each.after is None) for each in changes] == [
        (date(2026, 8, 1), False, True),
        (date(2026, 11, 1), True, False),
    ]
    assert unbilled.of(workspace.id) == before


def test_the_migration_counts_what_is_there(used: None, workspace: Workspace) -> None:
    before = sorted(UnbilledUsage.objects.values_list())
    UnbilledUsage.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("billing.migrations.0012_unbilled_usage").FILL)
    assert sorted(UnbilledUsage.objects.values_list()) == before


def test_of_a_month_that_is_dropped_nothing_stays(key: ApiKey, workspace: Workspace) -> None:
    record(make_request(key, outcome=Outcome.SHED, status=503, tokens=Tokens()))
    assert [sums.requests for sums in unbilled.of(workspace.id).values()] == [1]
    dropped = partitions.drop_old(NOON + timedelta(days=900), months=1)
    assert OCTOBER in dropped
    assert unbilled.of(workspace.id) == {}


def test_sums_add_up_field_by_field() -> None:
    one = unbilled.Sums(1, 2, 3, 4, 5, 6, 7)
    assert one + unbilled.NOTHING == one
    assert one + replace(unbilled.NOTHING, waived_nanos=3) == unbilled.Sums(1, 2, 3, 4, 5, 6, 10)
