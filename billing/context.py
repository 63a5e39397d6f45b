"""The balance that every portal page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.reports.account import funds

if TYPE_CHECKING:
    from django.http import HttpRequest


def balance(request: HttpRequest) -> dict[str, object]:
    """Give `balance_nanos` of the signed-in user's workspace and whether it is `used_up`; nothing to everybody else."""
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    has = funds(workspace)
    return {"balance_nanos": has.nanos, "used_up": not has.spendable_nanos}
