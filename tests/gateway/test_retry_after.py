from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.retry_after import seconds

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((b"7", 7), (b" 7 ", 7), (b"60", 60), (b"61", 60), (b"600", 60), (b"9" * 5000, 60), (b"007", 7)),
        *((b"", 0), (b"0", 0), (b"-1", 0), (b"1.5", 0), (b"+5", 0), (b"soon", 0), (b"\xff", 0), ("٣".encode(), 0)),
        (b"Wed, 21 Oct 2026 07:28:09 GMT", 9),
        (b"Wednesday, 21-Oct-26 07:28:09 GMT", 9),
        (b"Wed, 21 Oct 2026 09:28:09 +0200", 9),
        (b"Wed, 21 Oct 2026 07:27:00 GMT", 0),
        (b"Wed, 21 Oct 2026 07:28:00 GMT", 0),
        (b"Thu, 21 Oct 2027 07:28:00 GMT", 60),
        (b"Wed, 41 Oct 2026 07:28:09 GMT", 0),
        (b"Wed, 21 Oct 99999 07:28:09 GMT", 0),
    ],
)
def test_a_wait_is_read_from_seconds_or_a_date_and_nonsense_is_none(value: bytes, read: int) -> None:
    assert seconds(value, NOW_MS) == read


def test_a_date_is_waited_for_to_its_end() -> None:
    assert seconds(b"Wed, 21 Oct 2026 07:28:09 GMT", NOW_MS + 1) == 9


@given(st.binary(max_size=60), st.integers(0, 2**45))
def test_whatever_comes_a_wait_is_a_minute_at_most(value: bytes, now_ms: int) -> None:
    assert 0 <= seconds(value, now_ms) <= 60


@given(st.integers(-100_000, 100_000))
def test_a_date_is_as_good_as_its_distance(distance: int) -> None:
    value = format_datetime(NOW + timedelta(seconds=distance), usegmt=True).encode()
    assert seconds(value, NOW_MS) == min(max(distance, 0), 60)
