from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ledger_figures import Page, chunks, latency, latency_line, page_line, percentile, progress_line, rate_line


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (51, 3), (75, 3), (99, 4), (100, 4)])
def test_a_percentile_is_one_of_the_values(percent: int, value: float) -> None:
    assert percentile([4, 1, 3, 2], percent) == value


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)


def test_appends_are_compared_with_the_bare_write() -> None:
    bare, own = latency(None, [0.0001] * 10, 0.001), latency(32, [0.0002] * 10, 0.0005)
    assert (own.p50_us, own.per_second) == (200.0, 20_000.0)
    assert latency_line(own, bare).endswith("20 000/s  × 2.00 its time, × 2.00 its rate")
    assert latency_line(bare, bare).endswith("10 000/s")


def test_a_page_above_the_target_names_its_slowest_statement() -> None:
    page = Page(name="usage", queries=9, database_ms=100.1, database_most_ms=120, whole_ms=130, slowest="SELECT 1")
    assert page_line(page).endswith("ABOVE 100 ms: SELECT 1")
    fine = Page(name="usage", queries=9, database_ms=100.0, database_most_ms=120, whole_ms=130, slowest="SELECT 1")
    assert page_line(fine).endswith("page    130.0 ms")


def test_a_part_says_how_far_it_is_and_how_long_it_takes() -> None:
    assert progress_line("loading", 25, 100, 10.0) == "loading: 25 %, 10 s, 30 s left"
    assert progress_line("loading", 0, 0, 1.0) == "loading: 100 %, 1 s"
    assert rate_line("rollup", "of all", 1_000_000, 4.0).split("  ")[-1].strip() == "250 000/s"


@given(st.integers(0, 10_000), st.integers(1, 999))
def test_chunks_are_all_of_it_once_and_none_is_larger(total: int, size: int) -> None:
    parts = chunks(total, size)
    assert [number for part in parts for number in part] == list(range(total))
    assert all(0 < len(part) <= size for part in parts)
