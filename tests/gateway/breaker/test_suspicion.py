from __future__ import annotations

from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import State
from tests.gateway.breaker.driving import SLOW_AFTER, START, Driver


def waiting(calls: int) -> Driver:
    driver = Driver()
    for _ in range(calls):
        driver.begin()
    return driver


def suspect(driver: Driver, after: float) -> bool:
    return driver.breaker.suspect(START + after)


def test_three_calls_that_cross_their_slow_mark_make_it_suspect_for_five_seconds() -> None:
    driver = waiting(3)
    assert not suspect(driver, SLOW_AFTER)
    assert suspect(driver, SLOW_AFTER + 0.1)
    assert suspect(driver, SLOW_AFTER + 5)
    assert not suspect(driver, SLOW_AFTER + 5.1)
    assert driver.breaker.state is State.CLOSED


def test_two_do_not() -> None:
    assert not suspect(waiting(2), SLOW_AFTER + 0.1)


def test_three_that_cross_over_more_than_two_seconds_do_not() -> None:
    driver = Driver()
    for at in (0.0, 1.1, 2.3):
        driver.breaker.begin(SLOW_AFTER, START + at)
        assert not suspect(driver, at)
    assert not suspect(driver, SLOW_AFTER + 2.4)


def test_less_than_half_of_what_was_learnt_lately_do_not() -> None:
    driver = waiting(3)
    driver.now += 3.5
    driver.ok(4)
    assert not suspect(driver, SLOW_AFTER + 0.1)


def test_failures_that_came_earlier_count_as_the_others_do() -> None:
    driver = waiting(3)
    driver.now += 3.5
    driver.fail(4)
    assert not suspect(driver, SLOW_AFTER + 0.1)


def test_first_tokens_that_bring_the_share_under_half_end_it_at_once() -> None:
    driver = waiting(3)
    driver.now += SLOW_AFTER + 0.1
    assert driver.breaker.suspect(driver.now)
    driver.ok(3)
    assert driver.breaker.suspect(driver.now)
    driver.ok(1)
    assert not driver.breaker.suspect(driver.now)


def test_their_own_late_tokens_do_not_end_it() -> None:
    driver = Driver()
    tickets = [driver.begin() for _ in range(3)]
    driver.now += SLOW_AFTER + 1
    for ticket in tickets:
        driver.breaker.token(ticket, driver.now)
    assert driver.breaker.suspect(driver.now)


def test_calls_that_wait_are_counted_until_they_are_told_of() -> None:
    driver = Driver()
    tickets = [driver.begin() for _ in range(3)]
    driver.now += SLOW_AFTER + 1
    assert driver.breaker.take_counts(driver.now).waiting == 3
    driver.breaker.token(tickets[0], driver.now)
    driver.breaker.failed(tickets[1], Verdict.TIMEOUT, driver.now)
    driver.breaker.end(tickets[2], driver.now)
    driver.breaker.end(tickets[2], driver.now)
    assert driver.breaker.take_counts(driver.now).waiting == 0


def test_a_call_that_ended_before_its_mark_crosses_nothing() -> None:
    driver = Driver()
    for ticket in [driver.begin() for _ in range(5)]:
        driver.breaker.end(ticket, driver.now)
    assert not suspect(driver, SLOW_AFTER + 0.1)
    assert driver.breaker.take_counts(START + 5).waiting == 0


def test_calls_from_before_a_transition_accuse_nobody_after_it() -> None:
    driver = waiting(5)
    driver.close()
    assert driver.now < START + SLOW_AFTER + 1
    assert not suspect(driver, SLOW_AFTER + 1)
    assert driver.breaker.take_counts(START + SLOW_AFTER + 1).waiting == 5


def test_a_call_that_failed_waits_for_nothing_though_its_place_is_still_taken() -> None:
    driver = Driver()
    for _ in range(3):
        driver.breaker.failed(driver.begin(), Verdict.FAILED, driver.now)
    assert not suspect(driver, SLOW_AFTER + 0.1)
    assert driver.breaker.take_counts(START + 5).waiting == 0
