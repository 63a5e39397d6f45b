"""What the request path needs of the world. `gateway.stores` and `gateway.journal` answer; `gateway.runtime` picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gateway.meter import Admitted
    from gateway.usage import RequestRecord


class StoreUnavailable(Exception):  # noqa: N818 - the port's word
    """A store cannot be asked now. This is never an answer: not "no such key", not "no money"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whose key it is, and what its workspace could spend when the key was last read."""

    key_id: UUID
    workspace_id: UUID
    expires_at_ms: int | None
    spendable_nanos: int

    def expired(self, now_ms: int) -> bool:
        return self.expires_at_ms is not None and self.expires_at_ms <= now_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Nano-dollars a token over [starts_at_ms, ends_at_ms)."""

    id: UUID
    input_nanos: int
    cached_nanos: int
    output_nanos: int
    starts_at_ms: int
    ends_at_ms: int | None

    def holds(self, at_ms: int) -> bool:
        return self.starts_at_ms <= at_ms and (self.ends_at_ms is None or at_ms < self.ends_at_ms)


class Clock(Protocol):
    def ms(self) -> int:
        """Milliseconds since the Unix epoch, for records."""
        ...

    def seconds(self) -> float:
        """Seconds that never go back, for waits and ages."""
        ...


class KeyStore(Protocol):
    async def find(self, digests: Sequence[bytes]) -> Principal | None:
        """Return the owner of the live key that has one of these digests; raise `StoreUnavailable` if none can say."""
        ...

    def used(self, key_id: UUID, at_ms: int) -> None:
        """Note a use; written down later, never in a request."""
        ...


class PriceBook(Protocol):
    async def at(self, model: str, at_ms: int) -> Price | None: ...


class Journal(Protocol):
    """The durable write. What it took, it hands to the shipper even if this process dies now."""

    async def admit(self, admitted: Admitted) -> None:
        """Write the admission and hand it to the disk; `sync` returns once it is there."""
        ...

    def first(self, uid: UUID, at_ms: int) -> None: ...

    def settle(self, record: RequestRecord) -> None:
        """Write the end at once: no await, so nothing can cancel it."""
        ...

    async def start(self) -> None:
        """Hand all that was written to the disk, and return while it works."""
        ...

    async def sync(self) -> None:
        """Return once all that was written is on disk."""
        ...
