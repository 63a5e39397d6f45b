"""Promotional credit whose time is over: what is left of it goes to breakage, at the moment at which it expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from billing import grants, ledger
from billing.models import Account, CreditGrant, Posting
from billing.postings import Side

if TYPE_CHECKING:
    from datetime import datetime


def expire(now: datetime) -> int:
    """Post what is left of every grant that has expired; return how many nano-dollars that was. Safe to repeat."""
    due = CreditGrant.objects.filter(expires_at__lte=now, left_nanos__gt=0).order_by("workspace", "expires_at", "id")
    return sum(_expire(grant) for grant in due.select_related("workspace"))


def _expire(found: CreditGrant) -> int:
    with transaction.atomic():
        ledger.lock([found.workspace_id])
        grant = CreditGrant.objects.get(id=found.id)  # as usage has left it
        if not grant.left_nanos or grant.expires_at is None:
            return 0
        ledger.post(
            workspace=found.workspace,
            kind=Posting.Kind.EXPIRY,
            key=f"expire:{grant.id}",
            at=grant.expires_at,
            sides=(
                Side(Account.CUSTOMER_PROMO, -grant.left_nanos, grant.id),
                Side(Account.BREAKAGE, grant.left_nanos),
            ),
        )
        grants.lower([(grant.id, grant.left_nanos)])
        return grant.left_nanos
