"""Purses as a process knows them: what Postgres says of each is told to Redis about once a second, and at need.

At need is before a request is refused for money, so that a top-up counts at once; and where Redis has no such purse.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.holds import Hold
from gateway.looks import Look
from gateway.ports import StoreUnavailable
from gateway.purse_ports import AnotherLife, Line, Refreshing
from gateway.purses import ESCROW_SHARE, LEAST_ESCROW

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping
    from typing import Any
    from uuid import UUID

    from gateway.holds import Holds
    from gateway.limits import Asking
    from gateway.ports import Clock
    from gateway.purse_ports import Books, PurseStore, Reading, Refreshed
    from gateway.purses import Wallet

log = logging.getLogger("pylo.gateway")

EVERY = 1.0  # seconds
AGAIN = 0.25  # at need, one workspace is not looked up more often
PATIENCE = 0.5  # that a request has, beyond which it is refused or told to come again
PATIENCE_AT_HAND = 0.04  # if it can be let in nevertheless
SOFT, HARD, STALE = 2.0, 30.0, 600.0  # ages of a wallet, as of keys: read again beside, before, and not used any more
IDLE = 60.0  # after which a purse that nobody asks for keeps no escrow
UNHEARD = 5.0  # that a process has to tell its numbers in a new life of Redis; one that reaches it does at once
MOST_UNRECORDED = 20_000  # that are looked for at once


@dataclass(slots=True)
class _Known:
    wallet: Wallet
    read_at: float


class Wallets:
    """All workspaces that are served here. `processes` is how many share a purse, as far as is known."""

    def __init__(
        self,
        books: Books,
        store: PurseStore,
        holds: Holds,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        writer: str,
    ) -> None:
        self.processes = 1
        self.holds = holds
        self._books = books
        self._store = store
        self._clock = clock
        self._spawn = spawn
        self._writer = writer
        self._registered = False
        self._known: dict[UUID, _Known] = {}
        self._touched: dict[UUID, dict[str, float]] = {}  # purses that requests asked for, and when they did last
        self._strangers: set[str] = set()
        self._complete = -1  # the generation in which all writers were seen to have told
        self._waits = -1  # the generation in which somebody was last seen not to have told
        self._waits_since = 0.0
        self._wanted: set[UUID] = set()
        self._next: Look | None = None
        self._failed_at = float("-inf")  # Postgres was last asked in vain
        self._running = False

    @property
    def away(self) -> bool:
        return self._store.away

    async def of(self, workspace_id: UUID) -> Wallet:
        """Return the workspace's wallet; raise `StoreUnavailable` where none is known and Postgres does not answer."""
        known, now = self._known.get(workspace_id), self._clock.seconds()
        if known is not None and now - known.read_at < HARD:
            if now - known.read_at >= SOFT:
                self._ask(workspace_id)
            return known.wallet
        asked = self._ask(workspace_id)
        if known is None or known.read_at > self._failed_at:  # else Postgres is away, and nobody waits for it
            await asyncio.shield(asked.read)
        known = self._known.get(workspace_id)
        if known is None or self._clock.seconds() - known.read_at >= STALE:
            raise StoreUnavailable
        return known.wallet

    def touch(self, asking: Asking) -> None:
        """Note that these purses are in use; of one that was not, some is to be at hand as soon as may be."""
        now, touched = self._clock.seconds(), self._touched.setdefault(asking.workspace_id, {})
        if not touched.keys() >= {*asking.purses}:
            self._ask(asking.workspace_id)
        for purse in asking.purses:
            touched[purse] = now

    async def renew(self, asking: Asking, *, unmade: bool) -> bool:
        """Look again at Postgres, and tell Redis; say whether that was done. Nobody waits long, nor looks too often."""
        workspace_id = asking.workspace_id
        known, at_hand = self._known.get(workspace_id), any(self._escrows(asking))
        if not unmade and known is not None and self._clock.seconds() - known.read_at < AGAIN:
            return False
        asked = self._ask(workspace_id)
        awaited = asked.read if self._store.away else asked.told
        await asyncio.wait((awaited,), timeout=PATIENCE_AT_HAND if at_hand and unmade else PATIENCE)
        return awaited.done() and awaited.result()

    async def keep(self) -> None:
        """Look about once a second, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            self._forget_idle()
            for workspace_id in {*self._touched, *self.holds.workspaces()}:
                self._ask(workspace_id)

    def from_escrow(self, asking: Asking) -> int | None:
        """Let a request in out of what this process has at hand, which Redis counts as held."""
        return self.holds.from_escrow(asking.uid, asking.workspace_id, asking.purses, asking.wanted)

    def from_share(self, asking: Asking) -> int | None:
        """Let a request in by what Postgres says, while Redis is away."""
        left = self.left(asking)
        return self.holds.from_share(asking.uid, asking.workspace_id, left, asking.wanted, self.processes)

    def left(self, asking: Asking) -> Mapping[str, int]:
        known = self._known.get(asking.workspace_id)
        left = known.wallet.left if known is not None else {}
        return {purse: left.get(purse, 0) for purse in asking.purses}

    def _escrows(self, asking: Asking) -> list[int]:
        return [self.holds.of(asking.workspace_id, purse).escrow for purse in asking.purses]

    def hold(self, asking: Asking, tokens: int) -> None:
        self.holds.hold(asking.uid, Hold(asking.workspace_id, asking.purses, asking.wanted.nanos(tokens)))

    def settle(self, asking: Asking, cost: int) -> int:
        """Lower the request's hold to what it cost; return what that frees in Redis."""
        hold = self.holds.settle(asking.uid, cost, away=not self._store.joined)
        return hold.nanos if hold is not None else 0

    def _ask(self, workspace_id: UUID) -> Look:
        """Return the look that begins next."""
        self._wanted.add(workspace_id)
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = Look(loop.create_future(), loop.create_future())
        asked = self._next
        if not self._running:
            self._running = True
            self._spawn(self._rounds())
        return asked

    async def _rounds(self) -> None:
        """Look for whoever wants it, one look at a time."""
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, set()
                asked, self._next = self._next, None
                if asked is None:
                    break
                try:
                    await self._round(wanted, asked)
                except StoreUnavailable:
                    self._failed_at = self._clock.seconds()
                finally:
                    asked.over()
        finally:
            self._running = False

    async def _round(self, wanted: Collection[UUID], asked: Look) -> None:
        if not self._registered:
            await self._books.register(self._writer)
            self._registered = True
        for _ in range(2):  # what is to be made needs a look that begins when all are known to have told
            complete, generation = self._complete, self._store.generation
            uids = self.holds.unrecorded(wanted, MOST_UNRECORDED)
            reading = await self._books.read(wanted, uids, tuple(self._strangers), self._clock.ms())
            self._learn(reading)
            self._registered = self._writer in reading.writers  # no more, where an older copy of Postgres was put back
            asked.has_read()
            try:
                if await self._tell(wanted, reading, complete if complete == generation else -1):
                    break
            except StoreUnavailable:  # of Redis
                return
        asked.has_told()

    def _learn(self, reading: Reading) -> None:
        self.holds.record(reading.wallets.keys(), reading.recorded)
        self._strangers.difference_update(reading.buried, reading.writers)
        now = self._clock.seconds()
        for workspace_id, wallet in reading.wallets.items():
            self._known[workspace_id] = _Known(wallet, now)

    async def _tell(self, wanted: Collection[UUID], reading: Reading, makes: int) -> bool:
        """Tell Redis; return False where another look would make a purse that is not made, or free what the dead hold.

        `makes` is the generation in which this look may make purses: all were known to have told when it began.
        """
        if not self._store.joined:
            await self._store.rejoin()
        generation = self._store.generation
        told = [reading.wallets[each] for each in wanted if each in reading.wallets]
        refreshing = (self._refresh(wallet, reading, makes) for wallet in told if self._purses(wallet.workspace_id))
        heard = await asyncio.gather(*refreshing, return_exceptions=True)
        fine = [each for each in heard if not isinstance(each, BaseException)]
        strange = {stranger for each in fine for stranger in each.strangers} - self._strangers
        self._strangers |= strange
        if any(each.complete for each in fine) and generation == self._store.generation:
            self._complete = generation
        elif fine and self._waits != generation:
            self._waits, self._waits_since = generation, self._clock.seconds()
            log.warning("purses wait for a process that holds something to tell it, or to be buried")
        if not self._store.joined and len(fine) < len(heard):
            return False  # another life of Redis: told anew with the next look
        if strange:
            return False  # dead, perhaps: a look that asks for their burials drops what they hold
        return makes == generation or not any(each.complete and not all(each.made) for each in fine)

    async def _refresh(self, wallet: Wallet, reading: Reading, makes: int) -> Refreshed:
        lines = self._lines(wallet)
        refreshing = Refreshing(
            version=wallet.version,
            may_make=makes == self._store.generation,
            least=LEAST_ESCROW,
            writers=() if self._has_waited() else reading.writers,
            buried=reading.buried,
            lines=lines,
        )

        known = False

        def heard(refreshed: Refreshed) -> None:
            nonlocal known
            known = True
            for line, escrow, number in zip(lines, refreshed.escrow, refreshed.numbers, strict=True):
                self.holds.agree(wallet.workspace_id, line.purse, dropped=line.recorded, escrow=escrow)
                if number < self.holds.of(wallet.workspace_id, line.purse).number:
                    self._store.lose()

        try:
            return await self._store.refresh(refreshing, heard)
        except AnotherLife:
            known = True
            raise
        finally:
            # Without an answer Redis may have taken the escrow back, and given it to others.
            back = self.holds.restore if known else self.holds.forfeit
            for line in lines:
                back(wallet.workspace_id, line.purse)

    def _has_waited(self) -> bool:
        """Tell whether who has not told by now is waited for no longer: it cannot reach Redis, or is gone."""
        waits = self._waits == self._store.generation
        return waits and self._clock.seconds() - self._waits_since >= UNHEARD

    def _purses(self, workspace_id: UUID) -> list[str]:
        return sorted({*self._touched.get(workspace_id, ()), *self.holds.purses(workspace_id)})

    def _lines(self, wallet: Wallet) -> tuple[Line, ...]:
        touched, parts = self._touched.get(wallet.workspace_id, {}), ESCROW_SHARE * self.processes
        purses = self._purses(wallet.workspace_id)
        own = [(purse, self.holds.lend(wallet.workspace_id, purse)) for purse in purses]
        return tuple(
            Line(purse, wallet.left.get(purse), each.recorded, each.lent, parts if purse in touched else 0)
            for purse, each in own
        )

    def _forget_idle(self) -> None:
        now = self._clock.seconds()
        for workspace_id, purses in [*self._touched.items()]:
            for purse in [purse for purse, at in purses.items() if now - at >= IDLE]:
                del purses[purse]
            if not purses:
                del self._touched[workspace_id]
        for workspace_id in [each for each, known in self._known.items() if now - known.read_at >= STALE]:
            del self._known[workspace_id]
