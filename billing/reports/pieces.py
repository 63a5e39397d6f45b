"""Records in the order of their uids, piece by piece, each asked for when the one before was taken.

A reader that is slow holds no cursor and no transaction meanwhile, and the first piece is there at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.db.models import QuerySet

    from billing.models import RequestRecord


async def pieces(records: QuerySet[RequestRecord], size: int) -> AsyncIterator[list[RequestRecord]]:
    """Yield so many at a time. They have to stand still meanwhile, as those of an issued invoice do."""
    ordered, rest = records.order_by("uid"), records.order_by("uid")
    while found := [record async for record in rest[:size]]:
        yield found
        if len(found) < size:
            return
        rest = ordered.filter(uid__gt=found[-1].uid)
