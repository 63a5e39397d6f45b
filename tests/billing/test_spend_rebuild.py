"""Spends counted anew: what was wrong or missing is put right and named, what was right is left alone."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from billing import reconciliation, spend_rebuild
from billing.models import Balance, RollupMark, Spend
from billing.partitions import MARK
from tests.billing.factories import NOON, forged, launch_price, make_key, make_request, make_workspace, record
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db
COST = 2_601_900
DAY = date(2026, 10, 14)


@pytest.fixture
def spent(key: ApiKey) -> None:
    """Two requests of one key and one of another in two days of a week."""
    other = make_key(key.workspace, "other")
    record(make_request(key), make_request(other), make_request(key, at=NOON + timedelta(days=1)))


def rows() -> list[tuple[uuid.UUID, str, date, int]]:
    return sorted(Spend.objects.values_list("holder", "period", "starts_on", "nanos"))


def version(workspace: Workspace) -> int:
    return Balance.objects.get(workspace=workspace).version


def rebuild(*words: str) -> list[str]:
    out = StringIO()
    call_command("rebuild_spends", *words, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def test_rows_that_are_right_are_left_alone(spent: None, workspace: Workspace) -> None:
    before, had = version(workspace), rows()
    assert spend_rebuild.rebuild(workspace.id) == []
    assert (version(workspace), rows()) == (before, had)


def test_a_wrong_row_is_put_right_and_named_and_redis_is_told(spent: None, workspace: Workspace) -> None:
    had, before = rows(), version(workspace)
    Spend.objects.filter(holder=workspace.id, period="day", starts_on=DAY).update(nanos=F("nanos") + 1)
    line = f"workspace {workspace.id}: {workspace.id}, day from 2026-10-14: {2 * COST + 1} n$, now {2 * COST} n$"
    assert rebuild("--workspace", str(workspace.id)) == [line, "1 rows were put right in 1 workspaces."]
    assert rows() == had
    assert version(workspace) == before + 1


def test_missing_rows_come_back_and_invented_ones_go(spent: None, workspace: Workspace, key: ApiKey) -> None:
    had = rows()
    Spend.objects.filter(holder=key.id).exclude(period="day").delete()
    Spend.objects.create(holder=key.id, period="day", starts_on=date(2026, 9, 1), nanos=7)
    changed = {(each.period, each.before, each.after) for each in spend_rebuild.rebuild(workspace.id)}
    assert changed == {
        ("week", None, 2 * COST),
        ("month", None, 2 * COST),
        ("total", None, 2 * COST),
        ("day", 7, None),
    }
    assert rows() == had


def test_a_day_whose_records_were_dropped_stays_and_counts(spent: None, workspace: Workspace, key: ApiKey) -> None:
    with forged():
        for period, day in (("day", date(2026, 9, 1)), ("week", date(2026, 8, 31)), ("month", date(2026, 9, 1))):
            Spend.objects.create(holder=key.id, period=period, starts_on=day, nanos=7)
    RollupMark.objects.create(name=MARK, up_to=NOON.replace(day=1, hour=0))
    (change,) = spend_rebuild.rebuild(workspace.id)
    assert (change.holder, change.period, change.before, change.after) == (key.id, "total", 2 * COST, 2 * COST + 7)


def test_without_a_name_all_workspaces_are_rebuilt_and_the_books_agree(spent: None, workspace: Workspace) -> None:
    other = make_key(make_workspace("Other"))
    record(make_request(other))
    Spend.objects.all().update(nanos=F("nanos") * 2)
    assert rebuild()[-1] == f"{len(rows())} rows were put right in 2 workspaces."
    found = [each for check, all_ in reconciliation.findings(NOON) if "spent" in check.name for each in all_]
    assert found == []


@pytest.mark.django_db(transaction=True)
def test_what_is_shipped_beside_a_rebuild_is_neither_lost_nor_counted_twice() -> None:
    launch_price()
    key = make_key(make_workspace())

    def work(number: int) -> None:
        if number % 2:
            spend_rebuild.rebuild(key.workspace_id)
        else:
            record(make_request(key), make_request(key))

    at_once(12, work)
    total = Spend.objects.filter(holder=key.workspace_id).values_list("period", "nanos")
    assert dict(total) == dict.fromkeys(("day", "week", "month", "total"), 12 * COST)
    assert spend_rebuild.rebuild(key.workspace_id) == []


def test_a_workspace_that_is_not_there_is_refused() -> None:
    with pytest.raises(CommandError, match="There is no workspace"):
        rebuild("--workspace", str(uuid.uuid4()))
