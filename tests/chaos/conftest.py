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


@pytest.fixture(scope="module")
def server(broken: World) -> Server:
    """A server with two upstreams, for the tests of one file."""
    broken.calm()
    broken.kill_servers()
    return broken.server()


@pytest.fixture(scope="session")
def payer(stack: Stack) -> Member:
    return stack.member()
