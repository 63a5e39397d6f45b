"""Limits of a request: in Redis, or by this process's share while Redis is away. Nobody waits longer, nobody fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.limits import SECOND, Asking, Holder
from gateway.limits_local import Buckets
from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.limits import Answer
    from gateway.ports import Clock, LimitStore

RENEW_SECONDS = 10.0  # a third of a lease
AT_ONCE = 200  # places renewed in one step of Redis
DAY = 86_400 * SECOND  # this process's own places need no renewal: they end with it


class Limiter:
    """Knows what runs here, and keeps its places. `processes` is how many share the limits, as far as is known."""

    def __init__(self, store: LimitStore, clock: Clock, processes: int) -> None:
        self.processes = processes
        self._least = processes
        self._store = store
        self._clock = clock
        self._own = Buckets(DAY)
        self._running: dict[UUID, Asking] = {}
        self._let_in: dict[UUID, Asking] = {}  # of those, the ones that Redis was not asked for, by their share

    @property
    def running(self) -> int:
        """How many requests hold a place of their limits here."""
        return len(self._running)

    async def take(self, asking: Asking) -> Answer:
        """Take of all limits or of none. What was let in has to `end`."""
        try:
            answer = await self._store.take(asking)
        except StoreUnavailable:
            answer = self._take_own(asking)
        except asyncio.CancelledError:  # Redis may do it nevertheless
            self._store.end(asking, 0)
            raise
        if answer.kind is None:
            self._running[asking.uid] = asking
        return answer

    def end(self, asking: Asking, tokens: int) -> None:
        """Give back wherever it was taken; neither takes back what it never gave."""
        self._running.pop(asking.uid, None)
        self._store.end(asking, tokens)
        if (own := self._let_in.pop(asking.uid, None)) is not None:
            self._own.end(own, tokens, self._now())

    async def keep(self) -> None:
        """Renew the places of what runs, until cancelled."""
        while True:
            await self.renew()
            await asyncio.sleep(RENEW_SECONDS)

    async def renew(self) -> None:
        try:
            uids = tuple(self._running)
            for start in range(0, len(uids) or 1, AT_ONCE):
                # What has ended meanwhile is left out, or its place would come back to life.
                running = [self._running[uid] for uid in uids[start : start + AT_ONCE] if uid in self._running]
                self.processes = max(await self._store.renew(running), self._least)
        except StoreUnavailable:
            return

    def _take_own(self, asking: Asking) -> Answer:
        """Take of this process's share; a prompt that is larger than the share may use up all of it."""
        holders = tuple(Holder(holder.name, holder.limits.share(self.processes)) for holder in asking.holders)
        tokens = min(asking.tokens, *(holder.limits.tokens_per_minute for holder in holders))
        own = Asking(asking.workspace_id, asking.uid, tokens, holders)
        answer = self._own.take(own, self._now())
        if answer.kind is None:
            self._let_in[asking.uid] = own
        return answer

    def _now(self) -> int:
        return int(self._clock.seconds() * SECOND)
