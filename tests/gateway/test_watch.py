from __future__ import annotations

import asyncio
from math import inf

import pytest

from gateway.watch import Watch
from tests.fakes.clock import skipping


async def ended_at(*moves: tuple[float, float]) -> float | None:
    """Move the deadline at each moment; return when the watch ended the block, None if it never did in a minute."""
    loop = asyncio.get_running_loop()
    watch = Watch()
    try:
        async with watch:
            for moment, until in moves:
                await asyncio.sleep(moment - loop.time())
                watch.until(until)
            await asyncio.sleep(60 - loop.time())
    except TimeoutError:
        assert watch.expired
        return loop.time()
    assert not watch.expired
    return None


@pytest.mark.parametrize(
    ("moves", "at"),
    [
        ([(0, 10)], 10),
        ([(0, 10), (5, 30)], 30),
        ([(0, 30), (5, 10)], 10),
        ([(0, 10), (5, 20), (15, 25)], 25),
        ([(0, 10), (5, inf)], None),
        ([(0, 10), (5, inf), (20, 40)], 40),
        ([], None),
    ],
)
def test_the_block_ends_at_the_last_deadline_that_was_set(moves: list[tuple[float, float]], at: float | None) -> None:
    assert skipping(ended_at(*moves)) == (at if at is None else pytest.approx(at, abs=0.002))


def test_a_timeout_of_the_block_itself_is_not_the_watchs() -> None:
    async def main(watch: Watch) -> None:
        async with watch:
            watch.until(10)
            raise TimeoutError

    async def expired() -> bool:
        watch = Watch()
        with pytest.raises(TimeoutError):
            await main(watch)
        return watch.expired

    assert skipping(expired()) is False


def test_a_deadline_that_is_moved_a_thousand_times_has_one_timer() -> None:
    async def main() -> int:
        async with Watch() as watch:
            for moment in range(1000):
                watch.until(30 + moment)
            return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]  # typeshed hides it

    assert skipping(main()) == 1
