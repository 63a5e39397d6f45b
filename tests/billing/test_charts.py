"""The chart's geometry: whole numbers that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import charts

AB = (charts.Series("a", "bar-a"), charts.Series("b", "bar-b"))


def drawn(*values: tuple[int, int]) -> charts.Chart:
    columns = [charts.Column(str(number), f"title {number}", pair) for number, pair in enumerate(values)]
    return charts.stacked(columns, AB, label=charts.compact)


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ([], (0, 1)),
        ([0, 0], (0, 1)),
        ([1], (0, 1)),
        ([10], (0, 5, 10)),
        ([11], (0, 5, 10, 15)),
        ([80, 3], (0, 20, 40, 60, 80)),
        ([2_601_900], (0, 1_000_000, 2_000_000, 3_000_000)),
    ],
)
def test_ticks_are_round_and_reach_the_tallest(totals: list[int], expected: tuple[int, ...]) -> None:
    assert charts.ticks(totals) == expected


@given(st.lists(st.integers(0, 2**63 - 1), max_size=40))
def test_ticks_are_few_and_the_last_is_at_or_above_all(totals: list[int]) -> None:
    values = charts.ticks(totals)
    assert 2 <= len(values) <= charts.TICKS + 1
    assert values[-1] >= max(totals, default=0)


def test_the_tallest_bar_ends_at_its_value_and_parts_stand_on_each_other() -> None:
    (bar,) = drawn((30, 50)).bars
    assert bar.segments == (charts.Segment("bar-a", 133, 75), charts.Segment("bar-b", 8, 125))


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)), min_size=1, max_size=40))
def test_every_bar_stays_in_the_picture_and_has_no_gap(values: list[tuple[int, int]]) -> None:
    for bar, pair in zip(drawn(*values).bars, values, strict=True):
        assert bool(bar.segments) == (sum(pair) > 0)
        below = charts.TOP + charts.TALL
        for segment in bar.segments:
            assert segment.height > 0
            assert segment.y + segment.height == below
            below = segment.y
        assert below >= charts.TOP


def test_a_value_too_small_for_a_pixel_still_gets_one() -> None:
    assert drawn((1, 0), (10**18, 0)).bars[0].segments == (charts.Segment("bar-a", charts.TOP + charts.TALL - 1, 1),)


def test_without_columns_there_is_a_scale_and_nothing_on_it() -> None:
    chart = drawn()
    assert (chart.bars, chart.marks) == ((), ())
    assert [tick.label for tick in chart.ticks] == ["0", "1"]


def test_one_column_is_no_wider_than_a_bar() -> None:
    (bar,) = drawn((1, 1)).bars
    assert (bar.slot_x, bar.slot_width, bar.x, bar.width) == ("0.00%", "100.00%", "47.00%", "6.00%")


@pytest.mark.parametrize(("columns", "marked"), [(1, 1), (6, 6), (7, 4), (24, 6), (30, 6), (31, 6)])
def test_marks_are_at_most_six(columns: int, marked: int) -> None:
    assert len(drawn(*[(1, 0)] * columns).marks) == marked


def test_the_last_column_is_always_marked() -> None:
    assert [mark.label for mark in drawn(*[(1, 0)] * 24).marks] == ["3", "7", "11", "15", "19", "23"]


@pytest.mark.parametrize(("most", "roomy"), [(10, False), (10**9, True)])
def test_long_words_on_the_scale_get_more_room(most: int, roomy: bool) -> None:  # noqa: FBT001 - a parameter of the test
    columns = [charts.Column("a", "title", (most, 0))]
    assert charts.stacked(columns, AB, label=str).roomy is roomy


def test_a_lower_chart_keeps_its_proportions() -> None:
    columns = [charts.Column("a", "title", (30, 50))]
    chart = charts.stacked(columns, AB, label=charts.compact, tall=80)
    assert (chart.height, chart.drawn, chart.ticks[0].y) == (116, 80, 88)
    assert chart.bars[0].segments == (charts.Segment("bar-a", 58, 30), charts.Segment("bar-b", 8, 50))


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (950, "950"), (1500, "1.5K"), (20_000_000, "20M"), (10**9, "1B"), (5 * 10**13, "50T")],
)
def test_counts_are_worded_short(number: int, words: str) -> None:
    assert charts.compact(number) == words
