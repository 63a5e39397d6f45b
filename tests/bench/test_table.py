from __future__ import annotations

from bench import table
from bench.figures import summaries
from bench.profiling import Hot
from tests.bench.test_figures import load, measured

ROUNDS = [
    measured("direct", "latency", of=load(requests=100, p50_us=200, p99_us=500), cpu=0.0, memory=0.0),
    measured("direct", "whole", of=load(requests=160_000), cpu=0.0, memory=0.0),
    measured("pylo", "latency", of=load(requests=100, p50_us=1200, p99_us=4500), cpu=0.02),
    measured("pylo", "whole", of=load(requests=12_000), cpu=2.4),
    measured("pylo", "burst", of=load(events=200_000), cpu=2.0),
]


def test_a_systems_line_has_what_was_measured_and_dashes_elsewhere() -> None:
    row = table.row(summaries(ROUNDS), "pylo", "direct")
    told = ["pylo", "6 000", "100", "100 000", "5.0", "–", "–", "1.20", "4.50", "1.00", "4.00", "100", "0"]
    assert row == told


def test_direct_adds_nothing_and_has_no_process() -> None:
    row = table.row(summaries(ROUNDS), "direct", "direct")
    assert row == ["direct", "80 000", "–", "–", "–", "–", "–", "0.20", "0.50", "–", "–", "–", "0"]


def test_the_columns_line_up() -> None:
    lines = table.table(summaries(ROUNDS), "direct").splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1


def test_how_many_times_another_ours_is_is_said_in_words() -> None:
    rounds = [*ROUNDS, measured("litellm", "whole", of=load(requests=160))]
    assert table.ratios(summaries(rounds), "pylo", ["nginx", "litellm"]) == [
        "pylo beside litellm: 75.00 × its requests/s, – × its burst events/s, – × its paced events/s"
    ]


def test_one_measurement_is_one_line() -> None:
    told = table.line(measured("pylo", "burst", of=load(events=200_000, errors=2)))
    assert told == "pylo           500 req/s   100 000 events/s  p50 2.00 ms  p99 9.00 ms  CPU 0.40 s  2 ERRORS"


def test_a_profile_is_a_share_and_a_function_a_line() -> None:
    assert table.profile([Hot("send (socket.py)", 0.125)]) == " 12.5%  send (socket.py)"
