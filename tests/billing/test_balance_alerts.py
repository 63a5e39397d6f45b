"""A low balance is told once each time that it falls below what its owner set."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail

from accounts.models import Role
from billing import balance_alerts, ledger
from billing.models import Balance, BalanceAlert, Posting
from tests.billing.seed import NOW, Tenant, member, record, tenant
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db
COST = 2_601_900
CREDIT = 5_000_000_000  # as each tenant begins


@pytest.fixture
def alice() -> Tenant:
    return tenant("alice")


def put(of: Tenant, nanos: int) -> None:
    balance_alerts.put(of.workspace, nanos, by=of.owner, at=NOW)


def add(of: Tenant, nanos: int, key: str) -> None:
    ledger.credit(workspace=of.workspace, kind=Posting.Kind.ADJUSTMENT, nanos=nanos, key=key, at=NOW)


def test_nobody_is_told_who_has_not_asked_for_it(alice: Tenant) -> None:
    add(alice, -CREDIT, "all of it")
    assert balance_alerts.tell(NOW) == 0


def test_people_who_pay_are_told_once_and_again_after_it_rose(alice: Tenant) -> None:
    clerk = member(alice.workspace, Role.BILLING)
    member(alice.workspace, Role.DEVELOPER)
    put(alice, CREDIT)
    assert balance_alerts.tell(NOW) == 0  # exactly as much is not below
    record(alice.key, NOW)
    assert [balance_alerts.tell(NOW) for _ in range(2)] == [1, 0]
    record(alice.key, NOW)
    assert balance_alerts.tell(NOW) == 0
    add(alice, 2 * COST, "up again")
    assert balance_alerts.tell(NOW) == 0
    record(alice.key, NOW)
    assert balance_alerts.tell(NOW + timedelta(hours=1)) == 1
    assert {tuple(sorted(each.to)) for each in mail.outbox} == {tuple(sorted((alice.owner.email, clerk.email)))}
    assert mail.outbox[0].subject == "Low balance: alice has less than $5.00 left"
    assert "has $4.99 left to spend, less than the $5.00" in mail.outbox[0].body


def test_who_sets_it_above_what_is_there_is_not_told_of_what_they_see(alice: Tenant) -> None:
    put(alice, 2 * CREDIT)
    assert balance_alerts.tell(NOW) == 0
    assert BalanceAlert.objects.get().told_at == NOW


def test_a_credit_line_counts_as_money_that_is_left(alice: Tenant) -> None:
    Balance.objects.filter(workspace=alice.workspace).update(credit_line_nanos=CREDIT)
    put(alice, CREDIT)
    add(alice, -CREDIT, "all of it")
    assert balance_alerts.tell(NOW) == 0
    record(alice.key, NOW)
    assert balance_alerts.tell(NOW) == 1


def test_a_mail_that_does_not_go_out_is_tried_again(alice: Tenant, settings: Settings) -> None:
    put(alice, CREDIT)
    record(alice.key, NOW)
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "tests.fakes.mail.Away"
    assert (balance_alerts.tell(NOW), BalanceAlert.objects.get().told_at) == (0, None)
    settings.EMAIL_BACKEND = works
    assert (balance_alerts.tell(NOW), BalanceAlert.objects.get().told_at) == (1, NOW)


@pytest.mark.django_db(transaction=True)
def test_eight_runs_at_once_send_one_mail() -> None:
    alice = tenant("alice")
    put(alice, CREDIT)
    record(alice.key, NOW)
    assert sum(at_once(8, lambda _: balance_alerts.tell(NOW))) == 1


@pytest.fixture
def pages(client: Client, alice: Tenant, at_now: None) -> Client:
    client.force_login(alice.owner)
    return client


def test_it_is_set_shown_and_switched_off_in_the_portal(pages: Client) -> None:
    page = pages.post("/billing/budgets/alert/", {"below": "$2.50"}, follow=True).content.decode()
    assert "You are told by mail when the balance falls below $2.50." in page
    assert 'value="2.50"' in page
    assert BalanceAlert.objects.get().below_nanos == 2_500_000_000
    page = pages.post("/billing/budgets/alert/", {"below": ""}, follow=True).content.decode()
    assert "You are not told when the balance is low." in page
    assert not BalanceAlert.objects.exists()


def test_what_is_no_amount_is_told_and_nothing_is_changed(pages: Client, alice: Tenant) -> None:
    put(alice, CREDIT)
    page = pages.post("/billing/budgets/alert/", {"below": "lots"})
    assert "Enter an amount in dollars" in page.content.decode()
    assert 'value="lots"' in page.content.decode()
    assert BalanceAlert.objects.get().below_nanos == CREDIT


def test_who_may_not_pay_sees_it_and_changes_nothing(client: Client, alice: Tenant, at_now: None) -> None:
    put(alice, CREDIT)
    client.force_login(member(alice.workspace, Role.VIEWER))
    assert "when less than $5.00 is left" in client.get("/billing/budgets/").content.decode()
    assert client.post("/billing/budgets/alert/", {"below": "1"}).status_code == 403
    assert BalanceAlert.objects.get().below_nanos == CREDIT
