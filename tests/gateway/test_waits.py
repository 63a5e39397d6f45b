from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.waits import spread

DRAWS = [each / 100 for each in range(100)]


@pytest.mark.conformance(134)
@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, {1}),
        (0.2, {1}),
        (1.0, {1, 2}),
        (4.0, {4, 5}),
        (7.3, {8, 9, 10}),
        (20.0, set(range(20, 26))),
        (47.0, set(range(47, 60))),
        (60.0, set(range(47, 60))),
        (3600.0, set(range(47, 60))),
    ],
)
def test_waits_of_one_moment_are_spread_over_a_quarter(seconds: float, told: set[int]) -> None:
    assert {spread(seconds, iter([draw]).__next__) for draw in DRAWS} == told


@pytest.mark.conformance(132, 134)
@given(st.floats(-10, 1e9), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_one_that_sdks_heed(seconds: float, draw: float) -> None:
    assert 1 <= spread(seconds, lambda: draw) <= 59
