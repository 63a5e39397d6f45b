"""Limits and holds of a request: in Redis, or by this process's share while Redis is away. Nobody waits longer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.limits import OF_MONEY, SECOND, Answer, Asking, Holder, Kind
from gateway.limits_local import Buckets
from gateway.ports import StoreUnavailable
from gateway.purses import granted

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.ports import Clock, LimitStore
    from gateway.wallets import Wallets

RENEW_SECONDS = 10.0  # a third of a lease
AT_ONCE = 200  # places renewed in one step of Redis
DAY = 86_400 * SECOND  # this process's own places need no renewal: they end with it


class Limiter:
    """Knows what runs here, and keeps its places. `processes` is how many share the limits, as far as is known."""

    def __init__(self, store: LimitStore, wallets: Wallets, clock: Clock, processes: int) -> None:
        self.wallets = wallets
        self.processes = wallets.processes = processes
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
        """Take of all limits and purses, or of none. What was let in has to `end`."""
        self.wallets.touch(asking)
        answer = await self._take(asking)
        for _ in range(2):  # what is at hand is not while Redis is being told of it
            if answer.kind in OF_MONEY and await self.wallets.renew(asking, unmade=answer.kind is Kind.UNMADE):
                answer = await self._take(asking)
            if answer.kind is Kind.UNMADE:  # Redis was emptied: what is at hand is held all the same
                answer = self._take_own(asking)
            if answer.kind is not Kind.UNMADE:
                break
        if answer.kind is None:
            self._running[asking.uid] = asking
            if asking.uid in self._let_in and not self.wallets.away:
                await self._tell(asking)
        return answer

    def end(self, asking: Asking, tokens: int, cost: int = 0) -> None:
        """Give back wherever it was taken, but for what the request cost; neither takes back what it never gave."""
        self._running.pop(asking.uid, None)
        self._store.end(asking, tokens, self.wallets.settle(asking, cost))
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
                self.processes = self.wallets.processes = max(await self._store.renew(running), self._least)
        except StoreUnavailable:
            return

    async def _tell(self, asking: Asking) -> None:
        """Let Redis know of a place that it was not asked for, or it gives it to another one."""
        try:
            await self._store.renew([asking])
        except StoreUnavailable:
            return
        except asyncio.CancelledError:
            self.end(asking, 0)
            raise

    async def _take(self, asking: Asking) -> Answer:
        left = False

        def held(tokens: int) -> None:
            self.wallets.hold(asking, tokens)
            if left:
                self.end(asking, 0)

        try:
            return await self._store.take(asking, held)
        except StoreUnavailable:
            await asyncio.sleep(0)  # an escrow that Redis was just asked about is at hand again
            return self._take_own(asking)
        except asyncio.CancelledError:  # Redis may do it nevertheless
            left = True
            self.end(asking, 0)
            raise

    def _take_own(self, asking: Asking) -> Answer:
        """Take of this process's share; a prompt that is larger than the share may use up all of it."""
        tokens = self.wallets.from_escrow(asking)
        if tokens is None and self.wallets.away:
            tokens = self.wallets.from_share(asking)
        if tokens is None:
            return self._nothing_at_hand(asking)
        holders = tuple(Holder(holder.name, holder.limits.share(self.processes)) for holder in asking.holders)
        prompt = min(asking.tokens, *(holder.limits.tokens_per_minute for holder in holders))
        own = Asking(asking.workspace_id, asking.uid, prompt, holders)
        answer = self._own.take(own, self._now())
        if answer.kind is not None:
            self.wallets.settle(asking, 0)
            return answer
        self._let_in[asking.uid] = own
        return Answer(answer.levels, granted=tokens)

    def _nothing_at_hand(self, asking: Asking) -> Answer:
        """Tell that Redis has to be waited for; or that there is no money, where Postgres is enough to know it."""
        left = tuple(self.wallets.left(asking).values())
        tokens, poorest = granted(asking.wanted, left)
        kind = Kind.UNMADE if tokens >= asking.wanted.least else Kind.MONEY
        return Answer((), kind, poorest, available=left)

    def _now(self) -> int:
        return int(self._clock.seconds() * SECOND)
