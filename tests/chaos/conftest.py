"""Real processes whose lines break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.world import World, broken_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.world import Server
    from tests.fakes.stack import Member, Stack


@pytest.fixture(scope="session")
def broken(stack: Stack) -> Iterator[World]:
    with broken_world(stack) as world:
        yield world


@pytest.fixture
def world(broken: World) -> Iterator[World]:
    """No fault is there before or after."""
    broken.calm()
    yield broken
    broken.calm()


@pytest.fixture(scope="session")
def server(broken: World) -> Server:
    """A server with two upstreams. Its breakers never open, so what one test does is nothing to the next."""
    broken.calm()
    return broken.server()


@pytest.fixture(scope="session")
def members(stack: Stack) -> list[Member]:
    return stack.members(5)


@pytest.fixture(scope="session")
def payer(members: list[Member]) -> Member:
    return members[0]


@pytest.fixture(scope="session")
def strangers(members: list[Member]) -> list[Member]:
    """Members whose keys no server has seen."""
    return members[1:]
