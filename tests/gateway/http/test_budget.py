from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.budget import Budget


def repeated(wishes: list[bool]) -> int:
    """Send requests, of which some wish to be repeated; return how many were."""
    budget, count = Budget(), 0
    for wish in wishes:
        budget.save()
        count += wish and budget.spend()
    return count


def test_ten_are_repeated_at_any_time_and_then_one_in_ten() -> None:
    assert repeated([True] * 10) == 10
    assert repeated([True] * 1000) == 10 + 99
    assert repeated([False] * 500 + [True] * 10) == 10


@given(st.lists(st.booleans(), max_size=400))
def test_never_more_than_ten_and_a_tenth_are_repeated(wishes: list[bool]) -> None:
    assert repeated(wishes) <= 10 + len(wishes) / 10
