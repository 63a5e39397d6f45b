from __future__ import annotations

from gateway.breaker.settings import BreakerSettings
from gateway.concurrency import Places


def places(cap: int = 100, taken: int = 0) -> Places:
    made = Places(cap, BreakerSettings())
    made.taken = taken
    return made


def test_no_more_than_the_cap_are_free() -> None:
    full = places(cap=2)
    full.take()
    assert full.free
    full.take()
    assert not full.free
    full.give_back()
    assert full.free


def test_a_push_back_takes_three_in_ten_and_once_a_second_only() -> None:
    pushed = places()
    pushed.pushed_back(10.0)
    pushed.pushed_back(10.9)
    assert pushed.limit == 70
    pushed.pushed_back(11.0)
    assert pushed.limit == 49


def test_a_time_of_being_throttled_takes_half_at_once() -> None:
    pushed = places()
    pushed.pushed_back(10.0)
    pushed.throttled(10.5)
    assert pushed.limit == 35
    pushed.pushed_back(11.0)
    assert pushed.limit == 35


def test_four_places_are_always_left_or_the_cap_where_that_is_less() -> None:
    pushed, small = places(), places(cap=2)
    for second in range(30):
        pushed.pushed_back(second)
        small.pushed_back(second)
    assert (pushed.limit, small.limit) == (4, 2)


def test_a_round_of_good_calls_adds_one() -> None:
    grown = places(taken=50)
    grown.throttled(0.0)
    for _ in range(51):
        grown.good()
    assert grown.limit == 51


def test_it_grows_to_the_cap_and_no_further() -> None:
    grown = places(taken=100)
    grown.throttled(0.0)
    for _ in range(10_000):
        grown.good()
    assert grown.limit == 100


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    idle = places(taken=25)
    idle.throttled(0.0)
    for _ in range(1000):
        idle.good()
    assert idle.limit == 50
