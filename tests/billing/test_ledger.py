"""Whatever comes twice is written once, and a balance moves only by what was written."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models import Sum
from structlog.testing import capture_logs

from billing import ledger, recording
from billing.models import Balance, Entry, JournalOffset, Posting, RequestRecord
from gateway.usage import CHARGED, Outcome, Tokens, Try
from tests.billing.factories import LAUNCH_PRICE, NOON, chance, make_key, make_request, make_workspace, record
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from accounts.models import ApiKey, Workspace
    from billing.models import Price
    from gateway.usage import RequestRecord as Request

pytestmark = pytest.mark.django_db


def balance(workspace: Workspace) -> int:
    return Balance.objects.get(workspace=workspace).nanos


def nothing_was_written() -> bool:
    return not (RequestRecord.objects.exists() or JournalOffset.objects.exists() or Balance.objects.exists())


def test_a_request_is_recorded_charged_and_shipped_in_one_step(workspace: Workspace, key: ApiKey) -> None:
    request = make_request(key)
    appended = ledger.append([request], segment="a/1.log", shipped=512, recorded_at=NOON + timedelta(seconds=2))
    assert appended == ledger.Appended(inserted=1, duplicates=0, cost_nanos=2_601_900)
    assert balance(workspace) == -2_601_900
    assert ledger.shipped_offset("a/1.log") == 512
    row = RequestRecord.objects.get(uid=request.uid)
    assert (row.workspace_id, row.key_id, row.price_id) == (workspace.id, key.id, LAUNCH_PRICE)
    assert (row.admitted_at, row.recorded_at) == (NOON, NOON + timedelta(seconds=2))
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens, row.reasoning_tokens) == (1234, 1000, 567, 500)
    assert (row.cost_nanos, row.waived_nanos, row.invoice_id) == (2_601_900, 0, None)
    assert (row.outcome, row.usage_source, row.status, row.first_token_ms) == ("completed", "upstream", 200, 210)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_rule_7_a_request_costs_or_is_waived_by_how_it_ended(
    workspace: Workspace, key: ApiKey, outcome: Outcome
) -> None:
    record(make_request(key, outcome=outcome))
    row = RequestRecord.objects.get()
    expected = (2_601_900, 0) if outcome in CHARGED else (0, 2_601_900)
    assert (row.cost_nanos, row.waived_nanos) == expected
    assert balance(workspace) == -expected[0]


def test_rule_8_a_writer_that_tries_again_writes_one_row(workspace: Workspace, key: ApiKey) -> None:
    request = make_request(key)
    record(request)
    assert record(request) == ledger.Appended(inserted=0, duplicates=1, cost_nanos=0)
    assert RequestRecord.objects.count() == 1
    assert balance(workspace) == -2_601_900


def test_the_same_request_twice_in_a_batch_is_written_once(workspace: Workspace, key: ApiKey) -> None:
    request = make_request(key)
    assert record(request, request, make_request(key)) == ledger.Appended(2, 1, 5_203_800)
    assert balance(workspace) == -5_203_800


def test_a_duplicate_that_says_something_else_changes_nothing(workspace: Workspace, key: ApiKey) -> None:
    request = make_request(key)
    record(request)
    with capture_logs() as told:
        assert record(replace(request, tokens=Tokens(10**6, 0, 10**6), status=500)).inserted == 0
        assert record(request).inserted == 0
    assert [(line["event"], line["pylo_request_id"]) for line in told] == [("ledger_conflict", f"req_{request.uid}")]
    assert (RequestRecord.objects.get().cost_nanos, balance(workspace)) == (2_601_900, -2_601_900)


def test_rule_9_a_replay_of_a_year_ago_changes_nothing(workspace: Workspace, key: ApiKey) -> None:
    request = make_request(key, at=NOON - timedelta(days=365))
    record(request, at=NOON - timedelta(days=365))
    before = RequestRecord.objects.values().get()
    assert record(request) == ledger.Appended(inserted=0, duplicates=1, cost_nanos=0)
    assert RequestRecord.objects.values().get() == before
    assert balance(workspace) == -2_601_900


def test_an_empty_batch_only_moves_the_offset() -> None:
    assert record(segment="a/1.log") == ledger.Appended(0, 0, 0)
    assert ledger.append([], segment="a/1.log", shipped=99, recorded_at=NOON).inserted == 0
    assert ledger.shipped_offset("a/1.log") == 99


def test_a_segment_starts_at_nothing_and_can_be_forgotten(key: ApiKey) -> None:
    assert ledger.shipped_offset("a/1.log") == 0
    record(make_request(key), segment="a/1.log")
    ledger.forget("a/1.log")
    assert ledger.shipped_offset("a/1.log") == 0


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("late", "recorded"),
    [
        (timedelta(days=35), True),
        (timedelta(days=35) + SECOND, False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5) - SECOND, False),
    ],
)
def test_rule_14_a_record_of_an_impossible_time_is_refused_to_be_looked_at(
    key: ApiKey, late: timedelta, *, recorded: bool
) -> None:
    request = make_request(key)
    if recorded:
        assert record(request, at=NOON + late).inserted == 1
        return
    with pytest.raises(recording.Unrecordable, match="5:00 ahead or 35 days back"):
        record(request, at=NOON + late)
    assert nothing_was_written()


def broken(key: ApiKey) -> list[tuple[str, Request]]:
    stranger = make_key(make_workspace("Stranger"))
    return [
        ("no price", make_request(key, price_id=uuid.uuid4())),
        ("no key", make_request(key, key_id=uuid.uuid4())),
        ("no key", make_request(key, key_id=stranger.id)),
        ("no key", make_request(key, workspace_id=uuid.uuid4())),
        ("more tokens were cached", make_request(key, tokens=Tokens(1, 2, 0, 0))),
        ("negative", make_request(key, tokens=Tokens(1, 0, -1, 0))),
        ("0x00", make_request(key, request_id="a\x00b")),
        ("surrogates", make_request(key, request_id="\ud800")),
        ("too long", make_request(key, request_id="x" * 129)),
        ("more tokens than", make_request(key, tokens=Tokens(2**62, 0, 0, 0))),
        ("out of range", make_request(key, status=70_000)),
        ("35 days back", make_request(key, admitted_at_ms=10**18)),
        ("check constraint", make_request(key, duration_ms=-1)),
    ]


@pytest.mark.parametrize("which", range(13))
def test_a_record_that_can_never_be_written_is_named_and_nothing_is_written(key: ApiKey, which: int) -> None:
    why, request = broken(key)[which]
    with pytest.raises(recording.Unrecordable, match=why) as refusal:
        record(make_request(key), request, make_request(key))
    assert refusal.value.uid == request.uid
    assert nothing_was_written()


def test_nonsense_that_would_fit_by_itself_does_not_stop_the_journal(key: ApiKey) -> None:
    nonsense = [make_request(key, tokens=Tokens(2**52, 0, 0, 0)) for _ in range(3)]  # $4 billion each
    with pytest.raises(recording.Unrecordable) as refusal:
        record(make_request(key), *nonsense)
    assert refusal.value.uid == nonsense[0].uid
    assert nothing_was_written()


def test_credit_is_posted_once_for_its_key(workspace: Workspace) -> None:
    def top_up(nanos: int) -> bool:
        kind = Posting.Kind.TOP_UP
        return ledger.credit(workspace=workspace, kind=kind, nanos=nanos, key="topup:pi_1", note="Card", at=NOON)

    assert top_up(5_000_000_000) is True
    assert top_up(5_000_000_000) is False
    assert balance(workspace) == 5_000_000_000
    posting = Posting.objects.get()
    assert (posting.kind, posting.nanos, posting.note, posting.posted_at) == ("top_up", 5_000_000_000, "Card", NOON)


def test_a_new_workspace_gets_its_balance_and_its_credit_once(workspace: Workspace) -> None:
    for _ in range(2):
        ledger.open_balance(workspace=workspace, credit_nanos=5_000_000_000, at=NOON)
    assert balance(workspace) == 5_000_000_000
    assert Posting.objects.get().key == f"signup:{workspace.id}"


def test_a_new_workspace_without_credit_has_a_balance_of_nothing(workspace: Workspace) -> None:
    ledger.open_balance(workspace=workspace, credit_nanos=0, at=NOON)
    assert (balance(workspace), Posting.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_rule_10_eight_writers_that_each_send_everything_twice_charge_it_once(launch_price: Price) -> None:
    keys = [make_key(make_workspace(f"W{number}")) for number in range(5)]
    dice = chance(6)
    requests = [
        make_request(dice.choice(keys), tokens=Tokens(dice.randrange(1, 5000), 0, dice.randrange(900)))
        for _ in range(1200)
    ]

    def write(seed: int) -> int:
        mine = requests * 2
        chance(seed).shuffle(mine)
        return sum(record(*mine[at : at + 100], segment=f"{seed}").inserted for at in range(0, len(mine), 100))

    assert sum(at_once(8, write)) == RequestRecord.objects.count() == 1200
    for key in keys:
        spent = RequestRecord.objects.filter(workspace=key.workspace_id).aggregate(total=Sum("cost_nanos"))["total"]
        assert balance(key.workspace) == -spent


@pytest.mark.parametrize("seed", range(5))
def test_rule_15_a_balance_is_the_sum_of_its_postings_and_usage_is_what_the_records_cost(
    workspace: Workspace, key: ApiKey, seed: int
) -> None:
    dice = chance(seed)
    seen = [make_request(key)]
    for _ in range(25):
        if dice.random() < 0.4:
            number = dice.randrange(6)
            kind, nanos = Posting.Kind.ADJUSTMENT, dice.randrange(-(10**9), 10**10)
            ledger.credit(workspace=workspace, kind=kind, nanos=nanos, key=f"adjust:{number}", at=NOON)
        else:
            outcome = dice.choice(list(Outcome))
            seen.append(make_request(key, outcome=outcome, tokens=Tokens(dice.randrange(10**6), 0, 7)))
            record(*dice.sample(seen, dice.randrange(1, len(seen) + 1)))
    posted = Posting.objects.aggregate(total=Sum("nanos", default=0))["total"]
    used = Posting.objects.filter(kind="usage").aggregate(total=Sum("nanos", default=0))["total"]
    spent = RequestRecord.objects.aggregate(total=Sum("cost_nanos", default=0))["total"]
    assert (balance(workspace), used) == (posted, -spent)
    assert Entry.objects.aggregate(total=Sum("nanos", default=0))["total"] == 0


def test_requests_that_never_saw_a_token_have_no_time_of_it(key: ApiKey) -> None:
    gone = make_request(key, first_token_ms=None, outcome=Outcome.CLIENT_GONE_EARLY, tokens=Tokens(12))
    record(gone)
    assert RequestRecord.objects.get().first_token_ms is None


def test_the_attempts_are_kept_unless_it_was_one_that_answered(key: ApiKey) -> None:
    failed, answered = Try("first", "status", 503, 12), Try("second", "", 200, 340)
    two, one, none = (make_request(key, tries=tries) for tries in ((failed, answered), (answered,), ()))
    gave_up = make_request(key, tries=(failed,), outcome=Outcome.UPSTREAM_ERROR)
    record(two, one, none, gave_up)
    kept = {row.uid: row.tries for row in RequestRecord.objects.all()}
    first = {"upstream": "first", "fault": "status", "status": 503, "duration_ms": 12}
    second = {"upstream": "second", "fault": "", "status": 200, "duration_ms": 340}
    assert kept == {two.uid: [first, second], one.uid: None, none.uid: None, gave_up.uid: [first]}
