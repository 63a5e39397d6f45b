from __future__ import annotations

import asyncio

import pytest

from gateway.breaker.views import State
from gateway.stores.memory_fleet import MemoryFleet
from tests.fakes.clock import LoopClock, skipping
from tests.gateway.fleets import FAILED, UNREACHED, Processes

SEEDS = range(1, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_processes_with_few_requests_trip_like_one_with_many(seed: int) -> None:
    async def main() -> tuple[float, float]:
        many, alone = Processes([f"host{index}" for index in range(10)], seed=seed), Processes(["alone"], seed=seed)
        alone.store.away = True
        for processes in (many, alone):
            processes.fail(FAILED)
        begin = asyncio.get_running_loop().time()
        await many.go(30, rate=0.2)
        assert len(many.opened) == 10
        together = max(many.opened.values()) - begin
        begin = asyncio.get_running_loop().time()
        await alone.go(60, rate=0.2)
        return together, alone.opened[0] - begin

    together, alone = skipping(main())
    print(together, alone)
    assert together < 10
    assert alone > 15


@pytest.mark.parametrize("seed", SEEDS)
def test_one_probe_goes_out_in_the_whole_fleet_for_each_time_it_was_open(seed: int) -> None:
    async def main() -> None:
        processes = Processes([f"host{index % 5}" for index in range(10)], seed=seed)
        processes.fail(FAILED)
        await processes.go(120, rate=2)
        probes = [call.at for call in processes.calls if call.probe]
        print(probes)

    skipping(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_recover(seed: int) -> None:
    async def main() -> None:
        processes = Processes([f"host{index % 5}" for index in range(10)], seed=seed)
        processes.fail(FAILED)
        await processes.go(60, rate=0.2)
        processes.fail(None)
        begin = processes.now()
        while set(processes.states()) != {State.CLOSED}:
            await processes.go(1, rate=0.2)
        print("recovered", processes.now() - begin)

    skipping(main())


def test_one_host_that_cannot_connect_turns_nobody_else() -> None:
    async def main() -> None:
        processes = Processes(["broken", "broken", "a", "b"])
        processes.fail(UNREACHED, *processes.all[:2])
        await processes.go(120, rate=5)
        print(processes.opened)

    skipping(main())
