"""Usage over a window equals the records to the nano-dollar, however much of it was rolled up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import rollup
from billing.models import RequestRecord, RollupMark, UsageRollup
from billing.reports.usage import Totals, usage
from billing.reports.windows import Span, window
from gateway.usage import CHARGED, Outcome, Tokens
from tests.billing.factories import forged, make_key
from tests.billing.seed import NOW, Tenant, record, tenant

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    prompt, completion = draw(st.integers(0, 10**9)), draw(st.integers(0, 10**9))
    return Tokens(prompt, draw(st.integers(0, prompt)), completion, draw(st.integers(0, completion)))


requests = st.tuples(
    st.integers(0, 35 * 24 * 60),  # minutes before now
    st.integers(0, 3 * 24 * 60),  # minutes until it was recorded
    tokens(),
    st.sampled_from(Outcome),
)


def expected(alice: Tenant, start: datetime, end: datetime) -> Totals:
    total = Totals()
    for made in RequestRecord.objects.filter(key=alice.key, admitted_at__gte=start, admitted_at__lt=end):
        total += Totals(
            requests=1,
            failed=int(made.outcome not in CHARGED),
            prompt=made.prompt_tokens,
            cached=made.cached_tokens,
            completion=made.completion_tokens,
            reasoning=made.reasoning_tokens,
            cost_nanos=made.cost_nanos,
            waived_nanos=made.waived_nanos,
        )
    return total


@pytest.fixture
def alice(db: None) -> Tenant:
    return tenant("alice")


@given(st.lists(requests, max_size=12), st.sampled_from(Span), st.none() | st.integers(0, 35 * 24 * 60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_bucket_equals_its_records_whatever_was_rolled_up(
    alice: Tenant, made: list[tuple[int, int, Tokens, Outcome]], span: Span, rolled: int | None
) -> None:
    with forged():
        RequestRecord.objects.all().delete()
    RollupMark.objects.all().delete()
    UsageRollup.objects.all().delete()
    rolled_at = None if rolled is None else NOW - timedelta(minutes=rolled)
    shipped = [(NOW - timedelta(minutes=max(0, ago - late)), ago, counts, end) for ago, late, counts, end in made]
    ordered = sorted(shipped, key=lambda each: each[0])
    for recorded_at, ago, counts, outcome in ordered:
        if rolled_at and recorded_at >= rolled_at:
            rollup.catch_up(rolled_at)
            rolled_at = None
        record(alice.key, NOW - timedelta(minutes=ago), counts, outcome, recorded_at=recorded_at)
    if rolled_at:
        rollup.catch_up(rolled_at)
    report = usage(alice.workspace, window(span, NOW), now=NOW)
    assert [bucket.totals for bucket in report.buckets] == [
        expected(alice, bucket.start, bucket.end) for bucket in report.buckets
    ]
    assert report.totals == expected(alice, report.window.start, report.window.end)


def test_hours_that_stand_still_are_read_from_the_rollups(alice: Tenant) -> None:
    made = record(alice.key, NOW - timedelta(hours=5))
    record(alice.key, NOW)
    rollup.catch_up(NOW - timedelta(minutes=30))
    with forged():
        RequestRecord.objects.filter(uid=made.uid).delete()
    assert usage(alice.workspace, window(Span.DAY, NOW), now=NOW).totals.requests == 2


def test_a_late_record_makes_its_own_hour_live_and_no_other(alice: Tenant) -> None:
    gone = record(alice.key, NOW - timedelta(hours=5))
    record(alice.key, NOW - timedelta(hours=9))
    rollup.catch_up(NOW - timedelta(minutes=30))
    record(alice.key, NOW - timedelta(hours=9), recorded_at=NOW)
    with forged():
        RequestRecord.objects.filter(uid=gone.uid).delete()  # shows that its hour is still read from the rollups
    assert usage(alice.workspace, window(Span.DAY, NOW), now=NOW).totals.requests == 3


def test_when_late_records_are_scattered_all_from_the_first_on_is_live(alice: Tenant) -> None:
    rollup.catch_up(NOW - timedelta(minutes=30))
    for number in range(30):
        record(alice.key, NOW - timedelta(hours=2 * number), recorded_at=NOW)
    assert usage(alice.workspace, window(Span.WEEK, NOW), now=NOW).totals.requests == 30


def test_a_key_narrows_rolled_and_live_hours_alike(alice: Tenant) -> None:
    other = make_key(alice.workspace, "other")
    for key in (alice.key, other, other):
        record(key, NOW - timedelta(hours=5))
        record(key, NOW)
    rollup.catch_up(NOW - timedelta(minutes=30))
    assert usage(alice.workspace, window(Span.DAY, NOW), key=other, now=NOW).totals.requests == 4
    assert usage(alice.workspace, window(Span.DAY, NOW), now=NOW).totals.requests == 6


def test_another_workspaces_usage_is_not_in_it(alice: Tenant) -> None:
    record(tenant("mallory").key, NOW)
    assert usage(alice.workspace, window(Span.DAY, NOW), now=NOW).totals == Totals()


def test_rates_and_sums_of_nothing_are_nothing() -> None:
    assert (Totals().error_rate, Totals().tokens, Totals().input) == ("0.0%", 0, 0)


@pytest.mark.parametrize(("failed", "asked", "rate"), [(1, 3, "33.3%"), (2, 3, "66.7%"), (5, 5, "100.0%")])
def test_the_error_rate_has_one_decimal(failed: int, asked: int, rate: str) -> None:
    assert Totals(requests=asked, failed=failed).error_rate == rate


def test_usage_is_four_queries_or_fewer(alice: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(30):
        record(make_key(alice.workspace, f"key {number}"), NOW - timedelta(hours=number))
    rollup.catch_up(NOW - timedelta(hours=3))
    with django_assert_max_num_queries(4):
        usage(alice.workspace, window(Span.THIRTY_DAYS, NOW), now=NOW)
