"""Promotional before paid, the earliest to expire first, then the oldest; and never more than there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.granting import Grant, Taken, take
from tests.billing.factories import NOON

DAY = timedelta(days=1)


def grant(number: int, left: int, *, age: int = 0, expires_in: int | None = None) -> Grant:
    return Grant(number, left, NOON - age * DAY, None if expires_in is None else NOON + expires_in * DAY)


@pytest.mark.parametrize(
    ("cost", "grants", "taken"),
    [
        (0, [grant(1, 5)], Taken((), 0)),
        (3, [], Taken((), 3)),
        (3, [grant(1, 5)], Taken(((1, 3),), 0)),
        (7, [grant(1, 5)], Taken(((1, 5),), 2)),
        (7, [grant(1, 5), grant(2, 5, expires_in=9)], Taken(((2, 5), (1, 2)), 0)),
        (7, [grant(1, 5, expires_in=9), grant(2, 5, expires_in=3)], Taken(((2, 5), (1, 2)), 0)),
        (7, [grant(1, 5, age=1), grant(2, 5, age=2)], Taken(((2, 5), (1, 2)), 0)),
        (7, [grant(2, 5), grant(1, 5)], Taken(((1, 5), (2, 2)), 0)),
        (7, [grant(1, 5, expires_in=0)], Taken((), 7)),
        (7, [grant(1, 0), grant(2, 1)], Taken(((2, 1),), 6)),
    ],
)
def test_rule_18_promotional_credit_goes_first_in_the_order_in_which_it_expires(
    cost: int, grants: list[Grant], taken: Taken
) -> None:
    assert take(cost, grants, NOON) == taken


grants = st.lists(
    st.builds(
        grant, st.integers(1, 10**6), st.integers(0, 10**9), age=st.integers(0, 9), expires_in=st.integers(-3, 9)
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)


@given(cost=st.integers(0, 10**10), grants=grants)
def test_rule_18_no_grant_gives_more_than_it_has_and_all_of_the_cost_is_taken(cost: int, grants: list[Grant]) -> None:
    taken = take(cost, grants, NOON)
    left = {each.id: each.left_nanos for each in grants if each.usable(NOON)}
    assert all(0 < nanos <= left[number] for number, nanos in taken.of_grants)
    assert sum(nanos for _, nanos in taken.of_grants) + taken.of_paid == cost
    assert taken.of_paid == max(cost - sum(left.values()), 0)


def test_a_cost_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        take(-1, [], NOON)
