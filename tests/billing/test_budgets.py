"""Budgets: whose, how long, how much is used; and that people are told in time, once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail

from accounts.models import Role
from billing import alerts, budgets, spends
from billing.models import Balance, Budget, BudgetAlert, BudgetPeriod
from tests.billing.factories import make_key, make_workspace
from tests.billing.seed import NOW, Tenant, member, record, tenant
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
COST = 2_601_900
DAY, WEEK, MONTH, TOTAL = BudgetPeriod


@pytest.fixture
def alice() -> Tenant:
    return tenant("alice")


def put(of: Tenant, limit: int, period: BudgetPeriod = DAY, *, whole: bool = True) -> Budget:
    key = None if whole else of.key
    return budgets.put(workspace=of.workspace, key=key, period=period, limit_nanos=limit, by=of.owner, at=NOW)


def standing(of: Tenant, at: datetime = NOW) -> list[tuple[str, bool, int, int]]:
    found = budgets.standing(of.workspace, at)
    return [(each.budget.period, each.budget.key is None, each.spent_nanos, each.percent) for each in found]


@pytest.mark.parametrize(
    ("period", "starts", "over"),
    [
        (DAY, date(2026, 10, 14), datetime(2026, 10, 15, tzinfo=UTC)),
        (WEEK, date(2026, 10, 12), datetime(2026, 10, 19, tzinfo=UTC)),
        (MONTH, date(2026, 10, 1), datetime(2026, 11, 1, tzinfo=UTC)),
        (TOTAL, date(1970, 1, 1), None),
    ],
)
def test_rule_26_a_period_begins_at_midnight_utc_and_weeks_on_monday(
    period: BudgetPeriod, starts: date, over: datetime | None
) -> None:
    assert spends.starts_on(period, date(2026, 10, 14)) == starts
    assert budgets.ends(period, starts) == over
    assert period is TOTAL or spends.starts_on(period, starts) == starts


def test_rule_26_a_request_counts_once_in_the_period_in_which_it_was_admitted(alice: Tenant) -> None:
    put(alice, 10 * COST)
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    record(alice.key, midnight - timedelta(milliseconds=1), recorded_at=midnight + timedelta(seconds=9))
    record(alice.key, midnight)
    assert standing(alice) == [("day", True, COST, 10)]
    assert standing(alice, midnight - timedelta(seconds=1)) == [("day", True, COST, 10)]


def test_a_key_and_its_workspace_have_budgets_of_their_own(alice: Tenant) -> None:
    put(alice, 4 * COST, MONTH, whole=False)
    put(alice, 2 * COST)
    record(alice.key, NOW)
    assert standing(alice) == [("day", True, COST, 50), ("month", False, COST, 25)]


def test_a_budget_of_the_same_holder_and_period_is_replaced_and_gateways_are_told(alice: Tenant) -> None:
    version = Balance.objects.get(workspace=alice.workspace).version
    first, second = put(alice, 5), put(alice, 7)
    assert (first.id, Budget.objects.get().limit_nanos) == (second.id, 7)
    budgets.remove(second, alice.owner)
    assert not Budget.objects.exists()
    assert Balance.objects.get(workspace=alice.workspace).version == version + 3


@pytest.mark.parametrize("limit", [-1, 10**18])
def test_an_impossible_limit_is_refused_and_nothing_is_set(alice: Tenant, limit: int) -> None:
    with pytest.raises(budgets.ImpossibleLimit):
        put(alice, limit)
    assert not Budget.objects.exists()


def test_another_workspaces_key_is_refused(alice: Tenant) -> None:
    stranger = make_key(make_workspace("Stranger"))
    with pytest.raises(budgets.NoSuchKey):
        budgets.put(workspace=alice.workspace, key=stranger, period=DAY, limit_nanos=1, by=alice.owner, at=NOW)
    assert not Budget.objects.exists()


def told() -> list[str]:
    return [str(message.subject) for message in mail.outbox]


def test_people_who_pay_are_told_at_50_80_and_100_percent_once(alice: Tenant) -> None:
    clerk = member(alice.workspace, Role.BILLING)
    member(alice.workspace, Role.DEVELOPER)
    put(alice, 10 * COST)
    for count in range(1, 12):
        record(alice.key, NOW)
        assert alerts.tell(NOW) == (count in {5, 8, 10})
        assert alerts.tell(NOW) == 0
    assert [subject[:8] for subject in told()] == ["50 % use", "80 % use", "Used up:"]
    assert {tuple(sorted(message.to)) for message in mail.outbox} == {tuple(sorted((alice.owner.email, clerk.email)))}
    assert "until 2026-" in mail.outbox[-1].body


def test_several_thresholds_passed_at_once_are_one_mail_of_the_highest(alice: Tenant) -> None:
    put(alice, COST)
    record(alice.key, NOW)
    assert (alerts.tell(NOW), len(mail.outbox), BudgetAlert.objects.count()) == (1, 1, 3)


def test_the_next_period_is_told_anew_and_so_is_what_a_raise_moved_ahead(alice: Tenant) -> None:
    put(alice, COST)
    record(alice.key, NOW)
    alerts.tell(NOW)
    put(alice, 2 * COST)  # 50 % again, which was told
    assert alerts.tell(NOW) == 0
    record(alice.key, NOW)
    assert alerts.tell(NOW) == 1
    tomorrow = NOW + timedelta(days=1)
    record(alice.key, tomorrow)
    assert alerts.tell(tomorrow) == 1


def test_a_mail_that_does_not_go_out_is_tried_again(alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> int:
        raise ConnectionRefusedError

    put(alice, COST)
    record(alice.key, NOW)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMessage.send", away)
        assert (alerts.tell(NOW), BudgetAlert.objects.count()) == (0, 0)
    assert (alerts.tell(NOW), len(told())) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_eight_runs_at_once_send_one_mail(launch_price: object) -> None:
    alice = tenant("alice")
    put(alice, COST)
    record(alice.key, NOW)
    assert sum(at_once(8, lambda _: alerts.tell(NOW))) == 1
    assert BudgetAlert.objects.count() == 3


@pytest.fixture
def pages(client: Client, alice: Tenant, at_now: None) -> Client:
    client.force_login(alice.owner)
    return client


def test_a_budget_is_set_shown_raised_and_removed_in_the_portal(pages: Client, alice: Tenant) -> None:
    asked = {"holder": str(alice.key.id), "period": "month", "limit": "$1,000.50"}
    done = pages.post("/billing/budgets/set/", asked, follow=True).content.decode()
    assert "may spend $1,000.50 a month." in done
    budget = Budget.objects.get()
    assert (budget.key_id, budget.limit_nanos) == (alice.key.id, 1_000_500_000_000)
    offered = pages.get(f"/billing/budgets/{budget.id}/?raise=1").content.decode()
    assert 'value="1,250.625"' in offered
    pages.post(f"/billing/budgets/{budget.id}/", {"limit": "1,250.625"})
    assert Budget.objects.get().limit_nanos == 1_250_625_000_000
    pages.post(f"/billing/budgets/{budget.id}/remove/")
    assert not Budget.objects.exists()


@pytest.mark.parametrize("limit", ["", "x", "-1", "NaN", "Infinity", "0.0000000001", "1e30"])
def test_what_is_no_amount_is_told_and_nothing_is_set(pages: Client, limit: str) -> None:
    answer = pages.post("/billing/budgets/set/", {"holder": "", "period": "day", "limit": limit})
    assert answer.status_code == 200
    assert 'class="error"' in answer.content.decode()
    assert not Budget.objects.exists()


def test_who_may_not_pay_sees_budgets_and_changes_none(client: Client, alice: Tenant, at_now: None) -> None:
    budget = put(alice, COST)
    client.force_login(member(alice.workspace, Role.DEVELOPER))
    page = client.get("/billing/budgets/").content.decode()
    assert "The workspace" in page
    assert "Set budget" not in page
    for path in ("set/", f"{budget.id}/", f"{budget.id}/remove/"):
        assert client.post(f"/billing/budgets/{path}", {"limit": "5", "period": "day"}).status_code == 403
    assert Budget.objects.get().limit_nanos == COST


def test_another_workspaces_budget_is_not_there(pages: Client) -> None:
    other = put(tenant("bob"), COST)
    for path in (f"{other.id}/", f"{other.id}/remove/"):
        assert pages.post(f"/billing/budgets/{path}", {"limit": "5"}).status_code == 404
    assert Budget.objects.get().limit_nanos == COST
