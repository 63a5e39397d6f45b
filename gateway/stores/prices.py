"""The price book, kept in memory and read again every half minute; while Postgres is away the last one stands."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from gateway.ports import Clock, Price

    Read = Callable[[str], Awaitable[tuple[Price, ...]]]
    Spawn = Callable[[Coroutine[Any, Any, None]], object]

FRESH = 30.0


class CachedPrices:
    """The `PriceBook` of a process. `read` raises `StoreUnavailable` when Postgres cannot be asked."""

    def __init__(self, read: Read, clock: Clock, spawn: Spawn) -> None:
        self._read = read
        self._clock = clock
        self._spawn = spawn
        self._due: dict[str, float] = {}
        self._known: dict[str, tuple[Price, ...]] = {}

    async def at(self, model: str, at_ms: int) -> Price | None:
        price = holding(self._known.get(model, ()), at_ms)
        if price is None:
            self._known[model] = await self._read(model)
            return holding(self._known[model], at_ms)
        if self._clock.seconds() >= self._due.get(model, 0.0):
            self._due[model] = self._clock.seconds() + FRESH
            self._spawn(self._refresh(model))
        return price

    async def _refresh(self, model: str) -> None:
        with suppress(StoreUnavailable):
            self._known[model] = await self._read(model)


def holding(prices: tuple[Price, ...], at_ms: int) -> Price | None:
    return next((price for price in prices if price.holds(at_ms)), None)
