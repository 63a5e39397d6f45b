"""The app's own role can add to what is written for good, and change none of it."""

from __future__ import annotations

import secrets
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from billing import invoicing, ledger, partitions
from billing.models import Entry, Posting, RequestRecord
from tests.billing.factories import NOON, check_now, make_request, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import ApiKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_the_app(key: ApiKey) -> Iterator[None]:
    """Be a role that `grant_role` was run for, twice; the transaction takes it away again."""
    name = f"pylo_app_{secrets.token_hex(4)}"
    record(make_request(key))
    check_now()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name}")
        for _ in range(2):
            call_command("grant_role", name, stdout=StringIO())
        cursor.execute(f"SET LOCAL ROLE {name}")
        yield
        cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_posting SET nanos = 0",
        "DELETE FROM billing_entry",
        "TRUNCATE billing_invoiceline",
        "UPDATE billing_requestrecord SET cost_nanos = 0",
        "UPDATE billing_requestrecord_rest SET cost_nanos = 0",
        "DELETE FROM billing_requestrecord",
        "DELETE FROM billing_invoice",
        "TRUNCATE billing_requestrecord",
        "ALTER TABLE billing_posting DISABLE TRIGGER USER",
        "DROP TABLE billing_entry",
        "SET session_replication_role = replica",
    ],
)
def test_rule_16_the_apps_role_may_change_nothing_that_is_written(as_the_app: None, statement: str) -> None:
    before = list(RequestRecord.objects.values()), list(Posting.objects.values()), list(Entry.objects.values())
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)
    assert before == (
        list(RequestRecord.objects.values()),
        list(Posting.objects.values()),
        list(Entry.objects.values()),
    )


def test_the_apps_role_records_credits_invoices_and_makes_partitions(as_the_app: None, key: ApiKey) -> None:
    record(make_request(key))
    ledger.credit(workspace=key.workspace, kind=Posting.Kind.TOP_UP, nanos=5, key="a", at=NOON)
    issued = invoicing.issue(workspace=key.workspace, until=NOON.replace(hour=13), now=NOON.replace(hour=14))
    assert RequestRecord.objects.filter(invoice=issued).count() == 2
    check_now()
    assert partitions.make_ahead(NOON.replace(year=2031)) == 4


@pytest.mark.parametrize(("name", "why"), [("nobody_of_that_name", "There is no role"), ("", "nothing can be kept")])
def test_a_role_that_cannot_be_held_back_is_refused(name: str, why: str) -> None:
    own = str(connection.settings_dict["USER"])
    with pytest.raises(CommandError, match=why):
        call_command("grant_role", name or own, stdout=StringIO())
