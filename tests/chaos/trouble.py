"""What can happen to a Redis, each as a context in which it happens."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.fakes.weather import FINE, Door, Weather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.chaos.world import World


@contextmanager
def killed(world: World) -> Iterator[None]:
    """It is killed, and comes back with nothing in it."""
    world.redis.kill()
    yield
    world.redis.start()


@contextmanager
def emptied(world: World) -> Iterator[None]:
    world.redis.flush()
    yield


@contextmanager
def under(world: World, weather: Weather) -> Iterator[None]:
    world.lines.redis.set(weather)
    yield
    world.lines.redis.set(FINE)


TROUBLES: dict[str, Callable[[World], AbstractContextManager[None]]] = {
    "killed": killed,
    "emptied": emptied,
    "slow": lambda world: under(world, Weather(latency=0.5)),
    "deaf": lambda world: under(world, Weather(door=Door.DEAF)),
    "mute": lambda world: under(world, Weather(door=Door.MUTE)),
    "garbled": lambda world: under(world, Weather(instead=b"$-7\r\nnonsense\r\n")),
    "busy": lambda world: world.redis.busy(),
    "read-only": lambda world: world.redis.read_only(),
}
