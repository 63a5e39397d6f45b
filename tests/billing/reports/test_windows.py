"""Spans of time: half-open, whole steps, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.reports.windows import LENGTH, Span, Step, window

NOW = datetime(2026, 11, 23, 14, 3, 20, tzinfo=UTC)
moments = st.integers(1_600_000_000, 2_800_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.parametrize(
    ("span", "start", "end", "step", "buckets"),
    [
        (Span.DAY, "2026-11-22T15", "2026-11-23T15", Step.HOUR, 24),
        (Span.WEEK, "2026-11-17T00", "2026-11-24T00", Step.DAY, 7),
        (Span.THIRTY_DAYS, "2026-10-25T00", "2026-11-24T00", Step.DAY, 30),
        (Span.MONTH, "2026-11-01T00", "2026-11-24T00", Step.DAY, 23),
    ],
)
def test_a_window_ends_with_the_step_that_now_is_in(span: Span, start: str, end: str, step: Step, buckets: int) -> None:
    found = window(span, NOW)
    assert (f"{found.start:%Y-%m-%dT%H}", f"{found.end:%Y-%m-%dT%H}", found.step) == (start, end, step)
    assert (found.start.tzinfo, found.start.minute, found.start.second) == (UTC, 0, 0)
    assert len(found.starts()) == buckets


@given(st.sampled_from(Span), moments)
def test_the_steps_tile_the_window_and_one_of_them_holds_now(span: Span, now: datetime) -> None:
    found = window(span, now)
    starts = found.starts()
    assert starts[0] == found.start
    assert starts[-1] + LENGTH[found.step] == found.end
    assert starts[-1] <= now < found.end
    assert all(later - sooner == LENGTH[found.step] for sooner, later in pairwise(starts))
    assert all(span.label for span in Span)
    assert found.end - found.start <= timedelta(days=31)
