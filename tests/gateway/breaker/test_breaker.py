from __future__ import annotations

import pytest

from gateway.breaker.rules import Reason
from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import Counts, State
from tests.gateway.breaker.driving import SLOW_AFTER, START, Driver


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 2.5), (0.5, 3.75), (0.999, 4.9975)])
def test_it_opens_for_half_its_time_and_a_drawn_part_of_the_rest(drawn: float, seconds: float) -> None:
    driver = Driver()
    driver.drawn = drawn
    driver.trip()
    assert driver.breaker.probe_in(driver.now) == pytest.approx(seconds)


def test_each_trip_doubles_the_time_up_to_thirty_seconds() -> None:
    driver, waits = Driver(), []
    driver.drawn = 0.0
    driver.trip()
    for _ in range(5):
        waits.append(driver.breaker.probe_in(driver.now))
        driver.now += waits[-1] or 0
        driver.breaker.grant(driver.now)
        driver.fail()
    assert waits == [2.5, 5, 10, 15, 15]
    assert driver.breaker.trips(driver.now) == 6


def test_closed_for_a_minute_it_forgets_its_trips() -> None:
    driver = Driver()
    driver.close()
    driver.now += 59.9
    assert driver.breaker.trips(driver.now) == 1
    driver.now += 0.1
    assert driver.breaker.trips(driver.now) == 0
    driver.trip()
    assert driver.breaker.trips(driver.now) == 1


def test_tripped_again_within_the_minute_it_opens_for_longer() -> None:
    driver = Driver()
    driver.close()
    driver.now += 59
    driver.trip()
    assert (driver.breaker.trips(driver.now), driver.breaker.probe_in(driver.now)) == (2, 7.5)


def test_open_it_waits_for_its_time_and_then_for_a_grant() -> None:
    driver = Driver()
    driver.trip()
    driver.breaker.grant(driver.now)  # too early: it was made longer meanwhile
    assert (driver.breaker.state, driver.breaker.wants_probe(driver.now)) == (State.OPEN, False)
    driver.now += 3.75
    assert driver.breaker.wants_probe(driver.now)
    driver.now += 1000
    assert (driver.breaker.state, driver.breaker.probes(driver.now)) == (State.OPEN, False)
    driver.breaker.grant(driver.now)
    assert (driver.breaker.state, driver.breaker.probes(driver.now)) == (State.HALF_OPEN, True)


def test_one_probe_at_a_time() -> None:
    driver = Driver()
    driver.half_open()
    probe = driver.begin()
    assert not driver.breaker.probes(driver.now)
    driver.breaker.token(probe, driver.now)  # its answer goes on, but what it was to find out is known
    assert driver.breaker.probes(driver.now)


def test_a_cancelled_probe_frees_its_place_and_says_nothing() -> None:
    driver = Driver()
    driver.half_open()
    driver.ok(2)
    driver.breaker.end(driver.begin(), driver.now)
    assert (driver.breaker.state, driver.breaker.probes(driver.now)) == (State.HALF_OPEN, True)
    driver.ok()
    assert driver.breaker.state is State.CLOSED


def test_a_throttled_probe_frees_its_place_and_is_no_failure() -> None:
    driver = Driver()
    driver.half_open()
    driver.fail(1, Verdict.THROTTLED)
    assert (driver.breaker.state, driver.breaker.probes(driver.now)) == (State.HALF_OPEN, True)


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.TIMEOUT, Verdict.UNREACHED])
def test_a_probe_that_fails_opens_it_for_longer(verdict: Verdict) -> None:
    driver = Driver()
    driver.half_open()
    driver.ok(2)
    driver.fail(1, verdict)
    assert (driver.breaker.state, driver.breaker.probe_in(driver.now)) == (State.OPEN, 7.5)
    assert driver.breaker.reason == (Reason.UNREACHED if verdict is Verdict.UNREACHED else Reason.PROBE)


def test_a_slow_probe_opens_it_too() -> None:
    driver = Driver()
    driver.half_open()
    driver.slow()
    assert (driver.breaker.state, driver.breaker.reason) == (State.OPEN, Reason.PROBE)


def test_a_token_at_the_slow_mark_is_in_time() -> None:
    driver = Driver()
    driver.half_open()
    for _ in range(3):
        probe = driver.begin()
        driver.now += SLOW_AFTER
        driver.breaker.token(probe, driver.now)
    assert driver.breaker.state is State.CLOSED


def test_three_good_probes_in_a_row_close_it_and_its_traffic_comes_back_in_steps() -> None:
    driver = Driver()
    assert driver.breaker.share(driver.now) == 1.0
    driver.half_open()
    assert driver.breaker.share(driver.now) == 0.0
    driver.ok(3)
    shares = [driver.breaker.share(driver.now + after) for after in (0, 4.9, 5, 9.9, 10, 14.9, 15)]
    assert shares == [0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1.0]


def test_the_end_of_a_call_from_before_a_trip_changes_nothing_after_it() -> None:
    driver = Driver()
    before = [driver.begin() for _ in range(60)]
    driver.half_open()
    for ticket in before[:20]:
        driver.breaker.failed(ticket, Verdict.TIMEOUT, driver.now)
    for ticket in before[20:40]:
        driver.breaker.token(ticket, driver.now)
    assert (driver.breaker.state, driver.breaker.trips(driver.now)) == (State.HALF_OPEN, 1)
    driver.ok(3)
    for ticket in before[40:]:
        driver.breaker.failed(ticket, Verdict.FAILED, driver.now)
    assert driver.breaker.state is State.CLOSED
    assert driver.breaker.evidence.counts(driver.now) == Counts()


def test_a_failure_of_a_probe_after_its_token_still_opens_it() -> None:
    driver = Driver()
    driver.half_open()
    probe = driver.begin()
    driver.breaker.token(probe, driver.now)
    driver.breaker.failed(probe, Verdict.FAILED, driver.now)
    assert driver.breaker.state is State.OPEN


def test_what_was_counted_before_a_transition_is_gone_after_it() -> None:
    driver = Driver()
    driver.fail(9)
    driver.ok()
    driver.close()
    driver.now += 3
    driver.fail(4)
    assert (driver.breaker.state, driver.breaker.evidence.counts(driver.now)) == (State.CLOSED, Counts(failed=4))


def test_a_grant_lapses_and_is_asked_for_again_only_with_requests_to_probe_with() -> None:
    driver = Driver()
    driver.half_open()
    driver.now += 17
    assert not driver.breaker.wants_probe(driver.now)  # for 20 s nobody asked: others may have more to do
    driver.breaker.grant(driver.now)
    driver.ok()
    driver.now += 10
    assert not driver.breaker.probes(driver.now)
    assert driver.breaker.wants_probe(driver.now)
    driver.breaker.grant(driver.now)
    assert driver.breaker.probes(driver.now)


def test_a_request_that_is_the_first_in_20_seconds_is_a_probe_without_a_grant() -> None:
    driver = Driver()
    driver.half_open()
    driver.ok()
    driver.now += 20.1
    assert driver.breaker.probes(driver.now)
    assert not driver.breaker.probes(driver.now)  # the next one is not


def test_open_it_asks_for_a_grant_only_with_requests_to_probe_with() -> None:
    driver = Driver()
    driver.trip()
    driver.now += 11
    assert not driver.breaker.wants_probe(driver.now)
    assert not driver.breaker.probes(driver.now)  # a request asks
    assert driver.breaker.wants_probe(driver.now)


def test_a_grant_in_use_is_renewed_in_time() -> None:
    driver = Driver()
    driver.half_open()
    driver.ok()
    assert not driver.breaker.wants_probe(driver.now + 4.9)
    assert driver.breaker.wants_probe(driver.now + 5)


def test_a_call_is_counted_once_whatever_it_is_told_afterwards() -> None:
    driver = Driver()
    ticket = driver.begin()
    driver.breaker.failed(ticket, Verdict.FAILED, START)
    driver.breaker.failed(ticket, Verdict.FAILED, START)
    driver.breaker.token(ticket, START)
    driver.breaker.end(ticket, START)
    driver.breaker.failed(ticket, Verdict.FAILED, START)
    assert driver.breaker.evidence.counts(START) == Counts(failed=1)
