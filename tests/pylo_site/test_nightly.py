"""The reconciliation of the night: a planted nano is logged by name and mailed once."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.core.cache import cache

from billing.models import Balance
from billing.reconciliation.check import NotCompared
from pylo_site import nightly
from pylo_site.reconciling import APART, Means
from tests.billing.factories import launch_price, make_key, make_workspace
from tests.billing.reconciliation.accounts import keep_books

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytest_django import Settings

    from accounts.models import Workspace
    from billing.reconciliation.purses import Purse

pytestmark = pytest.mark.django_db
NIGHT = datetime(2027, 1, 2, 3, 17, tzinfo=UTC)
CHECK = "a balance is the sum of its entries"


class NoPurses:
    """A Redis that was emptied, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self._away = away

    def read(self) -> Iterator[list[Purse]]:
        if self._away:
            raise NotCompared("Redis does not answer")
        yield from ()

    def running(self) -> int | None:
        return None if self._away else 0


@pytest.fixture
def acme(settings: Settings) -> Iterator[Workspace]:
    settings.PYLO_OPERATORS = ("oncall@pylo.example", "money@pylo.example")
    launch_price()
    workspace = make_workspace()
    keep_books(make_key(workspace))
    cache.clear()
    yield workspace
    cache.clear()


def night(*, away: bool = False) -> None:
    def slept(seconds: float) -> None:
        raise AssertionError(f"nothing is held, so nothing is waited for: {seconds} of {APART}")

    purses = NoPurses(away=away)
    means = Means(provider=None, purses=purses, write=print, seconds=lambda: 0.0, sleep=slept, always=False)
    nightly.reconcile(means, NIGHT)


def plant(workspace: Workspace) -> int:
    balance = Balance.objects.get(workspace=workspace)
    Balance.objects.filter(workspace=workspace).update(nanos=balance.nanos + 1)
    return balance.nanos


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [each.msg for each in caplog.records if isinstance(each.msg, dict) and each.msg["event"] == event]


def test_rule_30_a_planted_nano_is_logged_with_stable_names(acme: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    nanos = plant(acme)
    night()
    (line,) = lines(caplog, "reconcile.finding")
    said = {name: line[name] for name in ("check", "about", "expected", "found", "level")}
    assert said == {
        "check": CHECK,
        "about": f"workspace {acme.id}",
        "expected": nanos,
        "found": nanos + 1,
        "level": "error",
    }
    (done,) = lines(caplog, "reconcile.done")
    assert (done["findings"], done["not_compared"]) == (1, 0)
    assert json.dumps(said)


def test_operators_get_one_mail_though_the_task_was_given_out_twice(acme: Workspace) -> None:
    nanos = plant(acme)
    for _ in range(2):
        night()
    (message,) = mail.outbox
    assert message.to == ["oncall@pylo.example", "money@pylo.example"]
    assert message.subject == "1 numbers of the books do not agree"
    assert f"{CHECK}: workspace {acme.id}: expected {nanos}, found {nanos + 1}" in str(message.body)


def test_books_that_agree_mail_nobody(acme: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    night()
    assert (mail.outbox, lines(caplog, "reconcile.finding")) == ([], [])


def test_a_redis_that_is_away_is_a_warning_and_no_mail(acme: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    night(away=True)
    assert [line["level"] for line in lines(caplog, "reconcile.not_compared")] == ["warning"]
    assert mail.outbox == []


def test_a_mail_server_that_is_away_is_logged_and_the_next_run_mails(
    acme: Workspace, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    plant(acme)
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "tests.fakes.mail.Away"
    night()
    assert [line["error"] for line in lines(caplog, "reconcile.mail_not_sent")] == ["ConnectionRefusedError"]
    settings.EMAIL_BACKEND = works
    night()
    assert len(mail.outbox) == 1
