"""`manage.py reconcile`: all numbers in one run, what is found on one stream and how far it is on the other."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
import redis
from django.core.management import CommandError, call_command

from billing.models import Balance, Posting, RequestRecord
from billing.reconciliation import CHECKS
from gateway.purses import balance_key
from pylo_site.local.ports import free
from tests.billing.factories import forged, launch_price, make_key, make_workspace
from tests.billing.reconciliation.accounts import keep_books
from tests.fakes.engines import redis_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from accounts.models import Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(settings: Settings) -> Iterator[redis.Redis]:
    """A Redis of the test's own, with no purse yet, and no provider."""
    settings.PYLO_STRIPE_SECRET_KEY = settings.PYLO_PAYMENTS_URL = ""
    with redis_number(settings.REDIS_URL) as url, redis.Redis.from_url(url) as client:
        settings.REDIS_URL = url
        yield client


@pytest.fixture
def acme(there: redis.Redis) -> Workspace:
    launch_price()
    workspace = make_workspace()
    keep_books(make_key(workspace))
    return workspace


def plant(there: redis.Redis, workspace: Workspace, *, off: int = 0) -> str:
    """Let Redis have the workspace's balance as a gateway tells it."""
    balance = Balance.objects.get(workspace=workspace)
    epoch = f"{there.info('server')['run_id']}:one"
    there.set("pylo:purses:epoch", epoch)
    fields = {"epoch": epoch, "version": balance.version, "left": balance.nanos + off, "total": 0}
    there.hset(f"pylo:purse:{balance_key(workspace.id)}", mapping=fields)  # type: ignore[arg-type]  # as above
    return balance_key(workspace.id)


def reconcile(*words: str) -> tuple[list[str], list[str]]:
    out, err = StringIO(), StringIO()
    call_command("reconcile", *words, stdout=out, stderr=err)
    return out.getvalue().splitlines(), err.getvalue().splitlines()


def test_rule_30_all_numbers_agree_and_it_says_how_many_purses_were_compared(
    there: redis.Redis, acme: Workspace
) -> None:
    plant(there, acme)
    out, err = reconcile()
    assert out == ["All numbers agree."]
    assert [line.split(":")[0] for line in err] == ["Of Redis's purses 1 were compared, 0 were not"]


def test_with_progress_each_step_is_told(acme: Workspace) -> None:
    _, err = reconcile("--progress")
    steps = len(CHECKS) + 3
    assert [line.split(",")[0] for line in err[:-1]] == [f"{number} of {steps}" for number in range(1, steps + 1)]


def test_rule_30_a_nano_off_in_redis_fails_it_and_names_the_purse(there: redis.Redis, acme: Workspace) -> None:
    name = plant(there, acme, off=1)
    left = Balance.objects.get(workspace=acme).nanos
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 numbers do not agree") as failure:
        call_command("reconcile", stdout=out, stderr=err)
    assert failure.value.returncode == 1
    assert out.getvalue().endswith(f": purse {name}, left: expected {left}, found {left + 1}\n")


def test_it_fails_and_names_what_it_found(acme: Workspace) -> None:
    with forged():
        Posting.objects.filter(kind="signup_credit").update(nanos=1)
        RequestRecord.objects.filter(invoice=None).update(waived_nanos=1)
    out = StringIO()
    with pytest.raises(CommandError, match="3 numbers do not agree"):
        call_command("reconcile", stdout=out, stderr=StringIO())
    assert [line.partition(":")[0] for line in out.getvalue().splitlines()] == [
        "a posting's entries sum to zero, and the customer's to what it says",
        "a record costs, or is waived, its tokens at its price",
        "what is on no invoice is the sum of its records",
    ]


def test_without_redis_it_says_that_purses_were_not_compared(acme: Workspace, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free()}/0"
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="not everything was") as failure:
        call_command("reconcile", stdout=out, stderr=err)
    assert failure.value.returncode == 3
    assert out.getvalue() == ""
    assert err.getvalue().startswith("not compared: what Redis has of balances and budgets")
    assert err.getvalue().endswith("Redis does not answer (ConnectionError)\n")


def test_a_purse_of_an_earlier_life_of_redis_does_not_count(there: redis.Redis, acme: Workspace) -> None:
    plant(there, acme, off=1)
    there.set("pylo:purses:epoch", "another-run:one")
    assert reconcile()[0] == ["All numbers agree."]


def test_a_provider_that_is_away_is_told_too(acme: Workspace, settings: Settings) -> None:
    settings.PYLO_PAYMENTS_URL = f"http://127.0.0.1:{free()}"
    settings.PYLO_PAYMENTS_SECRET = "whsec"
    err = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("reconcile", stdout=StringIO(), stderr=err)
    assert failure.value.returncode == 3
    assert "not compared: what was paid in and given back" in err.getvalue()
