"""Promotional credit in the database: usage takes of it first."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import connection

from billing import granting
from billing.models import CreditGrant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from billing.granting import Taken

_TAKE = """
UPDATE billing_creditgrant SET left_nanos = left_nanos - taken.nanos
FROM unnest(%s::int8[], %s::int8[]) AS taken (id, nanos) WHERE billing_creditgrant.id = taken.id
"""


def take(costs: Mapping[UUID, int], at: datetime) -> dict[UUID, Taken]:
    """Divide what workspaces were charged. The caller holds their balances, and posts what is returned."""
    found: defaultdict[UUID, list[granting.Grant]] = defaultdict(list)
    open_grants = CreditGrant.objects.filter(workspace__in=list(costs), left_nanos__gt=0)
    for one in open_grants:
        found[one.workspace_id].append(granting.Grant(one.id, one.left_nanos, one.granted_at, one.expires_at))
    taken = {workspace: granting.take(cost, found[workspace], at) for workspace, cost in costs.items()}
    lower(part for each in taken.values() for part in each.of_grants)
    return taken


def lower(parts: Iterable[tuple[int, int]]) -> None:
    if columns := [list(column) for column in zip(*parts, strict=True)]:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, columns)
