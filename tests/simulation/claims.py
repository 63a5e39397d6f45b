"""Claims as one process makes them, in the Redis that all share; a dead process reaches it no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.ports import StoreUnavailable
from gateway.stores.redis import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.idempotency import Done, Identity
    from gateway.ports import Claimed
    from gateway.stores.memory import MemoryClaims
    from tests.simulation.meeting import Meeting


class SimulatedClaims:
    """A `ClaimStore`. What answers too late has been done all the same."""

    def __init__(self, shared: MemoryClaims, meeting: Meeting) -> None:
        self._shared = shared
        self._meeting = meeting
        self.dead = False

    async def claim(self, asked: Identity) -> Claimed:
        claimed = await self._alive().claim(asked)
        await self._meeting.in_time(PATIENCE)
        return claimed

    async def renew(self, running: Sequence[Identity]) -> None:
        await self._alive().renew(running)
        await self._meeting.in_time(PATIENCE)

    async def complete(self, asked: Identity, done: Done, keep_ms: int) -> None:
        await self._alive().complete(asked, done, keep_ms)
        await self._meeting.in_time(PATIENCE)

    async def free(self, asked: Identity) -> None:
        await self._alive().free(asked)
        await self._meeting.in_time(PATIENCE)

    def _alive(self) -> MemoryClaims:
        if self.dead or self._meeting.away:
            raise StoreUnavailable
        return self._shared
