"""What Celery runs, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

from billing import repeats, rollup, tasks
from billing.models import Idempotency, Invoice, UsageRollup
from pylo_site.celery import app
from tests.billing.factories import NOON, make_request, record

if TYPE_CHECKING:
    from accounts.models import ApiKey


@pytest.mark.django_db
def test_usage_is_rolled_up_and_says_up_to_when(key: ApiKey) -> None:
    record(make_request(key))
    with time_machine.travel(NOON, tick=False):
        tasks.roll_up_recent(sent_by="the next release")
    assert UsageRollup.objects.get().requests == 1
    assert rollup.complete_up_to(NOON) == NOON


@pytest.mark.django_db
def test_the_month_is_invoiced_once_however_often_the_task_comes(key: ApiKey) -> None:
    record(make_request(key))
    with time_machine.travel(datetime(2026, 11, 2, 0, 7, tzinfo=UTC), tick=False):
        for _ in range(2):
            tasks.issue_monthly_invoices(sent_by="the next release")
    assert Invoice.objects.get().number == "PYLO-2026-000001"


@pytest.mark.django_db
def test_digests_that_no_retry_can_have_are_forgotten(key: ApiKey) -> None:
    record(make_request(key, digests=(b"old",)), make_request(key, at=NOON + repeats.PURGED_AFTER, digests=(b"new",)))
    with time_machine.travel(NOON + repeats.PURGED_AFTER * 1.5, tick=False):
        tasks.purge_idempotency(sent_by="the next release")
    assert [bytes(row.digest) for row in Idempotency.objects.all()] == [b"new"]


def test_whatever_is_scheduled_is_a_task_there_is() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled == {"billing.roll_up_recent", "billing.issue_monthly_invoices", "billing.purge_idempotency"}
    assert scheduled <= set(app.tasks)


def test_beat_writes_no_file_of_its_own() -> None:
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"
