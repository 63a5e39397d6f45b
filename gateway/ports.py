"""What the request path needs of the world. `gateway.stores` and `gateway.journal` answer; `gateway.runtime` picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.limits import UNTIERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from gateway.breaker.views import Counts, FleetView, RemoteOpen, UpstreamView
    from gateway.idempotency import Done, Identity, Known
    from gateway.limits import Answer, Asking, Limits
    from gateway.meter import Admitted
    from gateway.usage import RequestRecord, Tokens, UsageSource


class StoreUnavailable(Exception):  # noqa: N818 - the port's word
    """A store cannot be asked now. This is never an answer: not "no such key", not "no money"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whose key it is, and what it may use a minute and at once."""

    key_id: UUID
    workspace_id: UUID
    expires_at_ms: int | None
    limits: Limits = UNTIERED  # of the workspace
    key_limits: Limits | None = None  # the key's own, where it has lower ones

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

    def nanos(self, tokens: Tokens) -> int:
        """Return what the ledger charges for the tokens."""
        fresh = tokens.prompt - tokens.cached
        return fresh * self.input_nanos + tokens.cached * self.cached_nanos + tokens.completion * self.output_nanos


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a store of claims answers. Unless it is `whole`, it may have lost something of the last 24 hours."""

    known: Known | None
    whole: bool


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


class LimitStore(Protocol):
    """Requests and tokens a minute and requests at once, over all processes; and what the purses are asked to hold."""

    async def take(self, asking: Asking, held: Callable[[int], None]) -> Answer:
        """Take of all the request's limits and purses or of none; raise `StoreUnavailable` when that is late.

        `held` is told at once for how many tokens there is a hold, also where nobody waits for the answer any more.
        """
        ...

    def end(self, asking: Asking, tokens: int, freed: int = 0) -> None:
        """Give the places back and count what the request really took, at most once. Does not wait, never fails.

        `freed` is by how much its hold is lower now.
        """
        ...

    async def renew(self, running: Sequence[Asking]) -> int:
        """Keep the places of what runs, and return how many processes of the fleet keep theirs."""
        ...


class PriceBook(Protocol):
    async def at(self, model: str, at_ms: int) -> Price | None: ...


class ClaimStore(Protocol):
    """Who runs which request, across processes. Every method raises `StoreUnavailable`, after little time."""

    async def claim(self, asked: Identity) -> Claimed:
        """Claim the first name for a while; where one of the names is known already, return what it is known for."""
        ...

    async def renew(self, running: Sequence[Identity]) -> None:
        """Hold some claims of what still runs a while longer, and make again those that were lost."""
        ...

    async def complete(self, asked: Identity, done: Done, keep_ms: int) -> None:
        """Remember that it is charged, unless another one is."""
        ...

    async def free(self, asked: Identity) -> None:
        """Give the claim back, if it is still this request's."""
        ...


class ChargedRequests(Protocol):
    """What the ledger knows of retries: the last word, and some tenths of a second behind."""

    async def charged(self, asked: Identity, since_ms: int) -> Done | None:
        """Return a request that is charged and has a digest in common; raise `StoreUnavailable` after little time."""
        ...


class Journal(Protocol):
    """The durable write. What it took, it hands to the shipper even if this process dies now."""

    async def admit(self, admitted: Admitted) -> None:
        """Write the admission and hand it to the disk; `sync` returns once it is there."""
        ...

    def attempt(self, uid: UUID, upstream: str, number: int) -> None:
        """Note that an upstream is asked now. Only the record of an interrupted request needs it: it never fails."""
        ...

    def first(self, uid: UUID, at_ms: int) -> None: ...

    def progress(self, uid: UUID, tokens: Tokens, source: UsageSource) -> None:
        """Note what the client will have been given, before it is."""
        ...

    def settle(self, record: RequestRecord) -> None:
        """Write the end at once: no await, so nothing can cancel it."""
        ...

    async def start(self) -> None:
        """Hand all that was written to the disk, and return while it works."""
        ...

    async def sync(self) -> None:
        """Return once all that was written is on disk."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a process tells the others of one upstream about once a second."""

    counts: Counts  # since it told last
    open: RemoteOpen | None = None  # its own breaker, where that is open and concerns others
    epoch: int = 0  # the latest that it heard; an `open` of an older one is not taken
    recovered: bool = False  # its probes found the upstream well since it told last: this begins the next epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    host: str
    process: str  # of that host, never the same twice
    tick: int  # grows by each telling: one that comes late, after a later one, changes nothing
    views: tuple[UpstreamView, ...]  # for people
    upstreams: Mapping[str, Telling]


@dataclass(frozen=True, slots=True)
class Heard:
    """What it hears in return, of each upstream that it told of."""

    views: Mapping[str, FleetView]
    epochs: Mapping[str, int]  # a higher one than before: a probe of somebody found the upstream well
    orders: int  # another number than before: an operator has drained or restored something


class FleetStore(Protocol):
    """Where processes meet that serve the same upstreams. Every call raises `StoreUnavailable` within 50 ms or so.

    Times are seconds from now on: clocks of different machines are never compared.
    """

    async def exchange(self, told: Told) -> Heard: ...

    async def lease_probe(self, upstream: str, holder: str) -> bool:
        """Take the one leave to probe an upstream, or renew it; False while another holds it. It ends by itself."""
        ...

    async def free_probe(self, upstream: str, holder: str) -> None:
        """Give it back, if it is still the holder's."""
        ...


class Orders(Protocol):
    async def drained(self) -> frozenset[str]:
        """Return the names of the upstreams that an operator has drained."""
        ...
