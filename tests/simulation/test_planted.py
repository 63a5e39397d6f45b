from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation import plants, plants_fleet
from tests.simulation.seeds import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

MOST_SEEDS = 60
BEGIN = {  # near a seed that finds it, to save time
    "failover after the first token": 20,
    "probes without leave": 65,
    "a drain that is not lifted": 3,
    "orders that nobody reads": 4,
    "limits of each process": 10,
}
PLANTS: dict[str, tuple[Callable[[], AbstractContextManager[None]], str]] = {
    "failover after the first token": (plants.failover_after_the_first_token, "failover"),
    "a leaked permit": (plants.a_leaked_permit, "release"),
    "a leaked place": (plants.a_leaked_place, "release"),
    "a role chunk counted as a token": (plants.a_role_counted_as_a_token, "deadline"),
    "a charge for a broken answer": (plants.a_charge_for_a_broken_answer, "charge"),
    "a retry that is let through": (plants.a_retry_let_through, "retry"),
    "probes without leave": (plants_fleet.probes_without_leave, "probe"),
    "leave that is never asked for": (plants_fleet.leave_that_is_never_asked_for, "probing"),
    "a loop that ends": (plants_fleet.a_loop_that_ends, "meeting"),
    "a drain that is not lifted": (plants_fleet.a_drain_that_is_not_lifted, "drain"),
    "orders that nobody reads": (plants_fleet.orders_that_nobody_reads, "drain"),
    "a limit's place that is not given back": (plants_fleet.a_place_of_a_limit_that_is_not_given_back, "limits"),
    "limits of each process": (plants_fleet.limits_that_each_process_has_for_itself, "limits"),
    "requests that wait for a store": (plants_fleet.requests_that_wait_for_a_store, "waits"),
    "a call before the fsync": (plants.a_call_before_the_disk_has_the_admission, "durable"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found(name: str) -> None:
    plant, rule = PLANTS[name]
    first = BEGIN.get(name, 0)
    with plant():
        found = next((failure for seed in range(first, first + MOST_SEEDS) if (failure := run(seed)) is not None), None)
    assert found is not None
    assert found.rule == rule
    assert run(found.seed) is None  # without the bug the same seed holds
