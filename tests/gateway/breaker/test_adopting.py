from __future__ import annotations

import pytest

from gateway.breaker.rules import Reason
from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import Counts, FleetView, RemoteOpen, State
from tests.gateway.breaker.driving import Driver

GOOD = Counts(ok=2)
BAD = Counts(ok=1, failed=1)


def fleet(*open_: RemoteOpen, seconds: tuple[Counts, ...] = (), hosts: int = 3, recovered: bool = False) -> FleetView:
    return FleetView(seconds=seconds, hosts=hosts, open=open_, recovered=recovered)


def says(host: str, remaining: float = 4.0) -> RemoteOpen:
    return RemoteOpen(host, remaining, "run")


def adopting(view: FleetView, *, age: float = 60.0) -> Driver:
    driver = Driver()
    driver.now += age
    driver.breaker.adopt(view, "here", driver.now)
    return driver


def test_r0_holds_for_the_sums_of_all() -> None:
    rare = (Counts(failed=1), Counts(), Counts()) * 9
    assert adopting(fleet(seconds=(GOOD, *rare))).breaker.state is State.CLOSED
    assert adopting(fleet(seconds=(GOOD, *rare, Counts(failed=1)))).breaker.state is State.OPEN
    assert adopting(fleet(seconds=(*rare, Counts(ok=1, failed=1)))).breaker.state is State.CLOSED


def test_r1_holds_for_the_sums_of_all() -> None:
    driver = adopting(fleet(seconds=(GOOD,) * 25 + (BAD,) * 5))
    assert (driver.breaker.state, driver.breaker.reason) == (State.OPEN, Reason.FLEET)


def test_r4_holds_for_the_sums_of_all() -> None:
    assert adopting(fleet(seconds=(Counts(slow=2),) * 9)).breaker.state is State.CLOSED
    assert adopting(fleet(seconds=(Counts(slow=2),) * 10)).breaker.state is State.OPEN


def test_r2_holds_for_the_sums_of_all() -> None:
    thirds = (Counts(ok=2, failed=1), Counts(ok=1)) * 15  # 15 of 60
    assert adopting(fleet(seconds=thirds)).breaker.state is State.CLOSED
    assert adopting(fleet(seconds=(Counts(ok=1, failed=1), Counts(ok=1)) * 15)).breaker.state is State.OPEN


def test_what_the_fleet_saw_before_this_one_closed_does_not_trip_it_again() -> None:
    seconds = (Counts(failed=9),) * 25 + (Counts(ok=9),) * 5
    assert adopting(fleet(seconds=seconds), age=5).breaker.state is State.CLOSED
    assert adopting(fleet(seconds=seconds), age=8).breaker.state is State.OPEN


def test_nothing_is_adopted_in_the_grace() -> None:
    view = fleet(says("here"), says("there"), seconds=(BAD,) * 30)
    assert adopting(view, age=2.9).breaker.state is State.CLOSED


def test_another_hosts_word_alone_is_not_believed() -> None:
    assert adopting(fleet(says("there"), says("there"))).breaker.state is State.CLOSED


def test_two_hosts_that_say_so_are() -> None:
    driver = adopting(fleet(says("there", 4), says("yonder", 9)))
    assert (driver.breaker.state, driver.breaker.reason) == (State.OPEN, Reason.ADOPTED)
    assert driver.breaker.probe_in(driver.now) == 9.0
    assert driver.breaker.trips(driver.now) == 2  # a first trip is never so long


def test_a_process_of_this_host_is_believed_for_it_has_the_same_network() -> None:
    driver = adopting(fleet(says("here", 4), says("there", 9)))
    assert driver.breaker.state is State.OPEN
    alone = adopting(fleet(says("here", 4)))
    assert alone.breaker.probe_in(alone.now) == 4.0


def test_where_there_is_one_host_anybody_is() -> None:
    assert adopting(fleet(says("gone"), hosts=1)).breaker.state is State.OPEN


def test_of_two_times_the_longer_one_holds() -> None:
    driver = Driver()
    driver.trip()
    driver.breaker.adopt(fleet(says("there", 2.0)), "here", driver.now)
    assert driver.breaker.probe_in(driver.now) == 3.75
    driver.breaker.adopt(fleet(says("there", 9.0)), "here", driver.now)  # with this one two hosts say so
    assert driver.breaker.probe_in(driver.now) == 9.0


def test_who_is_open_by_the_word_of_others_waits_for_one_of_them_as_well() -> None:
    driver = adopting(fleet(seconds=(BAD,) * 30))
    assert driver.breaker.reason is Reason.FLEET
    driver.breaker.adopt(fleet(says("there", 12)), "here", driver.now)
    assert driver.breaker.probe_in(driver.now) == 12.0


def test_no_other_keeps_it_open_for_more_than_thirty_seconds() -> None:
    driver = adopting(fleet(says("here", 1e9)))
    assert driver.breaker.probe_in(driver.now) == 30.0


def test_an_open_of_this_hosts_own_trouble_is_not_told_and_makes_no_second_host() -> None:
    driver = Driver()
    driver.fail(10, Verdict.UNREACHED)
    assert not driver.breaker.speaks
    driver.breaker.adopt(fleet(says("there", 9.0)), "here", driver.now)
    assert driver.breaker.probe_in(driver.now) == 3.75


def test_what_was_adopted_is_not_told_on() -> None:
    assert not adopting(fleet(says("here"))).breaker.speaks
    tripped = Driver()
    tripped.trip()
    assert tripped.breaker.speaks


@pytest.mark.parametrize("half_open", [False, True])
def test_where_a_probe_of_another_closed_its_breaker_this_one_closes_too(half_open: bool) -> None:  # noqa: FBT001
    driver = Driver()
    driver.half_open() if half_open else driver.trip()
    driver.breaker.adopt(fleet(recovered=True), "here", driver.now)
    assert (driver.breaker.state, driver.breaker.share(driver.now)) == (State.CLOSED, 0.1)
    assert not driver.breaker.take_recovered()


def test_but_not_where_this_host_cannot_reach_it() -> None:
    driver = Driver()
    driver.fail(10, Verdict.UNREACHED)
    driver.breaker.adopt(fleet(recovered=True), "here", driver.now)
    assert driver.breaker.state is State.OPEN


def test_half_open_it_goes_on_with_its_own_probes() -> None:
    driver = Driver()
    driver.half_open()
    driver.breaker.adopt(fleet(says("there"), says("yonder"), seconds=(BAD,) * 30), "here", driver.now)
    assert driver.breaker.state is State.HALF_OPEN


def test_its_own_recovery_is_told_once() -> None:
    driver = Driver()
    driver.close()
    assert [driver.breaker.take_recovered() for _ in range(2)] == [True, False]


def test_counts_are_told_once_and_connections_that_failed_never() -> None:
    driver = Driver()
    driver.ok(3)
    driver.slow()
    driver.fail(2)
    driver.fail(1, Verdict.TIMEOUT)
    driver.fail(1, Verdict.UNREACHED)
    driver.fail(1, Verdict.THROTTLED)
    assert driver.breaker.take_counts(driver.now) == Counts(ok=3, slow=1, failed=3, throttled=1)
    assert driver.breaker.take_counts(driver.now) == Counts()
