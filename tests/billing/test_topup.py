from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from billing import topup
from billing.models import Balance, Payment, Posting, Refund
from billing.payments.provider import Order, Paid, Purpose, Refunded, State
from tests.billing.factories import make_workspace
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from accounts.models import Workspace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CENT = 10_000_000


def paid(workspace: object, *, intent: str = "pi_1", state: State = State.SUCCEEDED, **fields: Any) -> Paid:
    purpose = fields.pop("purpose", Purpose.TOP_UP)
    order = Order(workspace=str(workspace), amount_cents=2_500, purpose=purpose, invoice=fields.pop("invoice", ""))
    return Paid(payment_intent=intent, order=order, state=state, **fields)


def settle(found: Paid) -> bool:
    return topup.settle(found, provider="stripe", at=NOW)


def nanos(workspace: Workspace) -> int:
    return Balance.objects.get(workspace=workspace).nanos


def test_rule_17_a_payment_is_credited_once(workspace: Workspace) -> None:
    assert settle(paid(workspace.id)) is True
    assert settle(paid(workspace.id)) is False
    assert nanos(workspace) == 25_000_000_000
    posting = Posting.objects.get()
    assert (posting.kind, posting.key, posting.nanos) == ("top_up", "topup:pi_1", 25_000_000_000)


def test_a_payment_is_written_down_with_what_it_was_for(workspace: Workspace) -> None:
    settle(paid(workspace.id, purpose=Purpose.AUTO_TOP_UP, receipt_url="https://pay.stripe.com/1"))
    payment = Payment.objects.get()
    assert (payment.payment_intent, payment.provider, payment.purpose) == ("pi_1", "stripe", "auto_top_up")
    assert (payment.amount_cents, payment.currency, payment.status) == (2_500, "usd", "succeeded")
    assert (payment.receipt_url, payment.created_at) == ("https://pay.stripe.com/1", NOW)


def test_two_payments_are_credited_both(workspace: Workspace) -> None:
    settle(paid(workspace.id, intent="pi_1"))
    settle(paid(workspace.id, intent="pi_2"))
    assert nanos(workspace) == 50_000_000_000


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.NEEDS_AUTHENTICATION])
def test_what_is_not_paid_is_not_credited(workspace: Workspace, state: State) -> None:
    assert settle(paid(workspace.id, state=state)) is False
    assert not Posting.objects.exists()


def test_a_declined_payment_may_succeed_later_and_never_goes_back(workspace: Workspace) -> None:
    settle(paid(workspace.id, state=State.FAILED, decline="card_declined"))
    assert Payment.objects.get().decline == "card_declined"
    settle(paid(workspace.id))
    settle(paid(workspace.id, state=State.FAILED, decline="card_declined"))
    payment = Payment.objects.get()
    assert (payment.status, payment.decline, nanos(workspace)) == ("succeeded", "", 25_000_000_000)


@pytest.mark.django_db
@pytest.mark.parametrize("reference", ["", "nobody", uuid.uuid4()])
def test_a_payment_for_nobody_is_not_swallowed(reference: object) -> None:
    with pytest.raises(topup.UnknownPayer):
        settle(paid(reference))
    assert not Posting.objects.exists()


def test_another_currency_is_not_credited_as_dollars(workspace: Workspace) -> None:
    with pytest.raises(topup.UnknownPayer):
        settle(replace(paid(workspace.id), currency="jpy"))
    assert not Posting.objects.exists()


def test_a_payment_for_an_unknown_invoice_is_not_swallowed(workspace: Workspace) -> None:
    with pytest.raises(topup.UnknownPayer):
        settle(paid(workspace.id, purpose=Purpose.INVOICE, invoice=str(uuid.uuid4())))
    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_a_payment_does_not_move_to_another_workspace() -> None:
    first, second = make_workspace(), make_workspace("Other")
    settle(paid(first.id))
    with pytest.raises(topup.UnknownPayer):
        settle(paid(second.id))
    assert not Balance.objects.filter(workspace=second, nanos__gt=0).exists()


def test_rule_17_a_refund_is_taken_off_once(workspace: Workspace) -> None:
    refunds = (Refunded(id="re_1", amount_cents=700),)
    for _ in range(2):
        settle(paid(workspace.id, refunds=refunds))
    assert nanos(workspace) == 1_800 * CENT
    assert Posting.objects.get(key="refund:re_1").nanos == -700 * CENT
    refund = Refund.objects.get()
    assert (refund.refund_id, refund.amount_cents, refund.status) == ("re_1", 700, "done")


def test_rule_19_whichever_of_payment_and_refund_is_told_first_the_balance_is_right(workspace: Workspace) -> None:
    """The refund's event came first; the payment's comes late, with an answer from before the refund."""
    settle(paid(workspace.id, refunds=(Refunded(id="re_1", amount_cents=2_500),)))
    settle(paid(workspace.id))
    assert nanos(workspace) == 0
    assert list(Posting.objects.order_by("id").values_list("key", flat=True)) == ["topup:pi_1", "refund:re_1"]


def test_a_refund_that_failed_is_put_back_once(workspace: Workspace) -> None:
    settle(paid(workspace.id, refunds=(Refunded(id="re_1", amount_cents=700),)))
    for _ in range(2):
        settle(paid(workspace.id, refunds=(Refunded(id="re_1", amount_cents=700, failed=True),)))
    settle(paid(workspace.id, refunds=(Refunded(id="re_1", amount_cents=700),)))  # an answer from before
    assert nanos(workspace) == 2_500 * CENT
    assert Refund.objects.get().status == "failed"


def test_a_refund_that_failed_before_we_heard_of_it_moves_nothing(workspace: Workspace) -> None:
    settle(paid(workspace.id, refunds=(Refunded(id="re_1", amount_cents=700, failed=True),)))
    assert nanos(workspace) == 2_500 * CENT


@pytest.mark.django_db(transaction=True)
def test_rule_19_told_by_eight_at_once_a_payment_and_its_refund_are_posted_once() -> None:
    workspace = make_workspace()
    told = paid(workspace.id, refunds=(Refunded(id="re_1", amount_cents=700),))
    assert sum(at_once(8, lambda _: settle(told))) == 1
    assert nanos(workspace) == 1_800 * CENT
    assert (Posting.objects.count(), Payment.objects.count(), Refund.objects.count()) == (2, 1, 1)
