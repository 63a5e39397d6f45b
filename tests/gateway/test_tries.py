from __future__ import annotations

from gateway.faults import FaultKind
from gateway.tries import Tries
from gateway.usage import Try


def test_each_upstream_that_was_asked_is_kept_with_its_end_and_its_time() -> None:
    tries = Tries()
    tries.asks("first", 100.0)
    tries.failed(FaultKind.STATUS, 503, 100.012)
    tries.asks("second", 100.013)
    tries.answered(100.0974)
    assert tries.ended == (Try("first", "status", 503, 12), Try("second", "", 200, 84))
    assert (tries.count, tries.upstream) == (2, "second")
    assert str(tries) == "first:status:503:12ms second:ok:200:84ms"


def test_one_that_nobody_waited_for_has_no_fault_of_its_own() -> None:
    tries = Tries()
    tries.asks("first", 0.0)
    tries.abandoned(1.5)
    assert tries.ended == (Try("first", "abandoned", 0, 1500),)


def test_of_no_try_nothing_is_said() -> None:
    assert (str(Tries()), Tries().ended, Tries().count) == ("", (), 0)
