"""The stores' twins in memory: the same contracts, for one process that keeps nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.idempotency import Done, Running
from gateway.ports import Claimed, StoreUnavailable
from gateway.stores.prices import holding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gateway.idempotency import Identity, Known
    from gateway.meter import Admitted
    from gateway.ports import Clock, Price, Principal
    from gateway.usage import RequestRecord, Tokens, UsageSource


class MemoryKeys:
    """A `KeyStore`. `away` makes it unreachable."""

    def __init__(self) -> None:
        self.away = False
        self.uses: dict[UUID, int] = {}
        self._principals: dict[bytes, Principal] = {}

    def add(self, digest: bytes, principal: Principal) -> None:
        self._principals[digest] = principal

    def revoke(self, key_id: UUID) -> None:
        self._principals = {digest: who for digest, who in self._principals.items() if who.key_id != key_id}

    async def find(self, digests: Sequence[bytes]) -> Principal | None:
        if self.away:
            raise StoreUnavailable
        return next((self._principals[digest] for digest in digests if digest in self._principals), None)

    def used(self, key_id: UUID, at_ms: int) -> None:
        self.uses[key_id] = at_ms


class MemoryPrices:
    """A `PriceBook`."""

    def __init__(self) -> None:
        self._prices: dict[str, tuple[Price, ...]] = {}

    def add(self, model: str, price: Price) -> None:
        self._prices[model] = (*self._prices.get(model, ()), price)

    async def at(self, model: str, at_ms: int) -> Price | None:
        return holding(self._prices.get(model, ()), at_ms)


class MemoryClaims:
    """A `ClaimStore`. `away` makes it unreachable; unless it is `whole`, it may have lost something."""

    def __init__(self, clock: Clock, lease_ms: int) -> None:
        self.away = False
        self.whole = True
        self.calls = 0
        self.known: dict[str, tuple[Known, int]] = {}  # with when it is forgotten
        self._clock = clock
        self._lease_ms = lease_ms

    async def claim(self, asked: Identity) -> Claimed:
        self._called()
        known = next((known for name in asked.names if (known := self._find(name)) is not None), None)
        if known is None:
            self._run(asked)
        await asyncio.sleep(0)  # claimed, and not yet told
        return Claimed(known, self.whole)

    async def renew(self, running: Sequence[Identity]) -> None:
        self._called()
        for asked in running:
            if self._find(asked.names[0]) in (None, Running(asked.uid, asked.digests[0])):
                self._run(asked)

    async def complete(self, asked: Identity, done: Done, keep_ms: int) -> None:
        self._called()
        await asyncio.sleep(0)
        if not isinstance(self._find(asked.names[0]), Done):
            self.known[asked.names[0]] = done, self._clock.ms() + keep_ms

    async def free(self, asked: Identity) -> None:
        self._called()
        await asyncio.sleep(0)
        known = self._find(asked.names[0])
        if isinstance(known, Running) and known.uid == asked.uid:
            del self.known[asked.names[0]]

    def _run(self, asked: Identity) -> None:
        running = Running(asked.uid, asked.digests[0])
        self.known[asked.names[0]] = running, self._clock.ms() + self._lease_ms

    def _find(self, name: str) -> Known | None:
        known, until_ms = self.known.get(name, (None, 0))
        return known if until_ms > self._clock.ms() else None

    def _called(self) -> None:
        self.calls += 1
        if self.away:
            raise StoreUnavailable


class MemoryCharged:
    """A `ChargedRequests`. `away` makes it unreachable."""

    def __init__(self) -> None:
        self.away = False
        self.calls = 0
        self.charged_at: dict[bytes, tuple[Done, int]] = {}  # by digest, with the moment of its admission

    async def charged(self, asked: Identity, since_ms: int) -> Done | None:
        self.calls += 1
        if self.away:
            raise StoreUnavailable
        for digest in asked.digests:
            done, at_ms = self.charged_at.get(digest, (None, 0))
            if done is not None and at_ms > since_ms:
                return done
        return None


class MemoryJournal:
    """A `Journal`. `full` makes its disk full, `unsure` names the methods whose write an fsync loses."""

    def __init__(self) -> None:
        self.full = False
        self.unsure: set[str] = set()
        self._latest = ""  # of those methods
        self.admitted: list[Admitted] = []
        self.firsts: list[UUID] = []
        self.settled: list[RequestRecord] = []
        self.attempts: list[tuple[UUID, str, int]] = []
        self.noted: dict[UUID, tuple[Tokens, UsageSource]] = {}  # how far each was when it was last told

    async def admit(self, admitted: Admitted) -> None:
        self._write()
        self.admitted.append(admitted)
        self._latest = "admit"

    def attempt(self, uid: UUID, upstream: str, number: int) -> None:
        self.attempts.append((uid, upstream, number))

    def progress(self, uid: UUID, tokens: Tokens, source: UsageSource) -> None:
        self.noted[uid] = (tokens, source)

    def first(self, uid: UUID, at_ms: int) -> None:  # noqa: ARG002 - the port's signature
        self._write()
        self.firsts.append(uid)

    def settle(self, record: RequestRecord) -> None:
        self._write()
        self.settled.append(record)
        self._latest = "settle"

    async def start(self) -> None:
        """Nothing: a list is on no disk."""

    async def sync(self) -> None:
        self._write()
        if self._latest in self.unsure:
            raise StoreUnavailable

    def _write(self) -> None:
        if self.full:
            raise StoreUnavailable
