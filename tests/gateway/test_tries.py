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


def timing(tries: Tries, began: float, now: float, *, streams: bool = True) -> tuple[str, str | None]:
    headers = dict(tries.headers(began, now, streams=streams))
    attempts = headers.get(b"x-pylo-attempts")
    return headers[b"server-timing"].decode(), None if attempts is None else attempts.decode()


def test_an_answer_without_a_try_took_the_gateways_time_alone() -> None:
    assert timing(Tries(), 10.0, 10.0004) == ("gateway;dur=0.4", None)


def test_a_streams_time_is_the_gateways_and_the_upstreams_until_its_first_token() -> None:
    tries = Tries()
    tries.asks("first", 10.003)
    tries.answered(10.1854)
    assert timing(tries, 10.0, 10.1855) == ('gateway;dur=3.1, upstream;dur=182.4;desc="1 attempt"', "1")


def test_what_was_lost_on_a_failed_upstream_is_told_apart() -> None:
    tries = Tries()
    tries.asks("first", 10.002)
    tries.failed(FaultKind.STATUS, 503, 10.052)
    tries.asks("second", 10.053)
    tries.answered(10.153)
    told = 'gateway;dur=3.0, upstream;dur=100.0;desc="2 attempts", failover;dur=50.0'
    assert timing(tries, 10.0, 10.153) == (told, "2")


def test_where_none_answered_there_is_no_upstreams_time() -> None:
    tries = Tries()
    tries.asks("first", 10.0)
    tries.failed(FaultKind.TIMEOUT, 0, 18.0)
    assert timing(tries, 10.0, 18.001) == ("gateway;dur=1.0, failover;dur=8000.0", "1")


def test_an_answer_that_starts_while_an_upstream_is_asked_has_waited_for_it() -> None:
    tries = Tries()
    tries.asks("first", 10.001)
    assert timing(tries, 10.0, 25.0) == ('gateway;dur=1.0, upstream;dur=14999.0;desc="1 attempt"', "1")


def test_of_an_answer_in_one_piece_the_generation_is_not_the_gateways() -> None:
    tries = Tries()
    tries.asks("first", 10.0)
    tries.answered(10.2)
    early = timing(tries, 10.0, 15.2, streams=False)
    tries.over(12.2)
    told = 'upstream;dur=200.0;desc="1 attempt", generation'
    assert timing(tries, 10.0, 12.203, streams=False) == (f"gateway;dur=3.0, {told};dur=2000.0", "1")
    assert early == (f"gateway;dur=0.0, {told};dur=5000.0", "1")
