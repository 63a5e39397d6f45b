from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import Counts
from gateway.breaker.window import Window

SIZE = 30


def test_an_outcome_is_forgotten_with_its_bucket() -> None:
    window = Window(SIZE)
    window.add(Verdict.OK, 100.9, 100.9)
    assert window.last(SIZE, 129.99).ok == 1
    assert window.last(SIZE, 130.0).ok == 0


def test_the_running_second_is_one_of_those_asked_for() -> None:
    window = Window(SIZE)
    window.add(Verdict.FAILED, 10.0, 10.0)
    assert [window.last(5, 14.9).failed, window.last(5, 15.0).failed] == [1, 0]


def test_each_verdict_is_counted_where_it_belongs() -> None:
    window = Window(SIZE)
    for verdict in Verdict:
        if verdict is not Verdict.IGNORED:
            window.add(verdict, 1.0, 1.0)
    assert window.last(SIZE, 1.0) == Counts(ok=1, slow=1, failed=2, throttled=1, unreached=1)


def test_a_long_silence_empties_it() -> None:
    window = Window(SIZE)
    window.add(Verdict.OK, 5.0, 5.0)
    assert window.last(SIZE, 1e9) == Counts()


def test_a_clock_that_was_read_earlier_changes_nothing() -> None:
    window = Window(SIZE)
    window.add(Verdict.OK, 50.0, 50.0)
    window.add(Verdict.OK, 49.0, 49.0)
    assert window.last(SIZE, 49.0).ok == 2


@given(st.lists(st.floats(0, 200), max_size=60), st.integers(1, SIZE))
def test_it_counts_what_a_list_would(moments: list[float], seconds: int) -> None:
    window = Window(SIZE)
    for at in sorted(moments):
        window.add(Verdict.OK, at, at)
    now = max(moments, default=0.0)
    expected = sum(int(at) > int(now) - seconds for at in moments)
    assert window.last(seconds, now).ok == expected
