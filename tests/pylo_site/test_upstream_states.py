from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from gateway.breaker.views import Counts, State
from pylo_site import upstream_states
from pylo_site.upstream_states import FleetReport
from tests.pylo_site.telling import own_redis, tell, view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with own_redis(settings) as url:
        yield url


def test_nothing_told_is_nothing_known(url: str) -> None:
    assert upstream_states.read() == FleetReport(available=True, upstreams=())


def test_a_redis_that_is_away_is_said_to_be(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert upstream_states.read() == FleetReport(available=False, upstreams=())


def test_one_process_is_reported_as_it_told(url: str) -> None:
    window = Counts(1, 2, 3, 4, 5)
    shown = view("u", state=State.OPEN, reason="why", probe_in=3.5, in_flight=7, window=window)
    tell(url, shown, view("v"))
    first, second = upstream_states.read().upstreams
    assert (first.name, first.state, first.reason, first.probe_in) == ("u", State.OPEN, "why", 3.5)
    assert (first.in_flight, first.places, first.window, first.processes) == (7, 100, window, 1)
    assert [(each.process, each.view) for each in first.by_process] == [("a:1", shown)]
    assert (second.name, second.state, second.reason, second.probe_in) == ("v", State.CLOSED, "", None)


def test_processes_are_added_up_and_their_majoritys_state_counts(url: str) -> None:
    tell(url, view("u", reason="once", in_flight=1, window=Counts(ok=1)), process="1")
    tell(url, view("u", state=State.OPEN, reason="dead", probe_in=9.0, throttled_for=2.0, draining=True), process="2")
    tell(url, view("u", in_flight=2, window=Counts(ok=2, failed=3)), host="b")
    (report,) = upstream_states.read().upstreams
    assert (report.state, report.reason, report.probe_in) == (State.CLOSED, "", None)
    assert (report.in_flight, report.places, report.processes) == (3, 300, 3)
    assert (report.window, report.throttled_for, report.draining) == (Counts(ok=3, failed=3), 2.0, True)


def test_of_two_states_in_as_many_processes_the_worse_counts(url: str) -> None:
    tell(url, view("u"), process="1")
    tell(url, view("u", state=State.OPEN, reason="slow", probe_in=4.0), process="2")
    tell(url, view("u", state=State.OPEN, reason="dead", probe_in=2.0), process="3")
    tell(url, view("u"), process="4")
    (report,) = upstream_states.read().upstreams
    assert (report.state, report.probe_in) == (State.OPEN, 2.0)


def test_a_process_that_is_gone_or_of_another_release_is_left_out(url: str) -> None:
    for process in "123":
        tell(url, view("u"), process=process)
    with redis.Redis.from_url(url) as client:
        client.delete("pylo:brk:view:a:1")
        client.set("pylo:brk:view:a:2", b'[{"name": "u", "places": "many"}]')
    (report,) = upstream_states.read().upstreams
    assert [each.process for each in report.by_process] == ["a:3"]
