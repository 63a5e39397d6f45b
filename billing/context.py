"""The balance that every portal page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.models import Balance

if TYPE_CHECKING:
    from django.http import HttpRequest


def balance(request: HttpRequest) -> dict[str, object]:
    """Give `balance_nanos` of the signed-in user's workspace; absent for everybody else."""
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    row = Balance.objects.filter(workspace=workspace).first()
    return {"balance_nanos": row.nanos if row else 0}
