from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.drain import Drain
from gateway.errors import Overloaded, ShuttingDown
from gateway.usage import Outcome

if TYPE_CHECKING:
    from tests.gateway.conftest import World

SOON = 0.01


async def forever(drain: Drain, begun: asyncio.Event) -> None:
    async with drain.running():
        begun.set()
        await asyncio.Event().wait()


async def test_nothing_is_refused_before_the_end() -> None:
    drain = Drain()
    drain.admit()
    assert not drain.draining


async def test_an_end_with_nothing_running_is_at_once_and_for_good() -> None:
    drain = Drain()
    await drain.end(3600)
    assert drain.draining
    with pytest.raises(Overloaded) as refused:
        drain.admit()
    assert dict(refused.value.headers)[b"retry-after"] == b"2"
    assert dict(refused.value.headers)[b"x-should-retry"] == b"true"


async def test_the_end_waits_for_what_runs() -> None:
    drain, release = Drain(), asyncio.Event()

    async def running() -> str:
        async with drain.running():
            await release.wait()
        return "whole"

    async with asyncio.TaskGroup() as group:
        task = group.create_task(running())
        await asyncio.sleep(0)
        end = group.create_task(drain.end(3600))
        await asyncio.sleep(0)
        assert not end.done()
        release.set()
    assert task.result() == "whole"


async def test_what_takes_too_long_ends_with_an_error_of_its_own() -> None:
    drain, begun = Drain(), asyncio.Event()
    tasks = [asyncio.get_running_loop().create_task(forever(drain, begun)) for _ in range(2)]
    await begun.wait()
    await drain.end(SOON)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [ShuttingDown, ShuttingDown]


async def test_a_time_out_of_the_block_itself_stays_one() -> None:
    drain = Drain()
    with pytest.raises(TimeoutError):
        async with drain.running():
            raise TimeoutError
    await drain.end(3600)


async def test_a_cancelled_block_is_cancelled_and_no_longer_waited_for() -> None:
    drain, begun = Drain(), asyncio.Event()
    task = asyncio.get_running_loop().create_task(forever(drain, begun))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await drain.end(3600)


async def test_what_was_let_in_and_does_not_run_yet_comes_too_late() -> None:
    drain = Drain()
    await drain.end(3600)
    with pytest.raises(Overloaded):
        async with drain.running():
            raise AssertionError


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_is_settled_is_not_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    syncing, synced = asyncio.Event(), asyncio.Event()

    async def sync() -> None:
        if world.journal.settled:
            syncing.set()
            await synced.wait()

    monkeypatch.setattr(world.journal, "sync", sync)
    task = asyncio.get_running_loop().create_task(world.chat(stream=stream))
    await syncing.wait()
    await world.drain.end(0)
    synced.set()
    answer = await task
    assert (answer.status, answer.complete, b"error" in answer.body) == (200, True, False)
    assert world.record.outcome is Outcome.COMPLETED
