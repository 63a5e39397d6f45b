"""Which of the charges that are about to be made repeat one that was made: a retry that ran all the same is free.

The gateway refuses a retry as long as it knows of the first request. Where it could not know, both ran, and this is
what bills one of them: a workspace's digest has one row, whoever writes it first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
from django.db import connection

from billing.models import Idempotency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

KEPT = timedelta(hours=24)  # so long after a request the same one again is a retry of it
PURGED_AFTER = timedelta(days=3)  # a retry may be shipped long after it ran

_HELD = """
SELECT workspace_id, digest, uid, admitted_at FROM billing_idempotency
JOIN unnest(%b::uuid[], %b::bytea[]) AS asked (workspace_id, digest) USING (workspace_id, digest)
"""
_HOLD = """
WITH got AS (
    INSERT INTO billing_idempotency AS held (workspace_id, digest, uid, admitted_at)
    SELECT * FROM unnest(%b::uuid[], %b::bytea[], %b::uuid[], %b::timestamptz[])
    ON CONFLICT (workspace_id, digest) DO UPDATE SET uid = excluded.uid WHERE held.uid = excluded.uid
    RETURNING 1
)
SELECT count(*) FROM got
"""

Name = tuple["UUID", bytes]  # a workspace's digest


@dataclass(frozen=True, slots=True)
class Charge:
    """A request that is to be charged; `digests` are those that a retry of it has, one or all, in common with it."""

    uid: UUID
    workspace_id: UUID
    digests: tuple[bytes, ...]
    admitted_at: datetime

    @property
    def names(self) -> list[Name]:
        return [(self.workspace_id, digest) for digest in self.digests]

    def repeats(self, other: Charge | None) -> bool:
        return other is not None and other.uid != self.uid and abs(self.admitted_at - other.admitted_at) < KEPT


def repeated(charges: Sequence[Charge]) -> set[UUID]:
    """Return those whose like is charged, and remember the others; inside the transaction that charges them.

    The caller holds the workspaces' balances, so nobody writes between the look and the insert. Should somebody, then
    the unique key decides: who does not get every digest that looked free is not charged.
    """
    held = _held(charges)
    free: dict[Name, Charge] = {}
    repeats: set[UUID] = set()
    for charge in charges:
        if any(charge.repeats(held.get(name)) for name in charge.names):
            repeats.add(charge.uid)
            continue
        for name in charge.names:  # all of them: the journal may ship a retry before the request it repeats
            if held.setdefault(name, charge).uid == charge.uid:
                free[name] = charge
    if _hold(free) < len(free):
        held = _held(list(free.values()))
        repeats |= {charge.uid for name, charge in free.items() if held[name].uid != charge.uid}
    return repeats


def purge(now: datetime) -> int:
    """Forget what no retry can repeat any more; return how many rows went."""
    return Idempotency.objects.filter(admitted_at__lt=now - PURGED_AFTER).delete()[0]


def _held(charges: Sequence[Charge]) -> dict[Name, Charge]:
    """Return who holds the digests of these charges."""
    asked = [name for charge in charges for name in charge.names]
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        rows = cursor.execute(_HELD, [list(column) for column in zip(*asked, strict=True)]).fetchall()
    return {(workspace, digest): Charge(uid, workspace, (digest,), at) for workspace, digest, uid, at in rows}


def _hold(free: Mapping[Name, Charge]) -> int:
    """Write who holds these digests now; return how many of them nobody else held."""
    if not free:
        return 0
    rows = [(*name, charge.uid, charge.admitted_at) for name, charge in free.items()]
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        (count,) = cursor.execute(_HOLD, [list(column) for column in zip(*rows, strict=True)]).fetchone() or (0,)
    return int(count)
