"""Claims as one process makes them; all processes share one store of them, and a dead process reaches it no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.idempotency import Done, Identity
    from gateway.ports import Claimed
    from gateway.stores.memory import MemoryClaims


class SimulatedClaims:
    """A `ClaimStore`."""

    def __init__(self, shared: MemoryClaims) -> None:
        self._shared = shared
        self.dead = False

    async def claim(self, asked: Identity) -> Claimed:
        return await self._alive().claim(asked)

    async def renew(self, running: Sequence[Identity]) -> None:
        await self._alive().renew(running)

    async def complete(self, asked: Identity, done: Done, keep_ms: int) -> None:
        await self._alive().complete(asked, done, keep_ms)

    async def free(self, asked: Identity) -> None:
        await self._alive().free(asked)

    def _alive(self) -> MemoryClaims:
        if self.dead:
            raise StoreUnavailable
        return self._shared
