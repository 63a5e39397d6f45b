from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Overloaded
from gateway.overload import MIB, Bounds, Overload, Sign
from tests.gateway.conftest import make_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gateway.conftest import World

LATE, EARLY = 0.3, 0.001


def overload(draw: float = 0.0, *, body_bytes: int = MIB) -> Overload:
    return Overload(Bounds(body_bytes=body_bytes), lambda: draw)


def sampled(lag: Callable[[int], float], samples: int) -> Overload:
    """Return what has seen so many samples, ten a second."""
    seen = overload()
    for number in range(samples):
        seen.loop_ran_late(number / 10, lag(number))
    return seen


def test_a_loop_that_runs_late_for_a_second_takes_nothing_more() -> None:
    late = sampled(lambda _: LATE, 11)
    assert late.signs == (Sign.LAG,)
    with pytest.raises(Overloaded) as refused:
        late.admit()
    assert (refused.value.shed, refused.value.retry_after) == ("event_loop_lag", 1)


def test_a_shorter_time_and_single_late_moments_are_no_overload() -> None:
    assert sampled(lambda _: LATE, 10).signs == ()
    sampled(lambda number: EARLY if number % 3 else LATE, 50).admit()


def test_a_loop_that_caught_up_takes_requests_again() -> None:
    seen = sampled(lambda number: LATE if number < 20 else EARLY, 26)
    assert (seen.signs, seen.lag.median(2.5)) == ((), EARLY)


@pytest.mark.parametrize(
    ("free", "total", "full"),
    [
        (127 * MIB, 10_000 * MIB, True),
        (128 * MIB, 10_000 * MIB, False),
        (4 * MIB, 100 * MIB, True),  # of a small disk the share counts
        (5 * MIB, 100 * MIB, False),
        (1, 0, False),  # a disk that could not be asked
    ],
)
def test_a_journal_disk_that_is_nearly_full_takes_nothing_more(free: int, total: int, *, full: bool) -> None:
    seen = overload()
    seen.disk(free, total)
    assert seen.signs == ((Sign.DISK,) if full else ())


def test_bodies_are_counted_while_they_are_held() -> None:
    seen = overload(body_bytes=1000)
    with seen.body() as first:
        first.declared(600)
        with pytest.raises(Overloaded) as refused, seen.body() as second:
            second.declared(401)
        assert (refused.value.shed, seen.body_bytes) == ("body_memory", 600)
        first.read(b'{"a":[]}')
        assert seen.body_bytes == 8 + 2 * 80
    assert seen.body_bytes == 0


def test_a_refusal_spreads_its_clients_over_seconds() -> None:
    waits = [overload(draw).refusal(Sign.DISK).retry_after for draw in (0.0, 0.5, 0.999)]
    assert waits == [1, 3, 5]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_bodies_come_no_byte_stays_counted(bodies: list[bytes]) -> None:
    seen = overload(body_bytes=4000)
    for body in bodies:
        with seen.body() as held:
            held.declared(len(body))
            assert held.read(body) == body
    assert seen.body_bytes == 0


async def test_an_overloaded_process_refuses_before_it_reads_or_calls(world: World) -> None:
    world.overload.disk(0, 10**12)
    answer = await world.chat()
    assert (answer.status, answer.error["code"]) == (503, "server_is_overloaded")
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("1", "true")
    assert (world.journal.admitted, world.transport.calls, world.admission.in_flight) == ([], [], 0)


async def test_a_body_that_does_not_fit_is_refused_and_the_next_one_served() -> None:
    world = make_world(bounds=Bounds(body_bytes=500))
    refused = await world.chat(messages=[{"role": "user", "content": "x" * 600}])
    assert (refused.status, world.journal.admitted, world.overload.body_bytes) == (503, [], 0)
    assert (await world.chat()).status == 200
    assert world.overload.body_bytes == 0
