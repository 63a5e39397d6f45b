"""Which credit a cost is paid from: promotional before paid, the earliest to expire first, then the oldest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Grant:
    id: int
    left_nanos: int
    granted_at: datetime
    expires_at: datetime | None

    def usable(self, at: datetime) -> bool:
        return self.left_nanos > 0 and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a cost took: of grants, by their ids and never more than was left; and of what was paid for."""

    of_grants: tuple[tuple[int, int], ...]
    of_paid: int


def take(cost_nanos: int, grants: Iterable[Grant], at: datetime) -> Taken:
    """Divide a cost. What no grant covers is of what was paid for, into debt where need be."""
    if cost_nanos < 0:
        raise ValueError(f"a cost is not negative: {cost_nanos}")
    rest, taken = cost_nanos, []
    for grant in sorted((each for each in grants if each.usable(at)), key=_order):
        if not rest:
            break
        part = min(rest, grant.left_nanos)
        taken.append((grant.id, part))
        rest -= part
    return Taken(tuple(taken), rest)


def _order(grant: Grant) -> tuple[bool, datetime, datetime, int]:
    return (grant.expires_at is None, grant.expires_at or grant.granted_at, grant.granted_at, grant.id)
