from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylo_site.status.tally import Tally, part, percentile, seconds, share, together


@pytest.mark.parametrize(
    ("some", "whole", "said"),
    [
        (0, 0, "–"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 8, "12.50 %"),
        (1, 1_000_000, "0.01 %"),
        (999_999, 1_000_000, "99.99 %"),
    ],
)
def test_a_share_never_hides_the_few(some: int, whole: int, said: str) -> None:
    assert share(some, whole) == said


def test_a_share_for_programs_is_a_number() -> None:
    assert (part(1, 3), part(0, 3), part(0, 0)) == (0.3333, 0.0, None)


@pytest.mark.parametrize(
    ("ms", "said"), [(None, "–"), (0, "0 ms"), (990, "990 ms"), (1000, "1.0 s"), (12_000, "12.0 s")]
)
def test_a_time_is_worded_short(ms: int | None, said: str) -> None:
    assert seconds(ms) == said


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_least_time_that_enough_requests_kept(times: list[int], percent: int) -> None:
    found = percentile({time: times.count(time) for time in times}, percent)
    assert found == next(time for time in sorted(times) if sum(t <= time for t in times) * 100 >= percent * len(times))


def test_nothing_has_no_percentile() -> None:
    assert (Tally().first_token_p50, Tally().p95, Tally().failed_share) == (None, "–", "–")


def test_tallies_are_added() -> None:
    first, second = Tally(3, 1, 0, 2, {10: 2, 20: 1}), Tally(2, 0, 1, 0, {10: 1})
    assert together([first, second]) == Tally(5, 1, 1, 2, {10: 3, 20: 1})
