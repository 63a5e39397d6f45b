"""What operators can expect of the defaults: docs/decisions/0011 has the table, here are its bounds."""

from __future__ import annotations

from statistics import median

import pytest

from gateway.breaker.views import State
from tests.gateway.breaker.simulating import HANG, HARD, MOSTLY, SLOW, WELL, Health, Simulation, outage

BEGINS, ENDS = 40.0, 160.0
ONE_HOST = ("one",) * 10
THREE_HOSTS = ("one", "two", "three") * 2


def outages(health: Health, rate: float, seeds: int, hosts: tuple[str, ...] = ("one",)) -> list[Simulation]:
    made = [Simulation(rate, outage(health, BEGINS, ENDS), seed, hosts=hosts) for seed in range(seeds)]
    for each in made:
        each.run(ENDS + 70)
    return made


def time_to_trip(made: list[Simulation]) -> float:
    return median(min(each.seen.opened, default=float("inf")) for each in made) - BEGINS


def time_to_close(made: list[Simulation]) -> float:
    return median(max(each.seen.closed, default=float("inf")) for each in made) - ENDS


@pytest.mark.parametrize(
    ("health", "rate", "trip", "close", "failovers"),
    [
        (HARD, 0.2, 25, 75, 10),
        (HARD, 2, 4, 33, 17),
        (HARD, 50, 1.6, 33, 85),
        (HANG, 0.2, 25, 75, 10),
        (HANG, 2, 11, 33, 20),
        (HANG, 50, 8.3, 33, 215),
        (MOSTLY, 2, 8, 33, 25),
        (MOSTLY, 50, 5, 33, 150),
        (SLOW, 0.2, 35, 75, 5),
        (SLOW, 2, 21, 33, 5),
        (SLOW, 50, 11, 33, 6),
    ],
)
def test_an_outage_of_two_minutes_trips_and_closes_in_time(
    health: Health, rate: float, trip: float, close: float, failovers: int
) -> None:
    made = outages(health, rate, 9 if rate < 50 else 2)
    assert all(State.OPEN not in each.states for each in made)
    assert time_to_trip(made) <= trip
    assert time_to_close(made) <= close
    assert median(each.seen.failovers for each in made) <= failovers
    assert [(each.seen.errors, each.seen.most_probing) for each in made] == [(0, 1)] * len(made)


def test_failures_that_come_seldom_are_left_to_failover() -> None:
    made = outages(MOSTLY, 0.2, 9)
    assert [each.seen.errors for each in made] == [0] * 9
    assert max(each.seen.failovers for each in made) <= 20


@pytest.mark.parametrize("hosts", [ONE_HOST, THREE_HOSTS])
def test_many_processes_trip_and_probe_as_one(hosts: tuple[str, ...]) -> None:
    made = outages(HARD, 2, 3, hosts)
    assert time_to_trip(made) <= 5
    assert time_to_close(made) <= 40
    assert [each.seen.most_probing for each in made] == [1] * 3
    assert median(each.seen.failed_probes for each in made) <= 8  # of one process it is 6
    assert median(each.seen.failovers for each in made) <= 25


@pytest.mark.parametrize("rate", [5, 20])
def test_one_host_with_a_broken_network_does_not_turn_the_others(rate: float) -> None:
    simulation = Simulation(rate, lambda _: WELL, seed=1, hosts=THREE_HOSTS, unplugged="two")
    simulation.run(300)
    well = [state for state, host in zip(simulation.states, THREE_HOSTS, strict=True) if host != "two"]
    assert well == [State.CLOSED] * 4
    assert len(simulation.seen.closed) == 0


@pytest.mark.parametrize("base", [0.01, 0.05])
@pytest.mark.parametrize(("rate", "hours"), [(50, 0.2), (2, 1)])
def test_usual_errors_trip_nothing(base: float, rate: float, hours: float) -> None:
    seen = Simulation(rate, lambda _: WELL, seed=1, base=base).run(hours * 3600)
    assert seen.opened == []


def flapping(now: float) -> Health:
    return WELL if now % 10 < 5 else HARD


def test_an_upstream_that_flaps_for_an_hour_costs_no_customer_anything() -> None:
    seen = Simulation(5, flapping, seed=1).run(3600)
    assert (seen.errors, seen.most_probing) == (0, 1)
    assert seen.failed_probes == seen.reasons.count("probe")  # one each time that it was open
    assert seen.failovers < 0.02 * len(seen.requests)


def test_after_a_recovery_no_more_than_a_tenth_of_the_traffic_comes_back_at_first() -> None:
    seen = Simulation(200, outage(HARD, 5, 20), seed=1).run(60)
    closed = seen.closed[-1]
    asked = [_between(seen.requests, closed + after) for after in (0, 5, 10)]
    called = [_between(seen.called, closed + after) for after in (0, 5, 10)]
    assert (asked, called) == ([984, 959, 1029], [97, 238, 507])


def _between(moments: list[float], begin: float) -> int:
    return sum(begin <= at < begin + 5 for at in moments)
