"""The request log: whole, in order, page by page, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from billing.reports.requests import Filters, Place, page, speed
from gateway.usage import Outcome
from tests.billing.factories import make_key
from tests.billing.seed import NOW, record, tenant

pytestmark = pytest.mark.django_db


def test_older_pages_walk_the_whole_log_once_and_newer_pages_walk_it_back() -> None:
    alice = tenant("alice")
    made = [record(alice.key, NOW - timedelta(seconds=number // 3)).uid for number in range(11)]
    expected = sorted(made, reverse=True)
    first = page(alice.workspace, Filters(), size=4)
    second = page(alice.workspace, Filters(), Place(first.before or uuid4()), size=4)
    third = page(alice.workspace, Filters(), Place(second.before or uuid4()), size=4)
    assert [row.uid for found in (first, second, third) for row in found.rows] == expected
    assert (first.after, third.before) == (None, None)
    back = page(alice.workspace, Filters(), Place(third.after or uuid4(), newer=True), size=4)
    assert back == second
    top = page(alice.workspace, Filters(), Place(second.after or uuid4(), newer=True), size=4)
    assert top == first


def test_a_log_of_exactly_one_page_has_no_neighbours() -> None:
    alice = tenant("alice")
    for number in range(4):
        record(alice.key, NOW - timedelta(seconds=number))
    found = page(alice.workspace, Filters(), size=4)
    assert (len(found.rows), found.before, found.after) == (4, None, None)


def test_another_workspaces_requests_are_not_in_the_log_nor_a_place_in_it() -> None:
    alice, mallory = tenant("alice"), tenant("mallory")
    theirs = record(mallory.key, NOW)
    mine = record(alice.key, NOW - timedelta(hours=1))
    assert [row.uid for row in page(alice.workspace, Filters()).rows] == [mine.uid]
    assert page(alice.workspace, Filters(), Place(theirs.uid)) == page(alice.workspace, Filters())


def test_filters_narrow_by_outcome_charge_key_id_and_time() -> None:
    alice = tenant("alice")
    other = make_key(alice.workspace, "other")
    done = record(alice.key, NOW, request_id="trace-1")
    cut = record(other, NOW - timedelta(hours=2), outcome=Outcome.UPSTREAM_CUT)
    cases = {
        Filters(outcome=Outcome.UPSTREAM_CUT): [cut.uid],
        Filters(charged=True): [done.uid],
        Filters(charged=False): [cut.uid],
        Filters(key=other): [cut.uid],
        Filters(request_id="trace-1"): [done.uid],
        Filters(request_id=f"req_{cut.uid}"): [cut.uid],
        Filters(request_id=str(cut.uid)): [cut.uid],
        Filters(request_id=f"req_{cut.uid.hex}"): [cut.uid],
        Filters(request_id="nothing"): [],
        Filters(since=NOW): [done.uid],
        Filters(until=NOW): [cut.uid],
    }
    for filters, expected in cases.items():
        assert [row.uid for row in page(alice.workspace, filters).rows] == expected


def test_a_row_splits_the_prompt_and_says_how_fast_it_was() -> None:
    alice = tenant("alice")
    record(alice.key, NOW)
    (row,) = page(alice.workspace, Filters()).rows
    assert (row.input, row.cached, row.completion, row.cost_nanos) == (234, 1000, 567, 2_601_900)
    assert (row.first_token_ms, row.tokens_per_second) == (200, 284)


@pytest.mark.parametrize(
    ("request_id", "short"),
    [
        ("req_01a2075f-9e0f-7000-8173-183b7e505868", "req_…7e505868"),
        ("req_short", "req_short"),
        ("nightly-run-2026-11-23-000017", "nightly-run-202…"),
        ("sixteen-letters-", "sixteen-letters-"),
    ],
)
def test_a_long_id_is_short_in_the_list(request_id: str, short: str) -> None:
    alice = tenant("alice")
    record(alice.key, NOW, request_id=request_id)
    assert [row.short_id for row in page(alice.workspace, Filters()).rows] == [short]


@pytest.mark.parametrize(
    ("completion", "first", "duration", "expected"),
    [(567, 200, 2200, 284), (1, 0, 1000, 1), (0, 200, 2200, None), (5, None, 100, None), (5, 100, 100, None)],
)
def test_speed_needs_tokens_and_time(completion: int, first: int | None, duration: int, expected: int | None) -> None:
    assert speed(completion, first, duration) == expected


def test_a_page_is_three_queries_or_fewer_however_many_rows(django_assert_max_num_queries: object) -> None:
    alice = tenant("alice")
    uids = [record(alice.key, NOW - timedelta(seconds=number)).uid for number in range(30)]
    with django_assert_max_num_queries(2):  # type: ignore[operator]  # pytest-django's fixture
        assert len(page(alice.workspace, Filters(), Place(uids[0])).rows) == 29
