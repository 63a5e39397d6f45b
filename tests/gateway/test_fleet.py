from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from gateway.breaker.rules import Reason
from gateway.breaker.views import State
from tests.fakes.clock import skipping
from tests.gateway.fleets import FAILED, PRIMARY, SLOW_AFTER, UNREACHED, Processes

if TYPE_CHECKING:
    from tests.gateway.fleets import Process

SEEDS = (1, 2, 3)
TEN = tuple(f"host{index % 5}" for index in range(10))


def all_closed(processes: Processes) -> bool:
    return set(processes.states) == {State.CLOSED}


def any_closed(processes: Processes) -> bool:
    return State.CLOSED in processes.states


async def down(hosts: tuple[str, ...], *, seed: int = 1, rate: float = 2.0) -> Processes:
    """Let the primary fail for all processes until each has opened its breaker."""
    processes = Processes(hosts, seed=seed)
    processes.fail(FAILED)
    await processes.go(30, rate=rate, until=lambda: State.CLOSED not in processes.states)
    assert len(processes.opened) == len(hosts)
    return processes


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_processes_with_few_requests_each_trip_like_one_with_many(seed: int) -> None:
    async def main() -> tuple[float, float]:
        together = await down(TEN, seed=seed, rate=0.2)
        alone = Processes(["alone"], seed=seed)
        alone.fail(FAILED)
        took = await alone.go(60, rate=0.2, until=lambda: not any_closed(alone))
        return max(together.opened.values()), took

    together, alone = skipping(main())
    assert together <= 9
    assert alone >= 15


@pytest.mark.parametrize("seed", SEEDS)
def test_one_probe_goes_out_of_all_processes_each_time_the_upstream_was_open(seed: int) -> None:
    async def main() -> list[float]:
        processes = await down(TEN, seed=seed)
        await processes.go(100, rate=2)
        return [call.at for call in processes.calls if call.probe]

    probes = skipping(main())
    assert 4 <= len(probes) <= 10
    assert min(later - earlier for earlier, later in pairwise(probes)) >= 5  # half of the second time it was open


@pytest.mark.parametrize("seed", SEEDS)
def test_one_process_whose_probes_find_it_well_closes_it_for_all(seed: int) -> None:
    async def main() -> tuple[int, float]:
        processes = await down(TEN, seed=seed)
        processes.fail(None)
        processes.calls.clear()
        await processes.go(60, rate=2, until=lambda: any_closed(processes))
        probes = sum(call.probe for call in processes.calls)
        return probes, await processes.go(10, rate=2, until=lambda: all_closed(processes))

    probes, others_after = skipping(main())
    assert probes == 3
    assert others_after <= 2


def test_processes_without_requests_leave_the_probes_to_those_that_have_some() -> None:
    async def main() -> float:
        processes = await down(("a", "b") * 8)
        processes.fail(None)
        processes.asked = processes.all[:1]
        return await processes.go(300, rate=2, until=lambda: any_closed(processes))

    assert skipping(main()) <= 35  # not ten seconds of leave for each of them in turn


def test_requests_that_come_seldom_find_the_only_upstream_well_again() -> None:
    async def main() -> list[bool]:
        processes = Processes(["alone"], upstreams=(PRIMARY,))
        (alone,) = processes.all
        clock, served = processes.now, []
        async with asyncio.TaskGroup() as group:
            running = group.create_task(alone.fleet.run())
            for _ in range(10):
                lease = alone.routing.lease(clock(), slow_after=SLOW_AFTER)
                assert lease is not None
                lease.failed(FAILED, clock())
                lease.release(clock())
            for _ in range(5):
                await asyncio.sleep(60)
                lease = alone.routing.lease(clock(), slow_after=SLOW_AFTER)
                served.append(lease is not None)
                if lease is not None:
                    lease.first_token(clock())
                    lease.release(clock())
            running.cancel()
        return served

    assert skipping(main()) == [True] * 5


def test_one_host_that_cannot_connect_opens_for_itself_and_turns_nobody_else() -> None:
    async def main() -> Processes:
        processes = Processes(["broken", "broken", "a", "b"])
        processes.fail(UNREACHED, *processes.all[:2])
        await processes.go(60, rate=5)
        return processes

    processes = skipping(main())
    assert set(processes.opened) == {0, 1}


def test_one_host_whose_calls_fail_otherwise_turns_nobody_else_either() -> None:
    async def main() -> Processes:
        processes = Processes(["broken", "broken", "a", "b"])
        processes.fail(FAILED, *processes.all[:2])
        await processes.go(60, rate=5)
        return processes

    processes = skipping(main())
    assert set(processes.opened) == {0, 1}


def test_processes_of_one_host_believe_each_other() -> None:
    async def main() -> tuple[Process, Processes]:
        processes = Processes(["here", "here", "there"])
        failing, idle, _ = processes.all
        processes.fail(FAILED, failing)
        await processes.go(30, rate=5, until=lambda: idle.primary(processes.now()).state is State.OPEN)
        return idle, processes

    idle, processes = skipping(main())
    assert idle.primary(0).reason == Reason.ADOPTED
    assert set(processes.opened) == {0, 1}


@pytest.mark.parametrize("trouble", ["away", "slow", "flushed"])
def test_a_meeting_place_that_is_lost_in_an_outage_sends_no_request_to_the_failing_upstream(trouble: str) -> None:
    async def main() -> Processes:
        processes = await down(TEN, rate=5)
        processes.calls.clear()
        processes.store.away = trouble == "away"
        processes.store.delay = 0.3 if trouble == "slow" else 0.0
        if trouble == "flushed":
            processes.store.flush()
        await processes.go(20, rate=5)
        return processes

    processes = skipping(main())
    assert [call for call in processes.calls if not call.probe] == []
    assert not any_closed(processes)


def test_a_meeting_place_that_talks_nonsense_is_reported_and_gone_without(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Processes:
        processes = await down(TEN, rate=5)
        processes.fail(None)
        processes.store.nonsense = True
        await processes.go(20, rate=5, until=lambda: all_closed(processes))
        return processes

    assert all_closed(skipping(main()))
    assert {record.__dict__["crash"] for record in caplog.records} == {"ValueError"}


def test_each_process_probes_for_itself_while_there_is_no_meeting_place() -> None:
    async def main() -> Processes:
        processes = await down(TEN, rate=5)
        processes.fail(None)
        processes.store.away = True
        await processes.go(20, rate=5, until=lambda: all_closed(processes))
        return processes

    processes = skipping(main())
    assert all_closed(processes)
    for process in processes.all:
        assert sum(call.probe for call in processes.calls if call.process is process) == 3


def test_after_it_is_back_the_longest_of_all_times_holds() -> None:
    async def main() -> tuple[float | None, float | None]:
        processes = Processes(["here", "here"])
        one, other = processes.all
        await processes.go(5, rate=1)
        processes.store.away = True
        processes.fail(FAILED, one)
        await processes.go(40, rate=10)  # three trips or so
        assert other.primary(processes.now()).state is State.CLOSED
        processes.fail(FAILED, other)
        await processes.go(2, rate=10, until=lambda: not any_closed(processes))
        processes.store.away = False
        for process in (one, other, one):
            await process.fleet.tick()
        return one.primary(processes.now()).probe_in, other.primary(processes.now()).probe_in

    one, other = skipping(main())
    assert one == other
    assert one is not None


def test_without_any_outage_a_lost_meeting_place_changes_nothing() -> None:
    async def main() -> Processes:
        processes = Processes(TEN)
        await processes.go(10, rate=2)
        processes.store.away = True
        await processes.go(10, rate=2)
        return processes

    assert skipping(main()).opened == {}


def test_an_order_is_noticed_within_a_second_by_each_process_once() -> None:
    async def main() -> list[int]:
        processes, noticed = Processes(TEN), []
        for _ in range(3):
            await processes.go(1.0, rate=1)
            noticed.append(processes.orders)
            processes.store.orders += 1
        return noticed

    assert skipping(main()) == [0, 10, 20]
