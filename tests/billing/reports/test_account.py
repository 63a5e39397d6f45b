"""The balance and its postings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing import ledger
from billing.models import Balance, Posting
from billing.reports.account import Funds, entries, funds
from tests.billing.seed import NOW, tenant

pytestmark = pytest.mark.django_db


def test_funds_are_the_balance_and_what_may_be_spent_of_it() -> None:
    alice = tenant("alice")
    assert funds(alice.workspace) == Funds(5_000_000_000, 0)
    Balance.objects.filter(workspace=alice.workspace).update(nanos=-1_000_000_000, credit_line_nanos=3_000_000_000)
    assert funds(alice.workspace).spendable_nanos == 2_000_000_000


def test_a_workspace_without_a_balance_has_nothing() -> None:
    alice = tenant("alice")
    Balance.objects.filter(workspace=alice.workspace).delete()
    assert funds(alice.workspace) == Funds(0, 0)
    assert funds(alice.workspace).spendable_nanos == 0


def test_a_debt_beyond_the_credit_line_leaves_nothing_to_spend() -> None:
    assert Funds(-5, 3).spendable_nanos == 0


def test_entries_are_newest_first_page_by_page_and_nobody_elses() -> None:
    alice, mallory = tenant("alice"), tenant("mallory")
    for number in range(4):
        for who in (alice, mallory):
            ledger.credit(
                workspace=who.workspace,
                kind=Posting.Kind.TOP_UP,
                nanos=number + 1,
                key=f"{who.workspace.id}:{number}",
                note=f"payment {number}",
                at=NOW + timedelta(minutes=number),
            )
    first = entries(alice.workspace, size=3)
    assert [(entry.kind, entry.note, entry.nanos) for entry in first.rows] == [
        ("Credit added", "payment 3", 4),
        ("Credit added", "payment 2", 3),
        ("Credit added", "payment 1", 2),
    ]
    second = entries(alice.workspace, before=first.before, size=3)
    assert [(entry.kind, entry.nanos) for entry in second.rows] == [
        ("Credit added", 1),
        ("Sign-up credit", 5_000_000_000),
    ]
    assert second.before is None


def test_every_kind_of_posting_has_its_words() -> None:
    assert [kind.label for kind in Posting.Kind] == [
        *("Sign-up credit", "Promotional credit", "Credit added", "Adjustment", "Usage", "Credit expired", "Refund"),
        *("Payment of an invoice", "Credit note", "Tax of an invoice"),
    ]
