"""Who holds which key: a cache over Postgres, in which a revocation announced on Redis takes effect at once.

An entry is served for `SOFT` seconds as it is, until `HARD` while it is read again beside the request, then no longer;
only while Postgres is away is a key that was seen alive served on, until `STALE`. So a revoked key is refused within a
second with Redis, within `HARD` without it, and within `STALE` without Postgres.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from gateway.ports import Principal, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Any
    from uuid import UUID

    from gateway.ports import Clock

    Lookup = Callable[[Sequence[bytes]], Awaitable[Principal | None]]
    Spawn = Callable[[Coroutine[Any, Any, None]], object]

SOFT = 5.0
HARD = 30.0
STALE = 600.0
NEGATIVE = 10.0
NEVER = float("-inf")
AGAIN = 1.0  # after Postgres did not answer
MOST = 10_000


@dataclass(slots=True)
class _Entry:
    principal: Principal
    read_at: float
    failed_at: float = NEVER  # Postgres was last asked for it in vain
    distrusted: bool = False  # a revocation may have been missed: ask Postgres first
    refreshing: bool = False

    def trusted(self, now: float) -> bool:
        return not self.distrusted and now - self.read_at < HARD


class CachedKeys:
    """The `KeyStore` of a process. `look_up` asks Postgres and raises `StoreUnavailable` when it cannot."""

    def __init__(self, look_up: Lookup, clock: Clock, spawn: Spawn, *, most: int = MOST) -> None:
        self._look_up = look_up
        self._clock = clock
        self._spawn = spawn
        self._most = most
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()  # until when; apart, or guesses crowd out the known
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._drops = 0
        self._used: dict[UUID, int] = {}

    async def find(self, digests: Sequence[bytes]) -> Principal | None:
        now = self._clock.seconds()
        entry = self._entries.get(digests[0])
        if entry is None:
            return None if self._is_unknown(digests[0], now) else await self._ask(digests)
        self._entries.move_to_end(digests[0])
        if not entry.trusted(now):
            return await self._ask(digests)
        if now - entry.read_at >= SOFT:
            self._ask_beside(digests, entry, now)
        return entry.principal

    def used(self, key_id: UUID, at_ms: int) -> None:
        self._used[key_id] = at_ms

    def take_used(self) -> dict[UUID, int]:
        """Hand over the latest use of each key since the last call."""
        used, self._used = self._used, {}
        return used

    def drop(self, key_id: UUID) -> None:
        """Forget a key that was revoked, also in look-ups that are under way."""
        self._drops += 1
        for digest in [digest for digest, entry in self._entries.items() if entry.principal.key_id == key_id]:
            del self._entries[digest]

    def distrust(self) -> None:
        """Trust no entry before Postgres confirms it: announcements may have been missed."""
        self._drops += 1
        for entry in self._entries.values():
            entry.distrusted, entry.failed_at = True, NEVER

    def _is_unknown(self, digest: bytes, now: float) -> bool:
        return now < self._unknown.get(digest, NEVER)

    async def _ask(self, digests: Sequence[bytes]) -> Principal | None:
        """Ask Postgres, once for all who wait for the same key. Where it did not answer before, nobody waits for it."""
        lock = self._locks.setdefault(digests[0], asyncio.Lock())
        async with lock:
            now = self._clock.seconds()
            entry = self._entries.get(digests[0])
            if entry is None:
                return None if self._is_unknown(digests[0], now) else await self._read(digests)
            if entry.trusted(now):
                return entry.principal
            if entry.failed_at > entry.read_at:
                self._ask_beside(digests, entry, now)
            else:
                try:
                    return await self._read(digests)
                except StoreUnavailable:
                    entry.failed_at = self._clock.seconds()
            return self._stale(digests[0], entry)

    def _stale(self, digest: bytes, entry: _Entry) -> Principal:
        if self._entries.get(digest) is entry and self._clock.seconds() - entry.read_at < STALE:
            return entry.principal
        raise StoreUnavailable

    async def _read(self, digests: Sequence[bytes]) -> Principal | None:
        while True:
            drops = self._drops
            principal = await self._look_up(digests)
            if drops == self._drops:  # else what was read may be older than the revocation
                break
        now = self._clock.seconds()
        if principal is None:
            self._entries.pop(digests[0], None)
            self._unknown[digests[0]] = now + NEGATIVE
        else:
            self._entries[digests[0]] = _Entry(principal, now)
        for kept in (self._entries, self._unknown):
            if len(kept) > self._most:
                kept.popitem(last=False)
        return principal

    def _ask_beside(self, digests: Sequence[bytes], entry: _Entry, now: float) -> None:
        if not entry.refreshing and now - entry.failed_at >= AGAIN:
            entry.refreshing = True
            self._spawn(self._refresh(digests, entry))

    async def _refresh(self, digests: Sequence[bytes], entry: _Entry) -> None:
        try:
            await self._read(digests)
        except StoreUnavailable:
            entry.refreshing, entry.failed_at = False, self._clock.seconds()
