"""What a provider has and what was posted: a cent of difference, or a payment too many, is found and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from billing import ledger, topup
from billing.models import Posting
from billing.reconciliation import payments
from tests.billing.factories import check_now, forged
from tests.billing.payments.desks import BACK, order

if TYPE_CHECKING:
    from accounts.models import Workspace
    from tests.billing.payments.desks import Desk

pytestmark = pytest.mark.django_db
TEN_DAYS = timedelta(days=10)


def paid(desk: Desk, workspace: Workspace, *, settled: bool = True) -> str:
    """Pay $25, settle it, and return its payment intent."""
    provider, now = desk.provider, datetime.now(UTC)
    customer = provider.customer(workspace=str(workspace.id), email="")
    url = provider.begin(order(str(workspace.id)), customer=customer, return_url=BACK, keep_card=False)
    session = url.rsplit("/", 1)[1]
    desk.pay(session)
    intent = provider.session(session).payment_intent
    if settled:
        topup.settle(provider.payment(intent), provider=provider.name, at=now)
    return intent


def found(desk: Desk, workspace: Workspace, intent: str) -> list[tuple[str, int | str, int | str]]:
    """Return what is found about these; the sandbox has other tests' payments, too."""
    findings = payments.findings(desk.provider, since=datetime.now(UTC) - TEN_DAYS)
    own = {f"posting {posting.key}" for posting in Posting.objects.filter(workspace=workspace)}
    return [(each.about, each.expected, each.found) for each in findings if each.about in own or intent in each.about]


def test_rule_30_what_was_paid_and_given_back_agrees(desk: Desk, workspace: Workspace) -> None:
    intent = paid(desk, workspace)
    desk.provider.refund(intent, amount_cents=500, asked="")
    topup.settle(desk.provider.payment(intent), provider=desk.provider.name, at=datetime.now(UTC))
    assert Posting.objects.filter(workspace=workspace).count() == 2
    assert found(desk, workspace, intent) == []


def test_rule_30_a_posting_that_is_off_is_found(desk: Desk, workspace: Workspace) -> None:
    intent = paid(desk, workspace)
    check_now()
    with forged():
        Posting.objects.filter(workspace=workspace).update(nanos=25_000_000_001)
    assert found(desk, workspace, intent) == [(f"posting topup:{intent}", 25_000_000_000, 25_000_000_001)]


def test_rule_30_a_payment_that_was_not_posted_is_found(desk: Desk, workspace: Workspace) -> None:
    intent = paid(desk, workspace, settled=False)
    assert found(desk, workspace, intent) == [(f"posting topup:{intent}", 25_000_000_000, 0)]


def test_rule_30_credit_that_nobody_paid_is_found(desk: Desk, workspace: Workspace) -> None:
    now = datetime.now(UTC)
    ledger.credit(workspace=workspace, kind=Posting.Kind.TOP_UP, nanos=7, key="topup:pi_never", at=now)
    assert found(desk, workspace, "pi_never") == [("posting topup:pi_never", 0, 7)]
