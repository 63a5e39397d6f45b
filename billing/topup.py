"""A payment becomes credit, once, whoever tells first: the provider's webhook or the payer's browser coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from accounts.models import Workspace
from billing import ledger
from billing.models import Posting
from billing.money import NANOS_PER_CENT

if TYPE_CHECKING:
    from datetime import datetime

    from billing.payments import Session


class UnknownPayer(LookupError):  # noqa: N818 - reads as what it is
    """The payment's reference is no workspace of ours: somebody must look."""


def settle(session: Session, *, at: datetime) -> bool:
    """Credit what was paid and say whether this call did it. Keyed by the payment, so that any repeat is harmless."""
    if not session.paid:
        return False
    try:
        workspace = Workspace.objects.get(id=UUID(session.reference))
    except (ValueError, Workspace.DoesNotExist):
        raise UnknownPayer(session.payment_intent) from None
    return ledger.credit(
        workspace=workspace,
        kind=Posting.Kind.TOP_UP,
        nanos=session.amount_cents * NANOS_PER_CENT,
        key=f"topup:{session.payment_intent}",
        note="Credit added",
        at=at,
    )
