"""Runs seeds: what fails, with its story, and with as few clients as it still fails with."""

from __future__ import annotations

import gc
import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.simulation.loop import Stuck, virtually
from tests.simulation.plans import SeedPlan, plan_of
from tests.simulation.trace import Broken
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

LOGS = ("pylo.access", "pylo.upstream", "pylo.gateway")
COMMAND = "bin/test --seeds 1 --seed {seed} --only {only}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke an invariant, with the clients that are enough for it."""

    seed: int
    rule: str
    what: str
    clients: tuple[int, ...]
    story: tuple[str, ...]

    def __str__(self) -> str:
        command = COMMAND.format(seed=self.seed, only=",".join(map(str, self.clients)))
        return "\n".join((f"seed {self.seed} breaks {self.what}", *self.story, f"again: {command}"))


def run(seed: int, only: Collection[int] | None = None) -> Failure | None:
    """Play one seed, or only some of its clients; return what fails."""
    plan = plan_of(seed)
    if only is not None:
        plan = replace(plan, clients=tuple(client for client in plan.clients if client.index in only))
    with quietly():
        return _play(plan)


def shrunk(failure: Failure) -> Failure:
    """Leave out clients, as long as the same rule still fails."""
    size = max(len(failure.clients) // 2, 1)
    while size:
        for start in range(0, len(failure.clients), size):
            fewer = failure.clients[:start] + failure.clients[start + size :]
            smaller = run(failure.seed, fewer) if fewer else None
            if smaller is not None and smaller.rule == failure.rule:
                failure = smaller
                break
        else:
            size //= 2
    return failure


def _play(plan: SeedPlan) -> Failure | None:
    world: World | None = None

    async def main() -> None:
        nonlocal world
        world = World(plan)
        await world.run()

    try:
        virtually(main())
    except (Broken, Stuck) as error:
        broken = error if isinstance(error, Broken) else Broken("stuck", "somebody waits for ever")
    else:
        return None
    story = world.trace.story(broken.serial) if world is not None else []
    clients = tuple(client.index for client in plan.clients)
    return Failure(plan.seed, broken.rule, str(broken), clients, tuple(story))


@contextmanager
def quietly() -> Iterator[None]:
    """Log nothing, and collect no garbage amid a seed: both would be most of the time."""
    levels = {name: logging.getLogger(name).level for name in LOGS}
    enabled = gc.isenabled()
    gc.disable()
    for name in LOGS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if enabled:
            gc.enable()
