"""Books that agree, to be made wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection

from billing import invoicing, ledger, rollup
from gateway.usage import Outcome
from tests.billing.factories import NOON, check_now, make_request, make_workspace, record

if TYPE_CHECKING:
    from accounts.models import ApiKey

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def keep_books(key: ApiKey) -> None:
    """Two months' invoices, credit, rollups and a record that no invoice has yet; and `other`, another workspace."""
    make_workspace("Other")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP VIEW other AS SELECT id FROM accounts_workspace WHERE name = 'Other'")
    ledger.open_balance(workspace=key.workspace, credit_nanos=5 * 10**9, at=NOON)
    for month in range(2):
        at = NOON + timedelta(days=30 * month)
        record(make_request(key, at=at), make_request(key, at=at, outcome=Outcome.STALLED), at=at)
        until = NOVEMBER + timedelta(days=30 * month)
        invoicing.issue(workspace=key.workspace, until=until, now=until)
    record(make_request(key, at=NOVEMBER + timedelta(days=40)))
    rollup.catch_up(NOVEMBER + timedelta(days=60))
    check_now()  # or it would be checked with what is forged afterwards
