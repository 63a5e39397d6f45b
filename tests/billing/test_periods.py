"""Half-open hours and months of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.periods import Period, hour_of, joined, month_before, month_of, whole_hours

moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as asked for


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@given(moments)
def test_rule_26_a_moment_is_in_one_hour_and_one_month_and_not_in_the_next(moment: datetime) -> None:
    for span in (hour_of, month_of):
        period = span(moment)
        assert moment in period
        assert period.end not in period
        assert span(period.end).start == period.end


def test_a_month_has_the_days_it_has() -> None:
    assert month_of(utc(2026, 2, 28, 23, 59)) == Period(utc(2026, 2, 1), utc(2026, 3, 1))
    assert month_of(utc(2026, 12, 31)) == Period(utc(2026, 12, 1), utc(2027, 1, 1))
    assert month_before(utc(2026, 1, 1)) == Period(utc(2025, 12, 1), utc(2026, 1, 1))


def test_an_hour_is_utc_whatever_zone_the_moment_came_in() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    assert hour_of(datetime(2026, 10, 14, 18, 0, tzinfo=kathmandu)) == Period(
        utc(2026, 10, 14, 12), utc(2026, 10, 14, 13)
    )


def test_a_period_that_is_empty_or_not_utc_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(utc(2026, 1, 1), utc(2026, 1, 1))
    with pytest.raises(ValueError, match="in UTC"):
        Period(datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001 - that is the point


def test_a_period_widens_to_the_hours_it_touches() -> None:
    inside = Period(utc(2026, 10, 14, 12, 30), utc(2026, 10, 14, 14, 0))
    assert whole_hours(inside) == Period(utc(2026, 10, 14, 12), utc(2026, 10, 14, 14))


def test_a_period_is_cut_at_midnight() -> None:
    days = list(Period(utc(2026, 10, 14, 12), utc(2026, 10, 16)).days())
    assert days == [
        Period(utc(2026, 10, 14, 12), utc(2026, 10, 15)),
        Period(utc(2026, 10, 15), utc(2026, 10, 16)),
    ]


def test_periods_that_touch_or_overlap_are_joined() -> None:
    one, two, four = (hour_of(utc(2026, 10, 14, hour)) for hour in (1, 2, 4))
    assert joined([four, two, one, one]) == [Period(one.start, two.end), four]
