from __future__ import annotations

from dataclasses import replace

from gateway.breaker.views import Counts, State, UpstreamView
from gateway.metrics.cells import Cells
from gateway.metrics.exposition import page
from gateway.metrics.gauges import Gauges, Load

CLOSED = UpstreamView(
    name="first",
    state=State.CLOSED,
    reason="",
    probe_in=None,
    throttled_for=0.0,
    suspect=False,
    draining=False,
    share=1.0,
    trips=0,
    in_flight=3,
    places=256,
    window=Counts(ok=5),
)
OPEN = replace(CLOSED, state=State.OPEN, reason="timeouts", probe_in=4.0, trips=1, share=0.0, in_flight=0)


class Process:
    """A process whose upstreams are set by hand."""

    def __init__(self) -> None:
        self.cells = Cells()
        self.views: tuple[UpstreamView, ...] = ()
        self.load = Load()
        self._gauges = Gauges(self.cells, lambda: self.load, lambda: self.views)

    def shows(self, *views: UpstreamView) -> dict[str, float]:
        """Every sample by its name and labels, after a look at `views`."""
        self.views = views
        self._gauges.refresh()
        text = page(self.cells.readings(), "").body.decode()
        samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}


def test_a_state_is_one_and_the_others_are_none() -> None:
    shown = Process().shows(CLOSED)
    assert {name: value for name, value in shown.items() if "state" in name} == {
        'pylo_upstream_state{state="closed",upstream="first"}': 1,
        'pylo_upstream_state{state="half_open",upstream="first"}': 0,
        'pylo_upstream_state{state="open",upstream="first"}': 0,
    }
    assert shown['pylo_upstream_in_flight{upstream="first"}'] == 3
    assert shown['pylo_upstream_places{upstream="first"}'] == 256
    assert 'pylo_upstream_probe_in_seconds{upstream="first"}' not in shown


def test_an_open_one_has_a_reason_and_a_next_probe_until_it_is_closed() -> None:
    process = Process()
    reason, probe = (
        'pylo_upstream_reason{reason="timeouts",upstream="first"}',
        'pylo_upstream_probe_in_seconds{upstream="first"}',
    )
    shown = process.shows(OPEN)
    assert (shown[reason], shown[probe]) == (1, 4.0)
    assert {reason, probe} & process.shows(CLOSED).keys() == set()


def test_trips_are_counted_on_when_the_breaker_has_forgotten_them() -> None:
    process = Process()
    trips = 'pylo_breaker_trips_total{upstream="first"}'
    seen = [process.shows(replace(OPEN, trips=number))[trips] for number in (1, 3, 3, 0, 1)]
    assert seen == [1, 3, 3, 3, 4]


def test_the_load_of_the_process_is_shown() -> None:
    process = Process()
    process.load = Load(in_flight=7, body_bytes=1024, lag=0.25)
    shown = process.shows()
    assert (shown["pylo_in_flight"], shown["pylo_body_bytes"], shown["pylo_event_loop_lag_seconds"]) == (7, 1024, 0.25)
    assert shown["pylo_processes"] == 1
