"""What an operator has drained: read every two seconds, and at once when there is word of a change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.ports import Orders

AGAIN_SECONDS = 2.0


class Drainable(Protocol):
    """What it needs of `gateway.routing.Routing`."""

    def drain(self, name: str) -> None: ...

    def restore(self, name: str) -> None: ...


class Drains:
    """Carries the operator's orders to the routing. While they cannot be read, the last ones stand."""

    def __init__(self, routing: Drainable, orders: Orders, names: Collection[str]) -> None:
        self._routing = routing
        self._orders = orders
        self._names = frozenset(names)
        self._drained: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """There may be a new order: look now."""
        self._changed.set()

    async def run(self) -> None:
        while True:
            self._changed.clear()
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self._changed.wait()

    async def look(self) -> None:
        try:
            drained = await self._orders.drained() & self._names
        except StoreUnavailable:
            return
        for name in sorted(drained - self._drained):
            self._routing.drain(name)
        for name in sorted(self._drained - drained):
            self._routing.restore(name)
        self._drained = drained
