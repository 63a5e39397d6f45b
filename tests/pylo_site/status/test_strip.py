from __future__ import annotations

import pytest

from pylo_site.status.strip import HIGH, WIDE, Slot, scale_end, strip


def slot(requests: int = 100, failed: int = 0, first_token: int | None = None) -> Slot:
    return Slot("", requests, failed, first_token)


@pytest.mark.parametrize(
    ("requests", "failed", "css"),
    [
        (0, 0, "strip-none"),
        (1000, 9, "strip-ok"),
        (1000, 10, "strip-warn"),
        (1000, 99, "strip-warn"),
        (1000, 100, "strip-bad"),
        (1, 1, "strip-bad"),
    ],
)
def test_a_bars_colour_is_the_share_that_failed(requests: int, failed: int, css: str) -> None:
    assert [bar.css for bar in strip([slot(requests, failed)]).bars] == [css]


def test_bars_fill_the_width_from_old_to_new() -> None:
    bars = strip([slot()] * 48).bars
    assert [(bar.x, bar.width) for bar in (bars[0], bars[1], bars[-1])] == [(0, 8), (10, 8), (470, 8)]
    assert all(0 <= bar.x < bar.x + bar.width <= WIDE for bar in bars)


def test_the_line_joins_neighbours_and_leaves_gaps_open() -> None:
    times = [100, 50, None, 0, None, 100, 100]
    picture = strip([slot(first_token=time) for time in times])
    assert picture.top == 100
    assert picture.lines == ("M33 4L101 50", "M238 96h1", "M375 4L444 4")
    assert picture.high == HIGH


def test_without_times_there_is_no_line() -> None:
    assert (strip([slot()] * 3).lines, strip([slot()]).top) == ((), None)


@pytest.mark.parametrize(("most", "end"), [(1, 1), (2, 2), (3, 5), (7, 10), (460, 500), (1800, 2000), (5001, 10_000)])
def test_the_scale_ends_at_a_round_number(most: int, end: int) -> None:
    assert scale_end([0, most]) == end
