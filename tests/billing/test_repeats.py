"""A retry that ran all the same is recorded and free: of two requests with one digest, one is charged."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.db.models import Sum

from billing import ledger, recording, repeats
from billing.models import Balance, Idempotency, RequestRecord
from billing.reconciliation import findings
from gateway.usage import CHARGED, Outcome
from tests.billing.factories import NOON, chance, make_key, make_request, make_workspace, record
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace
    from billing.models import Price
    from gateway.usage import RequestRecord as Request

pytestmark = pytest.mark.django_db
TODAY, YESTERDAY, TOMORROW = b"today's digest..", b"yesterday's.....", b"tomorrow's......"
COST = 2_601_900
HOUR = timedelta(hours=1)


def again(request: Request, after: timedelta = HOUR, digests: tuple[bytes, ...] = (TODAY, YESTERDAY)) -> Request:
    """Return a retry of the request, which ran and ended as it did."""
    at_ms = request.admitted_at_ms + after // timedelta(milliseconds=1)
    return replace(request, uid=uuid.uuid4(), admitted_at_ms=at_ms, digests=digests)


def ended(request: Request) -> tuple[str, int, int]:
    """Return how it is recorded, and what it cost and would have cost."""
    row = RequestRecord.objects.get(uid=request.uid)
    return row.outcome, row.cost_nanos, row.waived_nanos


def first_of(key: ApiKey) -> Request:
    return make_request(key, digests=(TODAY, YESTERDAY))


def balance(workspace: Workspace) -> int:
    return Balance.objects.get(workspace=workspace).nanos


def test_a_retry_that_ran_is_recorded_as_a_duplicate_and_is_free(workspace: Workspace, key: ApiKey) -> None:
    first = first_of(key)
    second = again(first)
    assert record(first) == ledger.Appended(inserted=1, duplicates=0, cost_nanos=COST)
    assert record(second) == ledger.Appended(inserted=1, duplicates=0, cost_nanos=0)
    assert (ended(first), ended(second)) == (("completed", COST, 0), ("duplicate", 0, COST))
    assert balance(workspace) == -COST


def test_in_one_batch_the_first_is_charged(workspace: Workspace, key: ApiKey) -> None:
    first = first_of(key)
    retries = [again(first) for _ in range(3)]
    record(first, *retries)
    assert [ended(one)[0] for one in (first, *retries)] == ["completed", *["duplicate"] * 3]
    assert balance(workspace) == -COST


def test_a_retry_after_midnight_has_the_first_ones_digest_as_yesterdays(workspace: Workspace, key: ApiKey) -> None:
    first = first_of(key)
    record(first)
    retry = again(first, timedelta(hours=20), (TOMORROW, TODAY))
    record(retry)
    assert ended(retry)[0] == "duplicate"
    assert set(Idempotency.objects.values_list("uid", flat=True)) == {first.uid}


def test_after_24_hours_it_is_a_request_of_its_own(workspace: Workspace, key: ApiKey) -> None:
    first = first_of(key)
    record(first)
    late, in_time = (again(first, after, (TOMORROW, TODAY)) for after in (24 * HOUR, 24 * HOUR - HOUR / 3600))
    record(late)
    record(in_time)
    assert (ended(late)[0], ended(in_time)[0]) == ("completed", "duplicate")
    assert balance(workspace) == -2 * COST


def test_what_the_journal_ships_in_another_order_is_charged_once_too(workspace: Workspace, key: ApiKey) -> None:
    first = first_of(key)
    retry = again(first, digests=(TOMORROW, TODAY))
    record(retry)
    record(first)
    assert [ended(retry)[0], ended(first)[0]] == ["completed", "duplicate"]
    assert balance(workspace) == -COST


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - CHARGED))
def test_what_was_free_holds_nothing(workspace: Workspace, key: ApiKey, outcome: Outcome) -> None:
    first = replace(first_of(key), outcome=outcome)
    second = replace(again(first), outcome=Outcome.COMPLETED)
    record(first, second)
    assert (ended(first)[0], ended(second)[0]) == (outcome.value, "completed")
    assert balance(workspace) == -COST


def test_a_free_retry_of_a_charged_one_is_recorded_as_it_ended(key: ApiKey) -> None:
    first = first_of(key)
    second = replace(again(first), outcome=Outcome.UPSTREAM_ERROR)
    record(first)
    record(second)
    assert ended(second)[0] == "upstream_error"


def test_another_workspaces_request_is_no_retry(workspace: Workspace, key: ApiKey) -> None:
    stranger = make_key(make_workspace("Stranger"))
    record(first_of(key), first_of(stranger))
    assert (balance(workspace), balance(stranger.workspace)) == (-COST, -COST)


def test_what_is_shipped_again_changes_nothing(workspace: Workspace, key: ApiKey) -> None:
    first = first_of(key)
    second = again(first)
    record(first, second)
    before = list(RequestRecord.objects.order_by("uid").values())
    for batch in ([first, second], [second, first], [second, second], [first]):
        assert record(*batch) == ledger.Appended(inserted=0, duplicates=len(batch), cost_nanos=0)
    assert list(RequestRecord.objects.order_by("uid").values()) == before
    assert balance(workspace) == -COST


def test_a_batch_that_cannot_be_written_holds_no_digest(key: ApiKey) -> None:
    first = first_of(key)
    with pytest.raises(recording.Unrecordable):
        record(first, make_request(key, request_id="a\x00b"))
    assert not Idempotency.objects.exists()
    record(first)
    assert ended(first)[0] == "completed"


@pytest.mark.django_db(transaction=True)
def test_of_many_retries_shipped_by_eight_at_once_one_is_charged(launch_price: Price) -> None:
    keys = [make_key(make_workspace(f"W{number}")) for number in range(3)]
    firsts = [
        make_request(key, digests=(b"%016d" % number, b"%016d" % -number)) for key in keys for number in range(1, 21)
    ]
    ran = [again(first, digests=first.digests) for first in firsts for _ in range(8)]

    def write(seed: int) -> None:
        mine = ran[:]
        chance(seed).shuffle(mine)
        for at in range(0, len(mine), 40):
            record(*mine[at : at + 40], segment=f"{seed}")

    at_once(8, write)
    assert RequestRecord.objects.count() == len(ran)
    for key in keys:
        charged = RequestRecord.objects.filter(workspace=key.workspace_id, outcome="completed")
        assert charged.count() == 20
        assert balance(key.workspace) == -20 * COST
        assert charged.aggregate(total=Sum("cost_nanos"))["total"] == 20 * COST


@pytest.mark.django_db(transaction=True)
def test_without_the_balances_lock_the_unique_key_decides(launch_price: Price) -> None:
    workspace = make_workspace().id

    def charge(_: int) -> int:
        with transaction.atomic():
            one = repeats.Charge(uuid.uuid4(), workspace, (TODAY, YESTERDAY), NOON)
            return len({one.uid} - repeats.repeated([one]))

    assert sorted(at_once(8, charge)) == [0] * 7 + [1]


def test_the_books_agree_with_duplicates_in_them(key: ApiKey) -> None:
    first = first_of(key)
    record(first, again(first))
    assert [str(finding) for _, found in findings(NOON + timedelta(days=1)) for finding in found] == []


def test_old_digests_are_forgotten_and_their_requests_stay(key: ApiKey) -> None:
    record(first_of(key), make_request(key, at=NOON + HOUR, digests=(TOMORROW,)))
    assert repeats.purge(NOON + repeats.PURGED_AFTER) == 0
    assert repeats.purge(NOON + repeats.PURGED_AFTER + HOUR) == 2
    assert [bytes(row.digest) for row in Idempotency.objects.all()] == [TOMORROW]
    assert RequestRecord.objects.count() == 2


def test_without_digests_nothing_is_remembered(key: ApiKey) -> None:
    record(make_request(key), make_request(key))
    assert not Idempotency.objects.exists()
