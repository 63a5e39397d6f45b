from __future__ import annotations

import pytest

from gateway.breaker.rules import Reason
from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import State
from tests.gateway.breaker.driving import Driver


def past_grace(every: float = 0.0) -> Driver:
    driver = Driver(every=every)
    driver.now += 3
    return driver


def opened(driver: Driver) -> tuple[State, Reason | None]:
    return driver.breaker.state, driver.breaker.reason


CLOSED = (State.CLOSED, None)


def test_r0_ten_failures_in_a_row_trip_even_in_the_grace() -> None:
    driver = Driver()
    driver.fail(9)
    assert opened(driver) == CLOSED
    driver.fail()
    assert opened(driver) == (State.OPEN, Reason.RUN)


def test_r0_a_token_ends_the_run() -> None:
    driver = Driver()
    driver.fail(9)
    driver.ok()
    driver.fail(9)
    assert opened(driver) == CLOSED


def test_r1_half_of_ten_calls_in_five_seconds_trip() -> None:
    driver = past_grace()
    driver.ok(40)  # six seconds ago: not in R1's sight, and too many for R3
    driver.now += 6
    driver.ok(5)
    driver.fail(4)
    assert opened(driver) == CLOSED
    driver.fail()
    assert opened(driver) == (State.OPEN, Reason.BURST)


def test_r1_waits_for_three_seconds_after_the_start() -> None:
    driver = Driver()
    driver.now += 2.9
    driver.ok(5)
    for _ in range(2):
        driver.fail(3)
        driver.ok()
    assert opened(driver) == CLOSED  # there were 6 in 12
    driver.now += 0.1
    driver.fail()
    assert opened(driver) == (State.OPEN, Reason.BURST)


def test_r2_three_in_ten_of_forty_calls_trip() -> None:
    driver = past_grace(every=0.3)
    for _ in range(13):
        driver.fail()
        driver.ok(2)
    assert opened(driver) == CLOSED
    driver.fail()
    assert opened(driver) == (State.OPEN, Reason.RATE)


def test_r2_says_nothing_of_fewer_than_forty_calls() -> None:
    driver = past_grace(every=0.7)
    for _ in range(9):
        driver.ok(2)
        driver.fail(2)
    assert opened(driver) == CLOSED


@pytest.mark.parametrize(("verdict", "most"), [(Verdict.FAILED, 4), (Verdict.UNREACHED, 4), (Verdict.TIMEOUT, 2)])
def test_r3_where_calls_are_few_a_short_run_trips_and_timeouts_weigh_twice(verdict: Verdict, most: int) -> None:
    driver = past_grace(every=5.0)
    driver.fail(most, verdict)
    assert opened(driver) == CLOSED
    driver.fail(1, verdict)
    assert driver.breaker.state is State.OPEN


def test_r3_does_not_hold_where_calls_are_many() -> None:
    driver = past_grace(every=0.1)
    driver.ok(40)
    driver.fail(9)
    assert opened(driver) == CLOSED


def test_r4_eight_in_ten_of_twenty_slow_tokens_trip() -> None:
    driver = past_grace(every=0.2)
    driver.ok(40)
    driver.now += 10
    driver.ok(4)
    driver.slow(15)
    assert opened(driver) == CLOSED  # 15 of 19
    driver.slow(1)
    assert opened(driver) == (State.OPEN, Reason.SLOW)


def test_r4_where_calls_are_few_five_slow_or_failed_in_a_row_trip() -> None:
    driver = past_grace(every=5.0)
    driver.slow(2)
    driver.fail(2)
    assert opened(driver) == CLOSED
    driver.slow()
    assert opened(driver) == (State.OPEN, Reason.SLOW)


def test_r5_four_timeouts_with_no_token_between_trip_at_any_volume() -> None:
    driver = past_grace()
    driver.ok(200)
    driver.fail(3, Verdict.TIMEOUT)
    driver.ok()
    driver.fail(3, Verdict.TIMEOUT)
    assert opened(driver) == CLOSED
    driver.fail(1, Verdict.TIMEOUT)
    assert opened(driver) == (State.OPEN, Reason.TIMEOUTS)


def test_throttling_and_refusals_are_no_failures() -> None:
    driver = past_grace()
    driver.fail(50, Verdict.THROTTLED)
    driver.fail(50, Verdict.IGNORED)
    assert opened(driver) == CLOSED
    assert driver.breaker.evidence.counts(driver.now).throttled == 50


def test_answers_that_all_break_off_trip_though_others_begin_meanwhile() -> None:
    driver = past_grace(every=4.0)
    for _ in range(5):
        assert opened(driver) == CLOSED
        ticket = driver.begin()
        driver.breaker.token(ticket, driver.now)
        driver.breaker.token(driver.begin(), driver.now)
        driver.breaker.failed(ticket, Verdict.FAILED, driver.now)
        driver.now += 4
    assert opened(driver) == (State.OPEN, Reason.FEW)


def test_an_answer_that_ends_well_ends_the_run_of_those_that_broke_off() -> None:
    driver = past_grace()
    for _ in range(2):
        for _ in range(4):
            ticket = driver.begin()
            driver.breaker.token(ticket, driver.now)
            driver.breaker.failed(ticket, Verdict.FAILED, driver.now)
        driver.ok(2)
        driver.now += 20
    assert opened(driver) == CLOSED


@pytest.mark.parametrize(("failed", "reason"), [(4, Reason.UNREACHED), (5, Reason.RUN)])
def test_when_most_failures_are_connections_it_is_this_hosts_own_trouble(failed: int, reason: Reason) -> None:
    driver = Driver()
    driver.fail(failed)
    driver.fail(10 - failed, Verdict.UNREACHED)
    assert opened(driver) == (State.OPEN, reason)
