"""The balance of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from billing.models import Balance, Posting

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace


def open_balance(*, workspace: Workspace, credit_nanos: int, at: datetime) -> None:
    """Open the workspace's balance, with its sign-up credit when there is one."""
    with transaction.atomic():
        Balance.objects.create(workspace=workspace, nanos=credit_nanos)
        if credit_nanos > 0:
            Posting.objects.create(
                workspace=workspace,
                kind=Posting.Kind.SIGNUP_CREDIT,
                nanos=credit_nanos,
                key=f"signup:{workspace.pk}",
                posted_at=at,
            )
