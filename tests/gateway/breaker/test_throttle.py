from __future__ import annotations

import pytest

from gateway.breaker.settings import BreakerSettings
from gateway.breaker.throttle import Throttle


def throttle(drawn: float = 0.0) -> Throttle:
    return Throttle(BreakerSettings(), lambda: drawn)


@pytest.mark.parametrize(("retry_after", "wait"), [(1, 1.0), (59, 59.0), (60, 60.0), (3600, 60.0)])
def test_a_retry_after_is_honoured_up_to_a_minute(retry_after: int, wait: float) -> None:
    throttled = throttle(drawn=0.9)
    assert throttled.begin(0.0, retry_after, 10.0)
    assert throttled.remaining(10.0) == wait
    assert throttled.remaining(10.0 + wait) == 0.0


def test_without_one_the_wait_doubles_with_each_time_in_a_row() -> None:
    throttled, now, waits = throttle(), 0.0, []
    for _ in range(7):
        assert throttled.begin(now, 0, now)
        waits.append(throttled.remaining(now))
        now += waits[-1]
    assert waits == [2, 4, 8, 16, 32, 60, 60]


def test_a_quarter_of_the_wait_at_most_is_drawn_on_top() -> None:
    throttled = throttle(drawn=0.5)
    throttled.begin(0.0, 0, 0.0)
    assert throttled.remaining(0.0) == 2.25


def test_calls_that_were_under_way_say_the_same_again_and_do_not_double() -> None:
    throttled = throttle()
    assert throttled.begin(9.0, 0, 10.0)
    assert not throttled.begin(9.5, 0, 11.0)
    assert throttled.remaining(11.0) == 1.0
    assert not throttled.begin(9.9, 0, 13.0)  # after its end, but to a call from before its beginning
    assert throttled.remaining(13.0) == 0.0
    assert throttled.begin(13.0, 0, 13.5)
    assert throttled.remaining(13.5) == 4.0


def test_a_later_retry_after_of_theirs_counts_and_an_earlier_one_does_not() -> None:
    throttled = throttle()
    throttled.begin(9.0, 5, 10.0)
    assert not throttled.begin(9.0, 20, 11.0)
    assert not throttled.begin(9.0, 1, 12.0)
    assert throttled.remaining(12.0) == 19.0


def test_a_token_of_a_later_call_makes_the_next_wait_a_first_one() -> None:
    throttled = throttle()
    throttled.begin(0.0, 0, 0.0)
    throttled.token(started=0.0)  # began before: says nothing
    throttled.begin(2.0, 0, 2.0)
    assert throttled.remaining(2.0) == 4.0
    throttled.token(started=6.0)
    throttled.begin(7.0, 0, 7.0)
    assert throttled.remaining(7.0) == 2.0
