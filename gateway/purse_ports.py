"""What purses need of the world: Postgres says what is left, Redis counts what is held by all processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from uuid import UUID

    from gateway.purses import Wallet


class AnotherLife(StoreUnavailable):
    """Redis lost everything since it was told, and so did nothing: neither did it take back an escrow."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at Postgres, all of one moment."""

    wallets: Mapping[UUID, Wallet]
    recorded: frozenset[UUID]  # of the requests that were asked for
    writers: tuple[str, ...]  # that may hold something: their journals are not shipped to the end
    buried: tuple[str, ...]  # of those asked for, who held and so were entered: it is recorded or free


class Books(Protocol):
    """Postgres. Every call raises `StoreUnavailable` when it cannot be asked."""

    async def register(self, writer: str) -> None:
        """Enter a process among the writers, if it is not there."""
        ...

    async def read(
        self, workspaces: Collection[UUID], uids: Sequence[UUID], strangers: Collection[str], at_ms: int
    ) -> Reading: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One purse of a refresh: what is left (None: its budget is gone), and of this process's number the recorded part.

    The escrow becomes one of so many `parts` of what is available; 0: none is kept.
    """

    purse: str
    left: int | None
    recorded: int
    escrow: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshing:
    """What a process tells of one workspace's purses. `may_make`: before this was read, all had told their numbers."""

    version: int
    may_make: bool
    least: int  # a smaller escrow is none
    writers: tuple[str, ...]
    buried: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What it hears, of each line: by how much the escrow changed, its number, whether the purse is made."""

    complete: bool  # all writers have told their numbers
    escrow: tuple[int, ...]
    numbers: tuple[int, ...]
    made: tuple[bool, ...]
    strangers: tuple[str, ...]  # hold something, and are no writers: buried, or newer than the look at Postgres


class PurseStore(Protocol):
    """Redis, as one process sees it."""

    @property
    def away(self) -> bool: ...

    @property
    def joined(self) -> bool:
        """Whether what this process holds is known there: never while it is away."""
        ...

    @property
    def generation(self) -> int:
        """Grows whenever everything is told anew."""
        ...

    def lose(self) -> None:
        """Note that something was lost there."""
        ...

    async def rejoin(self) -> None:
        """Tell everything anew. Raise `StoreUnavailable` where that cannot be."""
        ...

    async def refresh(self, refreshing: Refreshing, heard: Callable[[Refreshed], None]) -> Refreshed:
        """Tell what Postgres says. `heard` is called at once, in the order in which it all happens there.

        Raise `AnotherLife` where nothing was done, and `StoreUnavailable` where that is not known.
        """
        ...
