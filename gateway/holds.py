"""What one process holds of purses: its memory, of which all that Redis knows of it is derived. Pure; nano-dollars.

A purse's number is what must count as held: what runs, at the most it can cost; what was settled and is not known to be
recorded; what is recorded and not yet taken off in Redis; and the escrow, out of which requests are let in while Redis
is away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from gateway.purses import ESCROW_SHARE, granted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from gateway.purses import Wanted


@dataclass(slots=True)
class Own:
    """What this process holds of one purse."""

    running: int = 0
    settled: int = 0
    recorded: int = 0
    escrow: int = 0
    lent: int = 0  # of the escrow, while Redis is asked how much of it stays

    @property
    def number(self) -> int:
        return self.running + self.settled + self.recorded + self.escrow + self.lent


@dataclass(frozen=True, slots=True)
class Hold:
    workspace_id: UUID
    purses: tuple[str, ...]
    nanos: int
    shared: bool = False  # let in beyond what Redis knows of, while it was away


NOTHING = Own()


class Holds:
    """Holds by request, and their sums by purse."""

    def __init__(self) -> None:
        self._own: dict[UUID, dict[str, Own]] = {}
        self._running: dict[UUID, Hold] = {}
        self._settled: dict[UUID, dict[UUID, Hold]] = {}  # by workspace, at what they cost

    def __len__(self) -> int:
        return len(self._running)

    def of(self, workspace_id: UUID, purse: str) -> Own:
        return self._own.get(workspace_id, {}).get(purse, NOTHING)

    def workspaces(self) -> Collection[UUID]:
        """Return those of whose purses something is held."""
        return tuple(self._own)

    def purses(self, workspace_id: UUID) -> Mapping[str, Own]:
        return self._own.get(workspace_id, {})

    def numbers(self) -> Iterator[tuple[str, Own]]:
        for purses in self._own.values():
            yield from purses.items()

    def unrecorded(self, workspaces: Collection[UUID], most: int) -> list[UUID]:
        """Return requests that are settled and not known to be recorded, of each workspace the oldest first."""
        settled = (uid for workspace_id in workspaces for uid in self._settled.get(workspace_id, ()))
        return list(islice(settled, most))

    def hold(self, uid: UUID, hold: Hold) -> None:
        self._running[uid] = hold
        for purse in hold.purses:
            self._of(hold.workspace_id, purse).running += hold.nanos

    def settle(self, uid: UUID, cost: int, *, away: bool = False) -> Hold | None:
        """Lower a hold to the exact cost, once; return it with what that frees, or None where nothing runs under it.

        While Redis is away what is freed stays held there, so it is at hand for others.
        """
        hold = self._running.pop(uid, None)
        if hold is None:
            return None
        freed = hold.nanos - cost
        for purse in hold.purses:
            own = self._of(hold.workspace_id, purse)
            own.running -= hold.nanos
            own.settled += cost
            if away and not hold.shared:
                own.escrow += freed
        if cost:
            self._settled.setdefault(hold.workspace_id, {})[uid] = Hold(hold.workspace_id, hold.purses, cost)
        self._tidy(hold)
        return Hold(hold.workspace_id, hold.purses, 0 if away else freed)

    def record(self, workspaces: Collection[UUID], uids: AbstractSet[UUID]) -> None:
        """Note that Postgres has these of their requests: what they cost is part of what it says is left."""
        for workspace_id in workspaces:
            settled = self._settled.get(workspace_id, {})
            for uid in settled.keys() & uids:
                hold = settled.pop(uid)
                for purse in hold.purses:
                    own = self._of(workspace_id, purse)
                    own.settled -= hold.nanos
                    own.recorded += hold.nanos
            if not settled:
                self._settled.pop(workspace_id, None)

    def lend(self, workspace_id: UUID, purse: str) -> Own:
        """Lay the escrow aside, so that nobody is let in out of what Redis may just take back."""
        own = self._of(workspace_id, purse)
        own.escrow, own.lent = 0, own.escrow + own.lent
        return own

    def agree(self, workspace_id: UUID, purse: str, *, dropped: int, escrow: int) -> None:
        """Take what Redis says: so much of what is recorded is taken off there, and so much is put into the escrow."""
        own = self._of(workspace_id, purse)
        own.recorded -= dropped
        own.lent += escrow

    def restore(self, workspace_id: UUID, purse: str) -> None:
        """Have the escrow at hand again."""
        own = self._of(workspace_id, purse)
        own.escrow, own.lent = own.escrow + own.lent, 0
        self._tidy(Hold(workspace_id, (purse,), 0))

    def forfeit(self, workspace_id: UUID, purse: str) -> None:
        """Have nothing at hand: it is not known whether that is still held in Redis."""
        self._of(workspace_id, purse).lent = 0
        self._tidy(Hold(workspace_id, (purse,), 0))

    def from_escrow(self, uid: UUID, workspace_id: UUID, purses: tuple[str, ...], wanted: Wanted) -> int | None:
        """Let a request in out of what is at hand; return its tokens, or None: then nothing is taken."""
        tokens, _ = granted(wanted, [self.of(workspace_id, purse).escrow for purse in purses])
        if tokens < wanted.least:
            return None
        nanos = wanted.nanos(tokens)
        for purse in purses:
            self._of(workspace_id, purse).escrow -= nanos
        self.hold(uid, Hold(workspace_id, purses, nanos))
        return tokens

    def from_share(
        self, uid: UUID, workspace_id: UUID, left: Mapping[str, int], wanted: Wanted, processes: int
    ) -> int | None:
        """Let a request in out of this process's share of what Postgres says is left, less what it holds already."""
        free: Sequence[int] = [
            most // (ESCROW_SHARE * processes) - own.running - own.settled
            for most, own in ((most, self.of(workspace_id, purse)) for purse, most in left.items())
        ]
        tokens, _ = granted(wanted, free)
        if tokens < wanted.least:
            return None
        self.hold(uid, Hold(workspace_id, tuple(left), wanted.nanos(tokens), shared=True))
        return tokens

    def _of(self, workspace_id: UUID, purse: str) -> Own:
        purses = self._own.setdefault(workspace_id, {})
        if (own := purses.get(purse)) is None:
            own = purses[purse] = Own()
        return own

    def _tidy(self, hold: Hold) -> None:
        """Forget purses of which nothing is held."""
        purses = self._own.get(hold.workspace_id, {})
        for purse in hold.purses:
            if purse in purses and not purses[purse].number:
                del purses[purse]
        if not purses:
            self._own.pop(hold.workspace_id, None)
