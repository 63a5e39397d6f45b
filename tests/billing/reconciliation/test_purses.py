"""Redis's numbers beside Postgres's: a nano off is found and named, and traffic alone never is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from billing import budgets, ledger
from billing.models import Balance, BudgetPeriod, JournalWriter
from billing.reconciliation.purses import SWEPT, Compared, Held, Purse, compare, look
from tests.billing.factories import NOON, make_request, record
from tests.cast import make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db
CREDIT, COST = 5 * 10**9, 2_601_900
LIVES, DIED = "host/lives", "host/died"


@dataclass(slots=True)
class Told:
    """What Redis says, as a test has it."""

    purses: list[Purse] = field(default_factory=list)
    calls: int | None = 0

    def read(self) -> Iterator[list[Purse]]:
        yield from ([purse] for purse in self.purses)

    def running(self) -> int | None:
        return self.calls


@pytest.fixture
def balance(workspace: Workspace, key: ApiKey) -> Purse:
    """The purse of a balance as Redis has it after a look: $5, and one request paid."""
    ledger.open_balance(workspace=workspace, credit_nanos=CREDIT, at=NOON)
    record(make_request(key))
    JournalWriter.objects.create(name=LIVES, opened_at=NOON)
    JournalWriter.objects.create(name=DIED, opened_at=NOON, buried_at=NOON)
    version = Balance.objects.get(workspace=workspace).version
    return Purse(name="w:balance", workspace_id=workspace.id, version=version, left=CREDIT - COST, total=0)


def compared(*purses: Purse, calls: int | None = 0, earlier: Told | None = None) -> Compared:
    told = Told([*purses], calls)
    return compare(told, look(earlier or told), NOON + timedelta(hours=1))


def said(result: Compared) -> list[tuple[str, int | str, int | str]]:
    return [(each.about, each.expected, each.found) for each in result.findings]


def holding(purse: Purse, process: str, nanos: int, at_hand: int = 0) -> Purse:
    return replace(purse, total=nanos, held=(Held(process, 1, nanos, at_hand),))


def test_rule_30_a_purse_that_agrees_is_compared_and_no_finding(balance: Purse) -> None:
    assert compared(balance) == Compared([], compared=1)


def test_a_page_of_redis_without_a_purse_is_nothing_to_compare(balance: Purse) -> None:
    class Empty(Told):
        def read(self) -> Iterator[list[Purse]]:
            yield []
            yield [balance]

    assert compare(Empty(), look(Empty()), NOON) == Compared([], compared=1)


def test_rule_30_a_nano_off_is_found_and_the_purse_named(balance: Purse) -> None:
    off = compared(replace(balance, left=CREDIT - COST + 1))
    assert said(off) == [("purse w:balance, left", CREDIT - COST, CREDIT - COST + 1)]


def test_a_purse_that_is_a_look_behind_is_skipped_and_counted(balance: Purse, key: ApiKey) -> None:
    record(make_request(key))
    assert compared(balance) == Compared([], behind=1)


def test_a_version_that_postgres_never_had_is_found(balance: Purse) -> None:
    ahead = replace(balance, version=balance.version + 1)
    assert said(compared(ahead)) == [("purse w:balance, version", balance.version, balance.version + 1)]


def test_a_budget_is_compared_in_its_own_period_and_skipped_once_it_is_removed(balance: Purse, key: ApiKey) -> None:
    owner = make_user("owner@example.com")
    day = BudgetPeriod.DAY
    budget = budgets.put(workspace=key.workspace, key=key, period=day, limit_nanos=3 * COST, by=owner, at=NOON)
    version = Balance.objects.get().version
    purse = replace(
        balance, name="w:day", period="day", starts_on=date(2026, 10, 14), key_id=key.id, version=version, left=2 * COST
    )
    assert compared(purse) == Compared([], compared=1)
    assert said(compared(replace(purse, left=2))) == [("purse w:day, left", 2 * COST, 2)]
    assert said(compared(replace(purse, starts_on=date(2026, 10, 13)))) == [("purse w:day, left", 3 * COST, 2 * COST)]
    budgets.remove(budget, owner)
    assert compared(purse) == Compared([], gone=1)


def test_more_than_a_purse_can_tell_is_compared_as_it_is_told(balance: Purse, workspace: Workspace) -> None:
    Balance.objects.filter(workspace=workspace).update(nanos=2**60)
    assert compared(replace(balance, left=2**52)) == Compared([], compared=1)


def test_the_sum_of_what_is_held_is_what_each_process_holds(balance: Purse) -> None:
    off = replace(holding(balance, LIVES, 5), total=6)
    assert said(compared(off, calls=1)) == [("purse w:balance, held in all", 5, 6)]


def test_what_a_request_holds_is_no_finding_while_calls_run_or_nobody_knows(balance: Purse) -> None:
    held = holding(balance, LIVES, 7)
    assert compared(held, calls=1).findings == compared(held, calls=None).findings == []


def test_what_is_held_all_the_while_nothing_runs_is_found(balance: Purse) -> None:
    about = f"purse w:balance, held by {LIVES}, idle"
    assert said(compared(holding(balance, LIVES, 7))) == [(about, 0, 7)]


def test_what_changed_between_two_looks_is_no_finding(balance: Purse) -> None:
    before = Told([holding(balance, LIVES, 8)])
    assert compared(holding(balance, LIVES, 7), earlier=before).findings == []


def test_what_is_at_hand_for_requests_to_come_is_no_finding(balance: Purse) -> None:
    assert compared(holding(balance, LIVES, 7, at_hand=7), holding(balance, DIED, 7, at_hand=7)).findings == []


@pytest.mark.parametrize("process", [DIED, "host/never-known"])
def test_what_a_process_that_is_gone_holds_is_found(balance: Purse, process: str) -> None:
    about = f"purse w:balance, held by {process}, gone"
    held = holding(balance, process, 7)
    beside = replace(held, held=(*held.held, Held(LIVES, 1, 3, 3)), total=10)
    assert said(compared(beside, calls=1)) == [(about, 0, 7)]


def test_what_the_dead_hold_of_a_purse_that_nobody_asks_for_is_counted_and_no_finding(balance: Purse) -> None:
    assert compared(holding(balance, DIED, 7), calls=1) == Compared([], compared=1, waiting=1)


def test_what_is_held_of_a_purse_that_is_a_look_behind_may_be_a_cost_and_is_no_finding(
    balance: Purse, key: ApiKey
) -> None:
    record(make_request(key))
    assert compared(holding(balance, DIED, COST)) == Compared([], behind=1)


def test_more_at_hand_than_is_held_is_no_finding_since_some_is_given_out(balance: Purse) -> None:
    assert compared(holding(balance, DIED, 5, at_hand=7)).findings == []


def test_what_a_process_held_that_was_buried_a_moment_ago_is_no_finding_yet(balance: Purse) -> None:
    told = Told([holding(balance, DIED, 7)], calls=1)
    assert compare(told, {}, NOON + SWEPT - timedelta(seconds=1)).findings == []


def test_nobody_holds_less_than_nothing(balance: Purse) -> None:
    assert said(compared(holding(balance, LIVES, -1))) == [(f"purse w:balance, held by {LIVES}", 0, -1)]
