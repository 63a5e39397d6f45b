"""What Celery runs, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.utils import timezone

from billing import ledger, partitions, repeats, rollup, tasks
from billing.models import Balance, Idempotency, Invoice, Posting, UsageRollup
from billing.periods import month_of
from pylo_site.celery import app
from tests.billing.factories import NOON, check_now, make_request, make_workspace, record

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
    assert scheduled == {name for name in app.tasks if name.startswith(("billing.", "pylo_site."))}


def test_beat_writes_no_file_of_its_own() -> None:
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"


@pytest.mark.django_db
def test_old_months_go_and_new_ones_are_made_and_promotional_credit_expires() -> None:
    workspace = make_workspace()
    yesterday = timezone.now() - timedelta(days=1)
    kind = Posting.Kind.PROMOTION
    ledger.credit(workspace=workspace, kind=kind, nanos=7, key="a", at=yesterday, expires_at=yesterday)
    check_now()
    for _ in range(2):
        tasks.expire_credit()
        tasks.keep_records()
    assert Balance.objects.get(workspace=workspace).nanos == 0
    assert month_of(timezone.now()).start in partitions.present()
