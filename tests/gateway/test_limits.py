from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import (
    FULLEST_DEBT,
    MINUTE,
    SECOND,
    Holder,
    Level,
    Limits,
    corrected,
    cost,
    duration,
    headers,
    remaining,
    wait_for,
)

LIMIT = st.integers(1, 2**31 - 1)


@pytest.mark.parametrize(
    ("microseconds", "told"),
    [
        (0, "0s"),
        (1, "1ms"),
        (12_000, "12ms"),
        (999_001, "1s"),
        (SECOND, "1s"),
        (8_640_000, "8.64s"),
        (59_999_999, "1m0s"),
        (90_500_000, "1m30.5s"),
        (360 * SECOND, "6m0s"),
        (3600 * SECOND, "1h0m0s"),
    ],
)
def test_a_duration_is_spelled_as_go_spells_it(microseconds: int, told: str) -> None:
    assert duration(microseconds) == told


@given(st.integers(0, 10**11))
def test_a_duration_reads_back_as_no_less_and_less_than_a_millisecond_more(microseconds: int) -> None:
    told = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?", duration(microseconds))
    assert told is not None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in told.groups())
    read = hours * 3600e6 + minutes * 60e6 + seconds * 1e6 + milliseconds * 1e3
    assert -1 < read - microseconds < 1001


@given(limit=st.integers(1, 5000))
def test_a_full_bucket_holds_exactly_a_minutes_worth(limit: int) -> None:
    level = 0
    for _ in range(limit):
        assert wait_for(level, cost(1, limit)) == 0
        level += cost(1, limit)
    assert wait_for(level, cost(1, limit)) > 0
    assert remaining(level, limit) == 0


@given(limit=LIMIT, count=st.integers(0, 10**6))
def test_what_is_left_is_what_there_was_less_what_was_taken(limit: int, count: int) -> None:
    left = remaining(cost(count, limit), limit)
    if limit <= MINUTE:  # finer than a microsecond's worth there is no counting
        assert left == max(limit - count, 0)
    assert 0 <= left <= limit


@given(limit=LIMIT, level=st.integers(0, FULLEST_DEBT), count=st.integers(0, 10**6))
def test_after_the_wait_it_fits_and_a_moment_before_it_did_not(limit: int, level: int, count: int) -> None:
    price = cost(count, limit)
    wait = wait_for(level, price)
    if price <= MINUTE:
        assert wait_for(max(level - wait, 0), price) == 0
        assert wait == 0 or wait_for(level - wait + 1, price) == 1


@given(level=st.integers(0, 2 * FULLEST_DEBT), price=st.integers(-(10**12), 10**12))
def test_a_correction_ends_between_full_and_a_minutes_debt(level: int, price: int) -> None:
    assert 0 <= corrected(level, price) <= max(FULLEST_DEBT, level)


def test_the_headers_show_of_each_kind_the_nearest_limit() -> None:
    holders = (Holder("", Limits.of(600, 1000, 8)), Holder("key", Limits.of(60, 60_000, 8)))
    levels = (Level(cost(595, 600), cost(400, 1000)), Level(cost(3, 60), cost(100, 60_000)))
    assert dict(headers(holders, levels)) == {
        b"x-ratelimit-limit-requests": b"600",
        b"x-ratelimit-remaining-requests": b"5",
        b"x-ratelimit-reset-requests": b"59.5s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"600",
        b"x-ratelimit-reset-tokens": b"24s",
    }


def test_a_key_without_limits_of_its_own_has_none() -> None:
    assert Limits.of(60, 1000, 8).lowered(None, None, None) is None


def test_a_key_has_its_workspaces_limits_where_it_has_no_lower_one() -> None:
    assert Limits.of(60, 1000, 8).lowered(10, None, 1) == Limits.of(10, 1000, 1)


def test_a_share_is_never_nothing() -> None:
    assert Limits.of(60, 1000, 8).share(16) == Limits.of(3, 62, 1)
