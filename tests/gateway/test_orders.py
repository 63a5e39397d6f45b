from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.orders import Drains
from gateway.ports import StoreUnavailable
from tests.fakes.clock import skipping

if TYPE_CHECKING:
    from collections.abc import Callable


class Book:
    """An operator's orders, and a routing that carries them out. `away` makes the orders unreadable."""

    def __init__(self) -> None:
        self.ordered: set[str] = set()
        self.away = False
        self.done: list[tuple[float, str, str]] = []  # when, what, which

    async def drained(self) -> frozenset[str]:
        if self.away:
            raise StoreUnavailable
        return frozenset(self.ordered)

    def drain(self, name: str) -> None:
        self.done.append((asyncio.get_running_loop().time(), "drain", name))

    def restore(self, name: str) -> None:
        self.done.append((asyncio.get_running_loop().time(), "restore", name))


def carried_out(*moves: tuple[float, Callable[[Book, Drains], object]]) -> list[tuple[float, str, str]]:
    """Run for ten seconds with these moves, each at its moment."""

    async def main() -> list[tuple[float, str, str]]:
        loop, book = asyncio.get_running_loop(), Book()
        drains = Drains(book, book, ["a", "b"])
        async with asyncio.TaskGroup() as group:
            running = group.create_task(drains.run())
            for moment, move in moves:
                await asyncio.sleep(moment - loop.time())
                move(book, drains)
            await asyncio.sleep(10 - loop.time())
            running.cancel()
        return book.done

    return skipping(main())


def set_to(*names: str) -> Callable[[Book, Drains], None]:
    def move(book: Book, drains: Drains) -> None:
        book.ordered = set(names)

    return move


def away(*, is_so: bool) -> Callable[[Book, Drains], None]:
    def move(book: Book, drains: Drains) -> None:
        book.away = is_so

    return move


def test_an_order_is_carried_out_once_at_the_next_look() -> None:
    assert carried_out((0.5, set_to("a"))) == [(2.0, "drain", "a")]


def test_word_of_a_change_makes_it_look_at_once() -> None:
    said = (0.5, lambda _, drains: drains.changed())
    assert carried_out((0.5, set_to("a")), said) == [(0.5, "drain", "a")]


def test_what_was_drained_is_restored() -> None:
    moves = ((0.0, set_to("a", "b")), (3.0, set_to("b")))
    assert carried_out(*moves) == [(2.0, "drain", "a"), (2.0, "drain", "b"), (4.0, "restore", "a")]


def test_the_last_orders_stand_while_they_cannot_be_read() -> None:
    moves = ((0.0, set_to("a")), (2.5, away(is_so=True)), (3.0, set_to()), (5.0, away(is_so=False)))
    assert carried_out(*moves) == [(2.0, "drain", "a"), (6.0, "restore", "a")]


def test_an_upstream_of_another_file_concerns_nobody() -> None:
    assert carried_out((0.0, set_to("z"))) == []
