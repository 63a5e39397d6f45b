from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from billing import topup
from billing.models import Balance, Posting
from billing.payments import Session

if TYPE_CHECKING:
    from accounts.models import Workspace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def session(reference: object, *, intent: str = "pi_1", paid: bool = True) -> Session:
    return Session(id="cs_1", payment_intent=intent, reference=str(reference), amount_cents=2_500, paid=paid)


def test_a_payment_is_credited_once(workspace: Workspace) -> None:
    assert topup.settle(session(workspace.id), at=NOW) is True
    assert topup.settle(session(workspace.id), at=NOW) is False
    assert Balance.objects.get(workspace=workspace).nanos == 25_000_000_000
    posting = Posting.objects.get()
    assert (posting.kind, posting.key, posting.nanos) == ("top_up", "topup:pi_1", 25_000_000_000)


def test_two_payments_are_credited_both(workspace: Workspace) -> None:
    topup.settle(session(workspace.id, intent="pi_1"), at=NOW)
    topup.settle(session(workspace.id, intent="pi_2"), at=NOW)
    assert Balance.objects.get(workspace=workspace).nanos == 50_000_000_000


def test_what_is_not_paid_is_not_credited(workspace: Workspace) -> None:
    assert topup.settle(session(workspace.id, paid=False), at=NOW) is False
    assert not Posting.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("reference", ["", "nobody", uuid.uuid4()])
def test_a_payment_for_nobody_is_not_swallowed(reference: object) -> None:
    with pytest.raises(topup.UnknownPayer):
        topup.settle(session(reference), at=NOW)
    assert not Posting.objects.exists()
