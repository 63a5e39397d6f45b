"""Lets one of a request and its retries run, for requests whose client chose an id; all others cost nothing here.

Asked in this order: what this process runs and charged lately, the claims of all processes, and the ledger where those
may have lost something. Who cannot be asked lets the request run: the ledger then bills one of them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.idempotency import KEPT_MS, LEASE_MS, Done, chosen_key, refusal
from gateway.lately import MOST_REMEMBERED, Lately
from gateway.ports import StoreUnavailable
from gateway.usage import CHARGED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from gateway.asgi import Request
    from gateway.idempotency import Identities, Identity, Known
    from gateway.ports import ChargedRequests, ClaimStore, Clock, Price, Principal
    from gateway.uids import RequestIds
    from gateway.usage import RequestRecord

BEAT_SECONDS = LEASE_MS / 3000
MOST_RENEWED = 200  # at once: Redis does nothing else meanwhile


class Claim:
    """Leave to run, until the block ends: what is not told to be charged by then may run again."""

    def __init__(self, claims: Claims, asked: Identity | None, price: Price) -> None:
        self.digests = () if asked is None else asked.digests
        self._claims = claims
        self._asked = asked
        self._price = price
        self._telling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(None)

    def settled(self, record: RequestRecord) -> None:
        """Begin to tell how the request ended. Nothing is awaited, so nothing can cancel it."""
        if record.outcome in CHARGED and record.digests:
            cost = self._price.nanos(record.tokens)
            self.end(Done(record.uid, record.digests[0], record.tokens, cost), record.duration_ms)
        else:
            self.end(None)

    def end(self, done: Done | None, ran_ms: int = 0) -> None:
        """Give the claim up; only its first end counts."""
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self._telling = self._claims.end(asked, done, KEPT_MS - ran_ms)

    async def told(self) -> None:
        """Return once the other processes know of the end, or cannot be told in time."""
        if self._telling is not None:
            await asyncio.wait((self._telling,))


@dataclass(frozen=True, slots=True)
class _Untold:
    """A charged request that the other processes do not know of."""

    asked: Identity
    done: Done
    until_ms: int


class Claims:
    """A process's claims. `keep` renews them; `close` waits for what is being told."""

    def __init__(
        self,
        identities: Identities,
        store: ClaimStore,
        ledger: ChargedRequests,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._identities = identities
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._chance = chance
        self._lately = Lately()
        self._telling: set[asyncio.Task[None]] = set()
        self._untold: dict[str, _Untold] = {}

    def identity(self, request: Request, ids: RequestIds, principal: Principal, body: bytes) -> Identity | None:
        """Return what names the request for its retries; None where its client chose nothing that could."""
        key, workspace_id = chosen_key(request.headers(b"idempotency-key")), principal.workspace_id
        if key is not None:
            return self._identities.strict(ids.uid, workspace_id, principal.key_id, key, body, self._clock.ms())
        if ids.chosen:
            return self._identities.loose(ids.uid, workspace_id, ids.request_id, body, self._clock.ms())
        return None

    async def claim(self, asked: Identity | None, price: Price) -> Claim:
        """Return leave to run; raise an `ApiError` where the like of it runs or is charged."""
        claim = Claim(self, asked, price)
        if asked is not None:
            self._refuse(asked, self._lately.find(asked, self._clock.ms()))
            self._lately.run(asked)
            try:
                self._refuse(asked, await self._elsewhere(asked))
            except BaseException:
                claim.end(None)
                raise
        return claim

    def end(self, asked: Identity, done: Done | None, keep_ms: int) -> asyncio.Task[None]:
        until_ms = self._clock.ms() + keep_ms
        self._lately.end(asked, done, until_ms)
        task = asyncio.create_task(self._tell(asked, done, until_ms))  # noqa: TID251 - ends by itself; `close` waits
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return task

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self.beat()

    async def beat(self) -> None:
        """Renew what runs here, and tell again what nobody could be told."""
        with suppress(StoreUnavailable):
            await self._renew()
            for name, late in list(self._untold.items()):
                await self._complete(late)
                self._untold.pop(name, None)

    async def close(self) -> None:
        if self._telling:
            await asyncio.wait(tuple(self._telling))

    async def _renew(self) -> None:
        """Never one that ended meanwhile: that would be held until its lease runs out."""
        running = self._lately.running
        for start in range(0, len(running), MOST_RENEWED):
            some = [asked for asked in running[start : start + MOST_RENEWED] if self._lately.runs(asked)]
            await self._store.renew(some)

    def _refuse(self, asked: Identity, known: Known | None) -> None:
        error = refusal(asked, known, self._chance())
        if error is not None:
            raise error

    async def _elsewhere(self, asked: Identity) -> Known | None:
        """Return what all the others know. Nobody waits for who does not answer at once."""
        with suppress(StoreUnavailable):
            held = await self._store.claim(asked)
            if held.known is not None or held.whole:
                return held.known
        with suppress(StoreUnavailable):
            return await self._ledger.charged(asked, self._clock.ms() - KEPT_MS)
        return None

    async def _tell(self, asked: Identity, done: Done | None, until_ms: int) -> None:
        try:
            if done is None:
                await self._store.free(asked)
            else:
                await self._complete(_Untold(asked, done, until_ms))
        except StoreUnavailable:
            if done is not None and len(self._untold) < MOST_REMEMBERED:
                self._untold[asked.names[0]] = _Untold(asked, done, until_ms)

    async def _complete(self, late: _Untold) -> None:
        keep_ms = late.until_ms - self._clock.ms()
        if keep_ms > 0:
            await self._store.complete(late.asked, late.done, keep_ms)
