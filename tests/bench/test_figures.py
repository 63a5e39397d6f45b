from __future__ import annotations

import pytest

from bench.figures import Measured, added_ms, ratio, summaries, summary
from bench.load import Load


def load(*, requests: int = 1000, events: int = 0, p50_us: int = 2000, p99_us: int = 9000, errors: int = 0) -> Load:
    return Load(
        seconds=2.0,
        requests=requests,
        events=events,
        errors=errors,
        all_requests=requests * 2,
        all_events=events * 2,
        p50_us=p50_us,
        p99_us=p99_us,
        first_p50_us=p50_us // 2,
        first_p99_us=p99_us // 2,
    )


def measured(
    system: str = "pylo", workload: str = "whole", *, of: Load | None = None, cpu: float = 0.4, memory: float = 100.0
) -> Measured:
    return Measured(system=system, workload=workload, load=of or load(), cpu_seconds=cpu, memory_mb=memory)


def test_the_median_of_the_rounds_is_what_is_told() -> None:
    rounds = [measured(of=load(requests=count, p50_us=count)) for count in (1000, 9000, 2000)]
    found = summary(rounds)
    assert (found.requests_per_second, found.p50_ms, found.first_p50_ms) == (1000.0, 2.0, 1.0)


def test_memory_is_the_most_there_was_and_errors_are_added() -> None:
    rounds = [measured(of=load(errors=2), memory=90.0), measured(of=load(errors=1), memory=110.0)]
    found = summary(rounds)
    assert (found.memory_mb, found.errors) == (110.0, 3)


def test_cpu_time_is_divided_by_what_came_in_the_warm_up_too() -> None:
    found = summary([measured(of=load(requests=1000, events=20_000), cpu=0.4)])
    assert found.cpu_us_per_request == pytest.approx(200.0)
    assert found.cpu_us_per_event == pytest.approx(10.0)


def test_cpu_time_of_a_few_ticks_is_not_divided() -> None:
    assert summary([measured(cpu=0.1)]).cpu_us_per_request is None


def test_without_events_there_is_no_cpu_time_for_each() -> None:
    assert summary([measured()]).cpu_us_per_event is None


def test_each_system_and_workload_has_one_summary_in_the_order_they_ran() -> None:
    names = [("direct", "whole"), ("pylo", "whole"), ("direct", "burst"), ("direct", "whole")]
    found = summaries([measured(*name) for name in names])
    assert [(each.system, each.workload) for each in found] == names[:3]


def test_a_ratio_is_of_requests_and_for_streams_of_events() -> None:
    rounds = [
        measured("pylo", "whole", of=load(requests=4000)),
        measured("litellm", "whole", of=load(requests=200)),
        measured("pylo", "burst", of=load(requests=1, events=9000)),
        measured("litellm", "burst", of=load(requests=1, events=1000)),
    ]
    found = summaries(rounds)
    assert [ratio(found, name, "pylo", "litellm") for name in ("whole", "burst", "paced")] == [20.0, 9.0, None]


def test_a_ratio_to_nothing_is_none() -> None:
    found = summaries([measured("pylo"), measured("litellm", of=load(requests=0))])
    assert ratio(found, "whole", "pylo", "litellm") is None


def test_what_a_system_adds_is_told_over_direct() -> None:
    rounds = [
        measured("direct", "latency", of=load(p50_us=200, p99_us=500)),
        measured("pylo", "latency", of=load(p50_us=1200, p99_us=4500)),
    ]
    found = summaries(rounds)
    assert added_ms(found, "latency", "pylo", "direct") == pytest.approx((1.0, 4.0))
    assert added_ms(found, "latency", "nginx", "direct") is None
