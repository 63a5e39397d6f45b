"""The figures from Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from billing.models import RequestRecord
from gateway.usage import Outcome
from pylo_site.status.figures import SLOTS, day, quarter
from pylo_site.status.tally import Tally
from tests.billing.factories import forged
from tests.billing.seed import record, tenant

if TYPE_CHECKING:
    from accounts.models import ApiKey

NOW = datetime(2026, 11, 26, 12, 10, tzinfo=UTC)
BROKEN = {"upstream_error", "upstream_timeout", "upstream_cut", "stalled", "no_tokens"}
FIRST = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)  # the beginning of the oldest half hour


@pytest.fixture
def key(db: None) -> ApiKey:
    return tenant("w").key


def put(
    key: ApiKey, at: datetime, outcome: Outcome = Outcome.COMPLETED, *, to: str = "a", first_token: int | None = 300
) -> None:
    made = record(key, at, outcome=outcome)
    with forged():
        RequestRecord.objects.filter(uid=made.uid).update(upstream=to, first_token_ms=first_token)


def test_the_last_quarter_is_told_by_upstream(key: ApiKey) -> None:
    put(key, NOW - timedelta(minutes=15))
    put(key, NOW - timedelta(minutes=1), first_token=304)
    put(key, NOW - timedelta(minutes=1), Outcome.UPSTREAM_CUT, first_token=1777)
    put(key, NOW - timedelta(minutes=1), Outcome.SHED, to="", first_token=None)
    put(key, NOW - timedelta(minutes=16), to="too old")
    put(key, NOW, to="to come")
    assert quarter(NOW).totals == {
        "": Tally(requests=1, shed=1),
        "a": Tally(requests=3, failed=1, times={300: 2, 1800: 1}),
    }


def test_a_failed_attempt_counts_for_the_upstream_that_was_left(key: ApiKey) -> None:
    put(key, NOW - timedelta(minutes=1), to="b")
    tries = [{"upstream": "a", "fault": fault, "status": 0, "duration_ms": 1} for fault in ("throttled", "connect")]
    with forged():
        RequestRecord.objects.update(tries=[*tries, {"upstream": "b", "fault": "", "status": 200, "duration_ms": 9}])
    found = quarter(NOW).totals
    assert found == {"a": Tally(moved=1), "b": Tally(1, times={10: 1})}  # b's own time
    assert (found["a"].failed_share, found["b"].failed_share) == ("100 %", "0 %")


@pytest.mark.parametrize("outcome", Outcome)
def test_who_is_at_fault_decides_what_counts_as_failed(key: ApiKey, outcome: Outcome) -> None:
    put(key, NOW - timedelta(minutes=1), outcome)
    found = quarter(NOW).totals.get("a")
    if outcome is Outcome.CLIENT_GONE_EARLY:
        assert found is None
    else:
        assert found is not None
        assert (found.failed, found.shed) == (int(outcome in BROKEN), int(outcome is Outcome.SHED))


def test_a_day_is_told_by_half_hours(key: ApiKey) -> None:
    for at in (FIRST, FIRST + timedelta(minutes=29), FIRST + timedelta(minutes=30), NOW - timedelta(seconds=1)):
        put(key, at)
    put(key, FIRST - timedelta(seconds=1), to="too old")
    found = day(NOW)
    assert (found.since, found.totals) == (FIRST, {"a": Tally(4, times={300: 4})})
    assert [found.slot(number, "a").requests for number in (0, 1, 2, SLOTS - 1)] == [2, 1, 0, 1]


def test_what_is_settled_is_not_asked_again_and_what_is_not_is(key: ApiKey) -> None:
    old, late, new = NOW - timedelta(hours=3), NOW - timedelta(minutes=35), NOW - timedelta(minutes=1)
    put(key, old)
    before = day(NOW)
    for at in (old, late, new):
        put(key, at)
    assert day(NOW, before).totals["a"].requests == 3  # not the one that came three hours late
    assert day(NOW).totals["a"].requests == 4


def test_a_day_goes_on_and_forgets(key: ApiKey) -> None:
    put(key, FIRST)
    put(key, NOW - timedelta(hours=1))
    later = NOW + timedelta(hours=1)
    assert day(later, day(NOW)).totals == day(later).totals == {"a": Tally(1, times={300: 1})}


def test_after_a_long_silence_all_is_asked(key: ApiKey) -> None:
    before = day(NOW)
    put(key, NOW + timedelta(hours=30))
    later = NOW + timedelta(hours=48)
    assert day(later, before).totals["a"].requests == 1
