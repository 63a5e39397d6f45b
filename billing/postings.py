"""Double entries: a posting and its sides, once for its key, with the balance that they move. Only `ledger` calls it.

Postgres refuses a transaction in which a posting's sides do not sum to zero.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from billing.models import CUSTOMER, Account, Posting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

_POST = """
INSERT INTO billing_posting (workspace_id, kind, nanos, key, note, posted_at)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::int8[], %s::text[], %s::text[], %s::timestamptz[])
ON CONFLICT (key) DO NOTHING RETURNING key, id
"""
_ENTER = """
INSERT INTO billing_entry (posting_id, account, nanos, grant_id)
SELECT * FROM unnest(%s::int8[], %s::text[], %s::int8[], %s::int8[])
"""
_BALANCE = """
UPDATE billing_balance SET nanos = billing_balance.nanos + moved.nanos, version = version + 1
FROM unnest(%s::uuid[], %s::int8[]) AS moved (workspace_id, nanos)
WHERE billing_balance.workspace_id = moved.workspace_id
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One account's side of a posting, nano-dollars; `grant_id` of promotional credit only."""

    account: Account
    nanos: int
    grant_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What is to be posted. `nanos` is what it does to the workspace's balance: the sum of the customer's sides."""

    workspace_id: UUID
    kind: Posting.Kind
    nanos: int
    key: str
    at: datetime
    note: str = ""


def begin(movements: Sequence[Movement]) -> dict[str, int]:
    """Write postings; return the ids, by their keys, of those that were not there yet. Each needs its sides at once."""
    if not movements:
        return {}
    rows = [(each.workspace_id, each.kind.value, each.nanos, each.key, each.note, each.at) for each in movements]
    with connection.cursor() as cursor:
        cursor.execute(_POST, [list(column) for column in zip(*rows, strict=True)])
        return dict(cursor.fetchall())


def enter(sides: Sequence[tuple[int, Side]], workspaces: Mapping[int, UUID]) -> None:
    """Write sides, each of a posting's id, and move the balances; `workspaces` has each posting's workspace."""
    rows = [(posting, side.account.value, side.nanos, side.grant_id) for posting, side in sides if side.nanos]
    moved: defaultdict[UUID, int] = defaultdict(int)
    for posting, side in sides:
        if side.account in CUSTOMER:
            moved[workspaces[posting]] += side.nanos
    with connection.cursor() as cursor:
        cursor.execute(_ENTER, [list(column) for column in zip(*rows, strict=True)])
        cursor.execute(_BALANCE, [list(moved), list(moved.values())])
