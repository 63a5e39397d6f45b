"""Do something eight times at once, each with a connection of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
THREADS = 8  # as many as the pool has connections


def at_once(times: int, do: Callable[[int], T]) -> list[T]:
    """Call `do` with 0, 1, … `times` − 1, in eight threads."""

    def run(number: int) -> T:
        try:
            return do(number)
        finally:
            connection.close()

    connection.close()  # ours goes back to the pool, or one of the threads would wait for it
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(times)))
