"""The stores' twins in memory: the same contracts, for one process that keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.ports import StoreUnavailable
from gateway.stores.prices import holding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gateway.meter import Admitted
    from gateway.ports import Price, Principal
    from gateway.usage import RequestRecord


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


class MemoryJournal:
    """A `Journal`. `full` makes its disk full, `unsure` names the methods whose write an fsync loses."""

    def __init__(self) -> None:
        self.full = False
        self.unsure: set[str] = set()
        self._latest = ""  # of those methods
        self.admitted: list[Admitted] = []
        self.firsts: list[UUID] = []
        self.settled: list[RequestRecord] = []

    async def admit(self, admitted: Admitted) -> None:
        self._write()
        self.admitted.append(admitted)
        self._latest = "admit"

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
