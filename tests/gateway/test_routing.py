from __future__ import annotations

from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from gateway.breaker.settings import BreakerSettings
from gateway.breaker.views import Counts, FleetView, RemoteOpen, State
from gateway.config import Upstream
from gateway.faults import FaultKind, UpstreamFault
from gateway.routing import Lease, Routing, Shed, ShedReason

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = 1000.0
SLOW_AFTER = 4.0
DOWN = UpstreamFault(FaultKind.STATUS, status=503)
HUNG = UpstreamFault(FaultKind.TIMEOUT)
NO_WARMING = BreakerSettings(warm_share=0.0)
LONG_OPEN = BreakerSettings(warm_share=0.0, open_first=60.0, open_longest=60.0)


def upstream(name: str, priority: int = 1, *, weight: int = 100, concurrency: int = 256) -> Upstream:
    return Upstream(
        name=name,
        dialect="openai",
        base_url="http://127.0.0.1:1",
        key="k",
        model="m",
        priority=priority,
        weight=weight,
        concurrency=concurrency,
    )


def routing(*upstreams: Upstream, draws: Iterable[float] = (0.5,), settings: BreakerSettings = NO_WARMING) -> Routing:
    drawn = cycle(draws)
    return Routing(upstreams, settings, draw=lambda: next(drawn), now=NOW, host="here")


def primary_and_fallback() -> Routing:
    return routing(upstream("fallback", 2), upstream("primary", 1))


def lease(routes: Routing, now: float = NOW, *tried: str) -> Lease:
    found = routes.lease(now, slow_after=SLOW_AFTER, tried=tried)
    assert found is not None
    return found


def chosen(routes: Routing, now: float = NOW, *tried: str) -> str | None:
    """Choose, and give the place back at once."""
    found = routes.lease(now, slow_after=SLOW_AFTER, tried=tried)
    if found is None:
        return None
    found.release(now)
    return found.upstream.name


def fail(routes: Routing, name: str, fault: UpstreamFault = DOWN, *, times: int = 1, now: float = NOW) -> None:
    others = [view.name for view in routes.views(now) if view.name != name]
    for _ in range(times):
        taken = lease(routes, now, *others)
        taken.failed(fault, now)
        taken.release(now)


def states(routes: Routing, now: float = NOW) -> dict[str, State]:
    return {view.name: view.state for view in routes.views(now)}


def half_open(routes: Routing, name: str) -> float:
    """Trip it and grant a probe; return when that is."""
    fail(routes, name, times=10)
    now = NOW + 3.75
    assert routes.wants_probe(now) == (name,)
    routes.grant_probe(name, now)
    return now


def test_the_best_priority_goes_first_and_the_same_one_never_twice() -> None:
    routes = primary_and_fallback()
    assert chosen(routes) == "primary"
    assert chosen(routes, NOW, "primary") == "fallback"
    assert chosen(routes, NOW, "primary", "fallback") is None


def test_upstreams_of_one_priority_share_the_traffic_by_weight() -> None:
    draws = [step / 100 for step in range(100)]
    routes = routing(upstream("a", weight=75), upstream("b", weight=25), draws=draws)
    assert Counter(chosen(routes) for _ in range(100)) == {"a": 75, "b": 25}


def test_one_of_weight_0_is_called_only_when_nothing_else_of_its_priority_is_there() -> None:
    draws = [step / 10 for step in range(10)]
    routes = routing(upstream("idle", weight=0), upstream("a"), upstream("later", 2), draws=draws)
    assert {chosen(routes) for _ in range(10)} == {"a"}
    assert chosen(routes, NOW, "a") == "idle"


def test_a_small_share_goes_to_the_next_priority_first() -> None:
    draws = [step / 200 for step in range(200)]
    routes = routing(upstream("a"), upstream("b", 2), upstream("c", 3), draws=draws, settings=BreakerSettings())
    assert Counter(chosen(routes) for _ in range(200)) == {"a": 198, "b": 2}


def test_a_second_attempt_warms_nothing() -> None:
    routes = routing(upstream("a"), upstream("b", 2), upstream("c", 3), draws=[0.0], settings=BreakerSettings())
    assert (chosen(routes), chosen(routes, NOW, "a")) == ("b", "b")


def test_a_full_one_is_passed_by_and_a_place_is_given_back_once() -> None:
    routes = routing(upstream("a", concurrency=1), upstream("b", 2))
    taken = lease(routes)
    assert (taken.upstream.name, chosen(routes)) == ("a", "b")
    taken.release(NOW)
    taken.release(NOW)
    assert chosen(routes) == "a"
    assert [view.in_flight for view in routes.views(NOW)] == [0, 0]


def test_an_open_one_is_passed_by() -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", times=10)
    assert (states(routes)["primary"], chosen(routes)) == (State.OPEN, "fallback")


def test_a_drained_one_is_passed_by_until_it_is_restored() -> None:
    routes = primary_and_fallback()
    routes.drain("primary")
    routes.drain("nobody")
    assert (chosen(routes), routes.views(NOW)[0].draining) == ("fallback", True)
    routes.restore("primary")
    assert chosen(routes) == "primary"


def test_a_throttled_one_is_passed_by_until_its_time_and_comes_back_with_half_its_places() -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=7), times=1)
    assert [chosen(routes, NOW + after) for after in (0, 6.9, 7)] == ["fallback", "fallback", "primary"]
    assert (routes.views(NOW)[0].places, states(routes)["primary"]) == (128, State.CLOSED)


def test_a_suspect_one_is_called_after_the_others_but_is_called() -> None:
    routes = primary_and_fallback()
    for _ in range(3):
        lease(routes)
    assert chosen(routes, NOW + 4.1) == "fallback"
    assert chosen(routes, NOW + 4.1, "fallback") == "primary"
    assert chosen(routes, NOW + 9.1) == "primary"


def test_a_half_open_one_takes_one_probe_at_a_time_as_a_requests_first_choice() -> None:
    routes = primary_and_fallback()
    now = half_open(routes, "primary")
    probe = lease(routes, now)
    assert (probe.upstream.name, probe.probe, probe.patience) == ("primary", True, SLOW_AFTER)
    other = lease(routes, now)
    assert (other.upstream.name, other.probe, other.patience) == ("fallback", False, None)
    probe.release(now)
    assert lease(routes, now).probe


def test_a_request_that_failed_once_is_no_probe_unless_nothing_else_is_there() -> None:
    routes = routing(upstream("a"), upstream("b", 2), upstream("c", 3))
    now = half_open(routes, "c")
    assert chosen(routes, now, "a") == "b"
    assert lease(routes, now, "a", "b").probe


def test_one_that_has_just_closed_gets_a_tenth_and_all_where_nothing_else_is_there() -> None:
    routes = routing(upstream("a"), upstream("b", 2))
    fail(routes, "a", times=10)
    now = NOW + 5
    routes.grant_probe("a", now)
    for _ in range(3):
        probe = lease(routes, now)
        probe.first_token(now)
        probe.release(now)
    assert states(routes, now)["a"] is State.CLOSED
    assert Counter(chosen(routes, now) for _ in range(201)) == {"a": 20, "b": 181}
    assert chosen(routes, now, "b") == "a"


@pytest.mark.parametrize(
    ("kind", "status", "window"),
    [
        (FaultKind.CONNECT, 0, Counts(unreached=1)),
        (FaultKind.TIMEOUT, 0, Counts(failed=1)),
        (FaultKind.STATUS, 500, Counts(failed=1)),
        (FaultKind.STATUS, 408, Counts(failed=1)),
        (FaultKind.STATUS, 415, Counts()),
        (FaultKind.ACCOUNT, 401, Counts(failed=1)),
        (FaultKind.THROTTLED, 429, Counts(throttled=1)),
        (FaultKind.REFUSED, 400, Counts()),
        (FaultKind.NOT_A_STREAM, 0, Counts(failed=1)),
        (FaultKind.MALFORMED, 0, Counts(failed=1)),
        (FaultKind.ERROR_EVENT, 0, Counts(failed=1)),
        (FaultKind.EMPTY, 0, Counts(failed=1)),
        (FaultKind.TRUNCATED, 0, Counts(failed=1)),
        (FaultKind.CUT, 0, Counts(failed=1)),
        (FaultKind.STALLED, 0, Counts(failed=1)),
    ],
)
def test_each_fault_counts_as_what_it_says_of_the_upstream(kind: FaultKind, status: int, window: Counts) -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", UpstreamFault(kind, status=status))
    assert routes.views(NOW)[0].window == window


@pytest.mark.conformance(154)
def test_customers_mistakes_trip_nothing() -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", UpstreamFault(FaultKind.REFUSED, status=400), times=100)
    assert (states(routes)["primary"], chosen(routes)) == (State.CLOSED, "primary")


def test_a_lease_that_is_told_nothing_says_nothing() -> None:
    routes = primary_and_fallback()
    lease(routes).release(NOW)
    assert routes.views(NOW)[0].window == Counts()


def test_a_break_after_the_first_token_counts_as_a_failure() -> None:
    routes = primary_and_fallback()
    taken = lease(routes)
    taken.first_token(NOW + 1)
    taken.failed(UpstreamFault(FaultKind.CUT), NOW + 2)
    taken.release(NOW + 2)
    assert routes.views(NOW + 2)[0].window == Counts(ok=1, failed=1)


def test_a_first_token_that_did_not_come_costs_places() -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", HUNG)
    assert routes.views(NOW)[0].places == 179


def test_all_throttled_is_told_with_the_shortest_wait() -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=40))
    fail(routes, "fallback", UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=20))
    assert routes.shed(NOW + 3) == Shed(ShedReason.THROTTLED, 17.0)
    assert routes.shed(NOW + 19.5) == Shed(ShedReason.THROTTLED, 1.0)
    assert routes.shed(NOW + 3, ("fallback",)) == Shed(ShedReason.THROTTLED, 37.0)


def test_any_open_one_is_told_with_the_next_probe() -> None:
    routes = primary_and_fallback()
    fail(routes, "primary", times=10)
    fail(routes, "fallback", UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=20))
    assert routes.shed(NOW) == Shed(ShedReason.UNHEALTHY, 3.75)
    assert routes.shed(NOW + 10) == Shed(ShedReason.UNHEALTHY, 1.0)


@pytest.mark.parametrize(("retry_after", "told"), [(2, 2.0), (15, 15.0), (50, 30.0)])
def test_the_wait_is_for_whichever_may_take_a_call_first(retry_after: int, told: float) -> None:
    routes = routing(upstream("a"), upstream("b", 2), settings=LONG_OPEN)
    fail(routes, "a", times=10)
    fail(routes, "b", UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=retry_after))
    assert routes.shed(NOW) == Shed(ShedReason.UNHEALTHY, told)


def test_one_that_has_only_failed_or_is_only_full_may_take_a_call_soon() -> None:
    routes = routing(upstream("a"), upstream("b", 2), settings=LONG_OPEN)
    fail(routes, "a", times=10)
    fail(routes, "b")
    assert routes.shed(NOW) == Shed(ShedReason.UNHEALTHY, 5)


def test_full_ones_are_told_as_such() -> None:
    routes = routing(upstream("a", concurrency=1))
    lease(routes)
    assert routes.lease(NOW, slow_after=SLOW_AFTER) is None
    assert routes.shed(NOW) == Shed(ShedReason.FULL, 5)


def test_when_all_are_drained_it_is_told_with_half_a_minute() -> None:
    routes = routing(upstream("a"))
    routes.drain("a")
    assert (chosen(routes), routes.shed(NOW)) == (None, Shed(ShedReason.UNHEALTHY, 30.0))


def test_the_fleet_is_told_of_opens_by_what_this_process_saw() -> None:
    routes = routing(upstream("a"), upstream("b"), upstream("c"))
    fail(routes, "a", times=10)
    fail(routes, "b", UpstreamFault(FaultKind.CONNECT), times=10)
    routes.adopt("c", FleetView(open=(RemoteOpen("here", 9.0, "run"),)), NOW + 3)
    assert states(routes) == dict.fromkeys("abc", State.OPEN)
    assert routes.published(NOW + 3) == {"a": RemoteOpen("here", 0.75, "run")}
    assert routes.take_counts(NOW) == {"a": Counts(failed=10), "b": Counts(), "c": Counts()}


def test_a_drained_or_throttled_one_asks_for_no_probe() -> None:
    routes = routing(upstream("a"), upstream("b"))
    fail(routes, "a", times=10)
    fail(routes, "b", UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=60))
    fail_open = NOW + 5
    assert routes.wants_probe(fail_open) == ("a",)
    routes.drain("a")
    assert routes.wants_probe(fail_open) == ()


def test_a_recovery_by_probes_of_this_process_is_told_once() -> None:
    routes = primary_and_fallback()
    now = half_open(routes, "primary")
    for _ in range(3):
        probe = lease(routes, now)
        probe.first_token(now)
        probe.release(now)
    assert [routes.take_recovered(), routes.take_recovered()] == [("primary",), ()]
