"""A link's patience, in skipped time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.stores.resp import Link
from tests.fakes.clock import skipping

if TYPE_CHECKING:
    from asyncio import Future
    from typing import Any

PATIENCE = 0.04
LONG = 2.0


class Nowhere(asyncio.Transport):
    """Takes whatever is written."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nothing comes back."""

    def abort(self) -> None:
        """There is nothing to close."""


def opened() -> Link:
    link = Link(PATIENCE)
    link.connection_made(Nowhere())
    return link


async def failed_after(asked: Future[Any]) -> float:
    began = asyncio.get_running_loop().time()
    await asyncio.wait((asked,))
    assert asked.exception() is not None
    return round(asyncio.get_running_loop().time() - began, 3)


def test_a_call_is_given_up_when_its_patience_ends() -> None:
    async def play() -> float:
        return await failed_after(opened().ask(("PING",)))

    assert skipping(play()) == PATIENCE


def test_a_call_of_little_patience_does_not_wait_as_long_as_one_that_was_answered_before_it() -> None:
    async def play() -> float:
        link = opened()
        greeting = link.ask(("SELECT", 1), LONG)
        await asyncio.sleep(LONG / 4)
        link.data_received(b"+OK\r\n")
        await greeting
        return await failed_after(link.ask(("PING",)))

    assert skipping(play()) == PATIENCE


def test_a_link_that_is_answered_in_time_stays() -> None:
    async def play() -> bool:
        link = opened()
        for _ in range(100):
            asked = link.ask(("PING",))
            await asyncio.sleep(PATIENCE / 2)
            link.data_received(b"+PONG\r\n")
            await asked
        return link.lost.done()

    assert skipping(play()) is False
