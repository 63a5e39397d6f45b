from __future__ import annotations

import json

import pytest

from bench.load import WORKLOADS, Workload, read
from pylo_site.local.trouble import Trouble

LINE = (
    '{"seconds":2.000,"requests":100,"events":7,"errors":0,"all_requests":115,"all_events":9,'
    '"p50_us":184,"p99_us":2093,"first_p50_us":183,"first_p99_us":2092}\n'
)


def test_the_generators_line_is_read() -> None:
    found = read(LINE)
    assert (found.seconds, found.requests, found.all_events, found.first_p99_us) == (2.0, 100, 9, 2092)


@pytest.mark.parametrize("text", ["", "{}", LINE[:-4], LINE.replace("100", '"many"')])
def test_anything_else_is_told(text: str) -> None:
    with pytest.raises(Trouble, match="something else"):
        read(text)


def test_the_prompt_tells_the_mock_what_to_answer() -> None:
    workload = Workload(name="paced", connections=50, stream=True, chunks=200, pace=20)
    asked = json.loads(workload.body)
    assert asked["stream"] is True
    assert asked["messages"][0]["content"].endswith("chunks=200 pace=20")


def test_every_workload_has_a_name_of_its_own() -> None:
    assert len({workload.name for workload in WORKLOADS}) == len(WORKLOADS) == 4
