from __future__ import annotations

from gateway.idempotency import DAY_MS, Running
from gateway.lately import Lately
from tests.fakes.clock import START_MS
from tests.gateway.claims import asked, charged

LATER = START_MS + 1000


def test_what_runs_here_is_known_to_its_retry_and_to_nobody_else() -> None:
    lately = Lately()
    lately.run(asked(1))
    assert lately.find(asked(2), START_MS) == Running(asked(1).uid, asked(1).digests[0])
    assert lately.find(asked(3, name="trace-2"), START_MS) is None
    assert lately.running == [asked(1)]


def test_what_was_free_is_forgotten() -> None:
    lately = Lately()
    lately.run(asked(1))
    lately.end(asked(1), None, LATER)
    assert lately.find(asked(2), START_MS) is None
    assert lately.running == []


def test_what_was_charged_is_known_until_its_time() -> None:
    lately = Lately()
    lately.run(asked(1))
    lately.end(asked(1), charged(asked(1)), LATER)
    assert lately.find(asked(2), LATER - 1) == charged(asked(1))
    assert lately.find(asked(2), LATER) is None


def test_a_retry_of_the_next_day_finds_it_under_yesterdays_name() -> None:
    lately = Lately()
    lately.run(asked(1))
    tomorrow = asked(2, at_ms=START_MS + DAY_MS)
    assert lately.find(tomorrow, START_MS) == Running(asked(1).uid, asked(1).digests[0])


def test_no_more_than_so_many_are_remembered_the_oldest_goes_first() -> None:
    lately = Lately(most=2)
    for number in (1, 2, 1, 3):
        one = asked(number, name=f"trace-{number}")
        lately.end(one, charged(one), LATER)
    known = [lately.find(asked(9, name=f"trace-{number}"), START_MS) is not None for number in (1, 2, 3)]
    assert known == [True, False, True]
